"""The exposure contract under every order of events that hypothesis can think of, and through the stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeenh.frames import EnhancedFrame, Exposure, Frame, PassthroughReason, Status
from edgeenh.sources import BaseSource
from edgeenh.stream import Spool, Stream
from edgeenh.stream.accounting import Accounting
from edgeenh.stream.exposure_policy import ExposurePolicy

Scripted = Callable[..., Any]
IMAGE = np.zeros((2, 2, 3), np.uint8)

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("capture"), st.booleans()),
        st.tuples(st.sampled_from(["take", "finish", "hand_over"]), st.booleans()),
        st.tuples(st.sampled_from(["stop", "abandon"]), st.just(True)),
    ),
    max_size=80,
)


@given(ACTIONS, st.booleans())
def test_nothing_is_dropped_and_the_order_is_kept(actions: list[tuple[str, bool]], live: bool) -> None:
    accounting, busy, shown, ended = Accounting(), list[Frame](), list[int](), False
    policy, captured, unspooled = ExposurePolicy(accounting, live=live), 0, set[int]()
    actions = [*actions, *[("take", True), ("finish", True), ("hand_over", True)] * 200]
    for action, word in actions:
        if action == "capture" and policy.has_room() and not policy.ends_when_stopped:
            exposure = Exposure(str(captured), "", "", spooled=word)
            unspooled |= set() if word else {captured}
            policy.offer(Frame(IMAGE, "s", captured, 0, exposure=exposure))
            captured += 1
        elif action == "take" and (job := policy.take(10**15)) is not None:
            assert not busy
            busy.append(job.frame)
        elif action == "finish" and busy:
            frame, why = busy.pop(), None if word else PassthroughReason.BACKEND_ERROR
            late = policy.bypass(frame, 10**15)
            assert late is None or frame.sequence in unspooled
            status = Status.PASSTHROUGH if why else Status.ENHANCED
            policy.finish(EnhancedFrame(IMAGE, frame, status, why, "", 0, 0, None))
        elif action == "hand_over" and (result := policy.hand_over(10**15)) is not None:
            shown.append(result.original.sequence)
        elif action in ("stop", "abandon"):
            ended = ended or action == "abandon"
            getattr(policy, action)()
        counts = accounting.counts()
        assert counts.holds
        assert counts.captured == captured
        in_memory = sum(bool(job.frame.image.size) for job in policy._waiting)
        assert in_memory <= 2 * ExposurePolicy.IN_MEMORY
        assert policy.empty == (counts.in_flight == 0)
    counts = accounting.counts()
    assert policy.empty
    assert shown == sorted(set(shown))
    assert counts.captured == len(shown) + counts.spooled + sum(counts.dropped.values())
    if not ended:
        assert counts.dropped == {}
        assert unspooled <= set(shown)  # what is nowhere else was given out
    assert set(counts.dropped) <= {"stopped"}
    assert counts.dropped.get("stopped", 0) <= len(unspooled)


FAULTS = st.lists(st.sampled_from(["ok", "slow", "gap", "repeat"]), max_size=12)
ANSWERS = st.lists(st.sampled_from(["ok", "raise", "constant", "stale", "nothing", "slow"]), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FAULTS, ANSWERS, st.integers(0, 12), st.booleans())
def test_what_one_run_leaves_the_next_one_gives(
    scripted: Scripted,
    tmp_path_factory: pytest.TempPathFactory,
    faults: list[str],
    answers: list[str],
    stop_after: int,
    soft: bool,
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    source, enhancer, clock = scripted(faults, answers)
    stream, first = Stream(source, enhancer, mode="exposure", spool=folder, clock=clock), list[Frame]()
    for frame in stream:
        assert stream.accounting.holds
        assert frame.original.exposure is not None
        assert (frame.original.exposure.spooled, frame.original.exposure.replayed) == (True, False)
        first.append(frame.original)
        if len(first) == stop_after:
            stream.stop() if soft else stream.close()
    counts = stream.accounting.counts()
    assert counts.holds
    assert counts.in_flight == 0
    assert counts.dropped == {}
    assert counts.captured == len(first) + counts.spooled
    left = stream.report()["spool"]["waiting"]
    held = 0 < stop_after <= len(first) and not soft  # closed with a frame in the taker's hands: it is given once more
    source, enhancer, clock = scripted([], [])
    again = Stream(source, enhancer, mode="exposure", spool=folder, clock=clock)
    second = [frame.original for frame in again]
    assert len(second) == left == counts.spooled + held
    assert len(first) + len(second) == source_frames(stream) + held
    ids = [frame.exposure.id for frame in (*first, *second) if frame.exposure]
    assert len(set(ids)) == len(ids) - held
    assert [frame.exposure.replayed for frame in second if frame.exposure] == [True] * left
    for frame in second:
        assert np.array_equal(frame.image, type(source).picture(int(frame.exposure.id[-8:])))
    assert again.report()["spool"]["waiting"] == 0
    assert not list(folder.glob("*.exposure"))


def source_frames(stream: Stream) -> int:
    """What a stream's source gave, all of which it stored."""
    stored: int = stream.report()["spool"]["stored"]
    return stored


