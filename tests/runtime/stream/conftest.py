"""A source and an enhancer that fail on command."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.errors import InferenceFailed, InputError
from edgeenh.frames import Frame, Provenance
from edgeenh.sources import BaseSource, Notice
from edgeenh.stream import ManualClock

SIZE = (32, 24)


class ScriptedSource(BaseSource):
    """Gives one frame per word of its script.

    `ok` a new picture; `gap` three numbers are skipped; `repeat` the former number again; `slow` the clock moves 40 ms first; `wait` until the
    gate opens; `notice` tells something; `fail` raises. It is live, so that a live stream takes it at its own pace.
    """

    def __init__(self, script: Sequence[str], clock: ManualClock) -> None:
        super().__init__("scripted", clock)
        self.live, self.size, self.length = True, SIZE, len(script)
        self.manual, self.script = clock, list(script)
        self.closed = 0
        self.gate: threading.Semaphore | None = None
        self.given = 0

    def read(self) -> Frame | None:
        if self._interrupted.is_set() or self.given == len(self.script):
            return None
        word = self.script[self.given]
        self.given += 1
        if word == "slow":
            self.manual.advance(40)
        elif word == "gap":
            self._sequence += 3
        elif word == "repeat":
            self._sequence = max(0, self._sequence - 1)
        elif word == "notice":
            self.notices.append(Notice("told", "something"))
        elif word == "wait":
            assert self.gate is not None
            assert self.gate.acquire(timeout=30)
        elif word == "fail":
            raise OSError("the cable is gone")
        return self._frame(self.picture(self.given), self._clock.now_ns(), word)

    def close(self) -> None:
        self.closed += 1

    @staticmethod
    def picture(seed: int) -> NDArray[np.uint8]:
        return np.random.default_rng(seed).integers(0, 200, (SIZE[1], SIZE[0], 3), np.uint8)


class ScriptedEnhancer:
    """Adds 10 to every pixel, or does what the next word of its script says; beyond the script all is well.

    `raise`, `refuse` (an InputError), `constant`, `stale` (the former output again), `nothing` (does not write), `slow` (50 ms by the clock).
    """

    def __init__(self, script: Sequence[str], clock: ManualClock) -> None:
        self.script, self.clock = list(script), clock
        self.calls = 0
        self.prepared: list[tuple[int, int]] = []
        self.last: NDArray[np.uint8] | None = None
        self.entered, self.go_on = threading.Semaphore(0), threading.Event()
        self.go_on.set()

    def prepare(self, height: int, width: int) -> None:
        self.prepared.append((height, width))

    def enhance_into(self, image: NDArray[np.uint8], out: NDArray[np.uint8], strength: float | None = None) -> None:
        word = self.script[self.calls] if self.calls < len(self.script) else "ok"
        self.calls += 1
        self.entered.release()
        assert self.go_on.wait(30), "the test did not let the enhancer go on"
        if word == "raise":
            raise InferenceFailed("the device is lost")
        if word == "refuse":
            raise InputError("too small")
        if word == "slow":
            self.clock.advance(50)
        if word == "nothing":
            return
        out[...] = 77 if word == "constant" else image + 10
        if word == "stale" and self.last is not None:
            out[...] = self.last
        self.last = out.copy()

    def provenance(self, strength: float | None = None) -> Provenance:
        return Provenance("b", "e", "scripted", "test", "fp32", 1.0 if strength is None else strength)


Scripted = Callable[..., tuple[ScriptedSource, ScriptedEnhancer, ManualClock]]


@pytest.fixture(scope="session")
def scripted() -> Scripted:
    """A source with this script, an enhancer with that one, and the clock of both."""

    def make(
        faults: Sequence[str], answers: Sequence[str] = ()
    ) -> tuple[ScriptedSource, ScriptedEnhancer, ManualClock]:
        clock = ManualClock(5_000)
        return ScriptedSource(faults, clock), ScriptedEnhancer(answers, clock), clock

    return make
