"""Another bundle while frames go on: opened, judged and timed in a second worker, and only then put in place.

refused       not a bundle, another model, an older version, fails the gate on its golden frames, or too slow
on trial      it is in use, and the former worker still lives: the first failure or unhealthy result puts it back
confirmed     so many frames went well; the former worker is ended
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgeenh.containment.lifecycle import OPEN_S, Installed, Lifecycle
from edgeenh.containment.process import LateError, Prepared, WorkerProcess
from edgeenh.containment.recovery import Rung
from edgeenh.drift import Thresholds
from edgeenh.errors import EdgeenhError, GateFailed, UsageError, WorkerFailed
from edgeenh.frames import PassthroughReason
from edgeenh.gate import judge
from edgeenh.stream.health import bounds_of

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.pixels import Levels

TRIAL_FRAMES = 10
"""Frames that a new bundle is on trial for."""

TIMED_FRAMES = 7
"""Frames at the stream's size whose median time is the new bundle's latency."""


class Swapper:
    """Changes the bundle of a worker, one at a time."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life
        self._one = threading.Lock()

    def swap(self, bundle: Bundle, max_latency_s: float | None) -> None:
        """Put `bundle` in place between two frames; returns when it is on trial.

        Args:
            bundle: Opened, so every byte of it was checked.
            max_latency_s: Refuse it when a frame takes longer; None = as long as it likes.

        Raises:
            UsageError: Another model, other pictures or an older version; or another swap is under way or on trial.
            GateFailed: Its golden frames, or its latency.
            EdgeenhError: It cannot be opened.
        """
        life = self._life
        if not self._one.acquire(blocking=False):
            raise UsageError("another bundle is being swapped in: wait until that is done")
        process: WorkerProcess | None = None
        try:
            if life.trial is not None:
                raise UsageError(
                    f"another bundle is on trial for its first {TRIAL_FRAMES} frames: wait until it is confirmed"
                )
            self._check(bundle)
            rung = life.recovery.rung
            process = life.start_process(bundle, rung)
            prepared = self._canary(process, bundle, rung, max_latency_s)
            self._install(process, bundle, rung if prepared is None else _pinned(rung, prepared))
        except (EdgeenhError, LateError) as exc:
            if process is not None:
                life.retire(process)
            text = str(exc) or f"it did not answer within {OPEN_S:g} s"
            present = life.bundle.manifest
            life.tell("swap_refused", f"{text}; {present.id} {present.version} goes on")
            if isinstance(exc, LateError):
                raise WorkerFailed(text, PassthroughReason.WORKER_HUNG) from exc
            raise
        finally:
            self._one.release()

    def _check(self, bundle: Bundle) -> None:
        new, present = bundle.manifest, self._life.bundle.manifest
        if (new.id, new.pixels) != (present.id, present.pixels):
            raise UsageError(
                f"{bundle.path} is {new.id} for {new.pixels.photometric}, expected {present.id} for "
                f"{present.pixels.photometric}: stop the stream to change the model"
            )
        if new.version < present.version:
            raise UsageError(
                f"{bundle.path} is version {new.version} of {new.id}, expected {present.version} or newer: "
                "stop the stream to go back to an older one"
            )

    def _canary(
        self, process: WorkerProcess, bundle: Bundle, rung: Rung, max_latency_s: float | None
    ) -> Prepared | None:
        """Golden frames through the gate, then time at the sizes in use; None when no size is."""
        bounds_of(bundle)  # read here, not when the first frame is judged
        gate = bundle.manifest.gate
        # a worker that chooses by itself has judged every precision by its own thresholds already
        precision = rung.precision or ("int8" if gate.int8 is not None else "")
        thresholds = Thresholds(**gate.thresholds(precision))
        verdict = judge(_enhanced(process, bundle), thresholds, bundle.manifest.pixels.top)
        if not verdict.passed:
            raise GateFailed(f"{bundle.path} fails the gate on its own golden frames: {verdict.reasons[0]}")
        prepared: Prepared | None = None
        for height, width in self._life.wanted_sizes():
            prepared = process.prepare(height, width, OPEN_S)
            seconds = _frame_s(process, bundle, height, width)
            if max_latency_s is not None and not seconds <= max_latency_s:
                raise GateFailed(
                    f"{bundle.path} takes {seconds * 1e3:.1f} ms for a frame of {width}x{height}, "
                    f"expected at most {max_latency_s * 1e3:.1f} ms"
                )
        return prepared

    def _install(self, process: WorkerProcess, bundle: Bundle, rung: Rung) -> None:
        life, name = self._life, _name(bundle)
        trial = _Trial(life, name)
        with life.changed:
            trial.former = life.install(process, bundle, rung, trial)
            if trial.former is None:
                raise UsageError(f"no worker is running that {name} could replace ({life.state}): try again")
            life.tell("swapped", f"{name} is in use, on trial for {TRIAL_FRAMES} frames")


class _Trial:
    """The first frames of a new bundle (see `edgeenh.containment.lifecycle.Trial`)."""

    def __init__(self, life: Lifecycle, name: str) -> None:
        self._life, self._name, self._left = life, name, TRIAL_FRAMES
        self.former: Installed | None = None

    def succeeded(self) -> None:
        """One frame less to go; after the last the former worker is ended, in a thread: nobody shall wait for that."""
        self._left -= 1
        if self._left or self.former is None:
            return
        self._life.trial = None
        self._life.tell("swap_confirmed", f"{self._name} enhanced its first {TRIAL_FRAMES} frames")
        old = self.former.process
        threading.Thread(target=self._life.retire, args=(old,), name="edgeenh-retire", daemon=True).start()

    def failed(self) -> bool:
        """Put the former worker back."""
        self._life.trial = None
        if self.former is None:
            return False
        self._life.tell(
            "swap_rolled_back", f"{self._name} failed on trial: {_name(self.former.bundle)} is in use again"
        )
        self._life.restore(self.former)
        return True


def _name(bundle: Bundle) -> str:
    return f"{bundle.manifest.id} {bundle.manifest.version} ({bundle.sha256[:12]})"


def _pinned(rung: Rung, prepared: Prepared) -> Rung:
    return Rung(prepared.info.backend, prepared.info.precision) if rung.precision is None else rung


def _enhanced(process: WorkerProcess, bundle: Bundle) -> Iterator[tuple[str, Levels, Levels]]:
    """Name, reference and the new worker's picture for each golden frame."""
    bits = bundle.manifest.pixels.bits[1]
    for name, image, reference in sorted(bundle.golden(), key=lambda golden: golden[1].shape):
        height, width = image.shape[:2]
        if process.ready_for(height, width) is None:
            process.prepare(height, width, OPEN_S)
        out = np.empty_like(image)
        process.run(image, out, 1.0, bits, OPEN_S)
        yield name, reference, out


def _frame_s(process: WorkerProcess, bundle: Bundle, height: int, width: int) -> float:
    """Median seconds of a golden frame, resized to the stream's size, while the former worker goes on beside."""
    golden = bundle.golden()[0][1]
    frame: Levels = cv2.resize(golden, (width, height)).reshape(height, width, -1)
    out, times = np.empty_like(frame), []
    for _ in range(TIMED_FRAMES):
        started = time.monotonic()
        process.run(frame, out, 1.0, bundle.manifest.pixels.bits[1], OPEN_S)
        times.append(time.monotonic() - started)
    return statistics.median(times)