def test_an_exposure_is_given_again_until_its_taker_asks_for_the_next(scripted: Scripted, tmp_path: Path) -> None:
    source, enhancer, clock = scripted(["ok"] * 3)
    stream = Stream(source, enhancer, mode="exposure", spool=tmp_path, clock=clock)
    one = next(stream)
    two = next(stream)
    stream.close()  # the taker died with the second in its hands
    ids = [frame.original.exposure.id for frame in (one, two)]
    source, enhancer, clock = scripted([])
    given = [frame.original.exposure.id for frame in Stream(source, enhancer, mode="exposure", spool=tmp_path)]
    assert given[0] == ids[1]
    assert ids[0] not in given


def test_a_frame_can_be_acknowledged_early_and_kept(scripted: Scripted, tmp_path: Path) -> None:
    source, enhancer, clock = scripted(["ok"] * 3)
    stream = Stream(source, enhancer, mode="exposure", spool=tmp_path, clock=clock)
    kept = []
    for number, frame in enumerate(stream):
        if number == 0:
            stream.acknowledge(frame)
        if number == 1:
            stream.keep(frame)
            kept.append(frame.original.exposure.id)
    source, enhancer, clock = scripted([])
    again = Stream(source, enhancer, mode="exposure", spool=tmp_path, clock=clock)
    assert [frame.original.exposure.id for frame in again] == kept


def test_a_device_is_read_while_the_model_is_slow_and_its_pixels_wait_on_the_disk(
    scripted: Scripted, tmp_path: Path
) -> None:
    source, enhancer, clock = scripted(["ok"] * 40)
    enhancer.go_on.clear()
    with Stream(source, enhancer, mode="exposure", spool=tmp_path, clock=clock) as stream:
        stream._threads[0].join(20)
        assert stream.accounting.captured == 40
        assert sum(bool(job.frame.image.size) for job in stream._policy._waiting) <= ExposurePolicy.IN_MEMORY
        enhancer.go_on.set()
        for number, frame in enumerate(stream, start=1):
            assert np.array_equal(frame.original.image, source.picture(number))
            assert np.array_equal(frame.image, frame.original.image + 10)
    assert (stream.accounting.enhanced, stream.accounting.holds) == (40, True)


class TwelveBits(BaseSource):
    """Exposures of 12 bits."""

    def read(self) -> Frame | None:
        if self._sequence == 3 or self._interrupted.is_set():
            return None
        return self._frame(twelve_bits(self._sequence), self._clock.now_ns(), "x", "grey", 12)


def twelve_bits(number: int) -> Any:
    return np.random.default_rng(number).integers(0, 4096, (24, 32), np.uint16)


def test_twelve_bits_come_through_bit_for_bit(grey_bundle: Any, tmp_path: Path) -> None:
    from edgeenh.enhancer import Enhancer
    from edgeenh.stream import MonotonicClock

    clock = MonotonicClock()
    with Enhancer(grey_bundle, backend="fake") as enhancer:
        first = Stream(TwelveBits("xray", clock), enhancer, mode="exposure", spool=tmp_path, strength=0.0)
        next(first)
        first.close()
        shown = list(Stream([], enhancer, mode="exposure", spool=tmp_path, strength=0.0))
    assert [frame.original.bits for frame in shown] == [12] * len(shown)
    assert shown[0].original.sequence == 0
    for frame in shown:
        assert np.array_equal(frame.image, twelve_bits(frame.original.sequence))
        assert frame.enhanced


def test_the_spool_may_be_given_by_its_owner(scripted: Scripted, tmp_path: Path) -> None:
    source, enhancer, clock = scripted(["ok"])
    spool = Spool(tmp_path)
    assert len(list(Stream(source, enhancer, mode="exposure", spool=spool, clock=clock))) == 1
    assert spool.store(Frame(IMAGE, "s", 0, 0)).spooled  # still open
    spool.close()
