"""The three contracts through the whole stream, under an injected clock: faults of source and model, respawns, swaps, ends, bad input."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh.errors import InferenceFailed, WorkerFailed
from edgeenh.frames import EnhancedFrame, Frame, PassthroughReason, Provenance
from edgeenh.sources import BaseSource
from edgeenh.stream import ManualClock, Stream
from edgeenh.stream.opening import Mode

MAX_AGE_MS = 100
SHAPE = (24, 32, 3)
WORKER = [reason.value for reason in PassthroughReason if reason.value.startswith("worker")] + ["gave_up", "deadline"]

SOURCE_WORDS = st.sampled_from(["ok", "late", "jump", "gap", "back", "empty", "grey", "small", "deep", "noise"])
MODEL_WORDS = st.sampled_from(["ok", "slow", "stuck", "raise", "swap", "nothing", *WORKER])


class TroubledSource(BaseSource):
    """One frame per word: late by 30 ms, the clock jumps an hour, a gap, a number that goes back, no bytes, another kind or size."""

    def __init__(self, words: list[str], clock: ManualClock, *, live: bool) -> None:
        super().__init__("troubled", clock)
        self.words, self.manual, self.live, self.given = words, clock, live, 0

    def read(self) -> Frame | None:
        if self._interrupted.is_set() or self.given == len(self.words):
            return None
        word = self.words[self.given]
        self.given += 1
        if word == "late":
            self.manual.advance(30)
        elif word == "jump":
            self.manual.advance(3_600_000)
        elif word == "gap":
            self._sequence += 2
        elif word == "back":
            self._sequence = max(0, self._sequence - 3)
        image: Any = np.random.default_rng(self.given).integers(0, 200, SHAPE, np.uint8)
        if word == "small":
            image = image[:16, :16].copy()
        kinds = {
            "empty": lambda: np.empty((0, 0, 3), np.uint8), "grey": lambda: image[..., 0].copy(),
            "deep": lambda: image.astype(np.uint16), "noise": lambda: image.astype(np.float32),
        }  # fmt: skip
        image = kinds.get(word, lambda: image)()
        return self._frame(image, self._clock.now_ns(), word)


class TroubledEnhancer:
    """A worker that is slow, stuck, dead in every way, or another model from now on; its digest is in the provenance."""

    def __init__(self, words: list[str], clock: ManualClock) -> None:
        self.words, self.clock, self.calls, self.model = words, clock, 0, 0

    def prepare(self, height: int, width: int) -> None:
        pass

    def enhance_into(self, image: Any, out: Any, strength: float | None = None) -> Provenance:
        word = self.words[self.calls] if self.calls < len(self.words) else "ok"
        self.calls += 1
        if word in WORKER:
            raise WorkerFailed("it is gone", word)
        if word == "raise":
            raise InferenceFailed("it failed")
        self.clock.advance({"slow": 40, "stuck": 400}.get(word, 1))
        self.model += word == "swap"
        if word != "nothing":
            out[...] = image + 10 + self.model
        return Provenance(str(self.model), "e", "troubled", "t", "fp32", 1.0)

    def provenance(self, strength: float | None = None) -> Provenance:
        raise AssertionError("it was given with the picture")


ENDS = st.sampled_from(["", "", "stop", "abandon", "close", "leave"])


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["live", "exposure", "offline"]),
    st.lists(SOURCE_WORDS, max_size=25),
    st.lists(MODEL_WORDS, max_size=25),
    ENDS,
    st.integers(0, 20),
    st.booleans(),
)
def test_every_contract_holds_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory,
    mode: Mode,
    given_words: list[str],
    answers: list[str],
    end: str,
    after: int,
    device: bool,
) -> None:
    clock = ManualClock(5_000)
    source = TroubledSource(given_words, clock, live=device or mode == "live")
    spool = tmp_path_factory.mktemp("spool") if mode == "exposure" else None
    stream = Stream(
        source, TroubledEnhancer(answers, clock), mode=mode, max_age_ms=MAX_AGE_MS, spool=spool, clock=clock
    )
    shown: list[EnhancedFrame] = []
    try:
        while (frame := next(stream, None)) is not None:
            shown.append(frame)
            check(stream, frame, shown, mode)
            if len(shown) == after:
                if end == "leave":
                    break
                {"stop": stream.stop, "abandon": lambda: stream.stop(wait=False), "close": stream.close}.get(end, int)()
    finally:
        stream.close()
    counts = stream.accounting.counts()
    assert counts.holds
    assert counts.in_flight == 0
    assert counts.enhanced == sum(frame.enhanced for frame in shown)
    assert counts.passthrough == dict(Counter(frame.reason.value for frame in shown if frame.reason))
    assert counts.captured == len(shown) + sum(counts.dropped.values()) + counts.spooled
    order = [frame.original.captured_ns for frame in shown]
    assert order == sorted(order)
    ended = bool(end) and len(shown) >= after > 0
    if mode == "offline":
        assert set(counts.dropped) <= ({"stopped"} if ended else set())
    if mode == "exposure":
        assert counts.dropped == {}
        stored = stream.report()["spool"]
        assert stored["stored"] == len(shown) + counts.spooled
        assert stored["unspooled"] == 0
        assert len(list(cast("Any", spool).glob("*.exposure"))) == stored["waiting"]
    if not ended:
        assert counts.captured == len(given_words)
        expected = sum(2 for word in given_words[1:] if word == "gap")
        assert counts.lost_upstream.get("gap", 0) == expected


def check(stream: Stream, frame: EnhancedFrame, shown: list[EnhancedFrame], mode: Mode) -> None:
    """What is true of every frame at the moment it is handed over."""
    assert stream.accounting.holds
    if mode == "live":
        assert stream.report()["age_ms"]["max"] <= MAX_AGE_MS
    original = frame.original
    assert frame.enhanced == (frame.image is not original.image) == (frame.reason is None)
    if frame.enhanced:
        assert frame.provenance is not None
        assert np.array_equal(
            frame.image, original.image + 10 + int(frame.provenance.bundle_sha256)
        )  # one model, named
    if original.label in ("empty", "grey", "deep", "noise"):
        assert frame.reason in (PassthroughReason.UNSUPPORTED_FRAME, PassthroughReason.DEADLINE)
        assert frame.image is original.image


def test_bad_frames_are_told_and_nothing_is_lost() -> None:
    clock = ManualClock()
    words = ["ok", "empty", "ok", "grey", "small", "back", "jump", "ok"]
    stream = Stream(TroubledSource(words, clock, live=False), TroubledEnhancer([], clock), clock=clock)
    shown = list(stream)
    assert [frame.original.label for frame in shown] == words
    assert [frame.enhanced for frame in shown] == [True, False, True, False, True, True, True, True]
    details = {event.kind: event.detail for event in stream.events}
    assert "found uint8 [0, 0, 3], expected uint8 [H,W,3] RGB" in stream.events[0].detail
    assert "the source went from frame 4 to 2, expected 5" in details["sequence_repeated"]
    assert stream.accounting.lost_upstream == {}
