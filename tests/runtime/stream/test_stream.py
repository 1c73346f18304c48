from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh.errors import BackendUnavailable, JobFailed, SourceError, UsageError
from edgeenh.frames import EnhancedFrame
from edgeenh.stream import Stream

Scripted = Callable[..., Any]

REASONS = {
    "raise": "backend_error",
    "refuse": "unsupported_frame",
    "constant": "unhealthy_output",
    "nothing": "unhealthy_output",
}


@pytest.fixture(autouse=True, scope="module")
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def test_offline_gives_every_frame_in_order(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok"] * 50)
    stream = Stream(source, enhancer, strength=0.5, clock=clock)
    for sequence, frame in enumerate(stream):
        assert frame.original.sequence == sequence
        assert np.array_equal(frame.image, frame.original.image + 10)
        assert frame.provenance is not None
        assert (frame.provenance.strength, frame.detail, frame.enhanced) == (0.5, "", True)
        assert stream.accounting.holds
    counts = stream.accounting.counts()
    assert (counts.captured, counts.enhanced, counts.in_flight) == (50, 50, 0)
    assert (counts.passthrough, counts.dropped, counts.lost_upstream) == ({}, {}, {})
    assert enhancer.prepared == [(24, 32)]
    assert source.closed >= 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["ok", "slow", "gap", "repeat", "notice"]), max_size=25),
    st.lists(st.sampled_from(["ok", "raise", "refuse", "constant", "stale", "nothing", "slow"]), max_size=25),
)
def test_offline_counts_every_fault_under_its_own_reason(
    scripted: Scripted, faults: list[str], answers: list[str]
) -> None:
    source, enhancer, clock = scripted(faults, answers)
    stream, shown = Stream(source, enhancer, clock=clock), 0
    for frame in stream:
        assert stream.accounting.holds
        assert frame.enhanced == (frame.image is not frame.original.image) == (frame.reason is None)
        shown += 1
    counts = stream.accounting.counts()
    assert counts.holds
    assert (counts.captured, shown, counts.in_flight, counts.dropped) == (len(faults), len(faults), 0, {})
    expected = Counter(REASONS[word] for word in answers[: len(faults)] if word in REASONS)
    stale = counts.passthrough.get("unhealthy_output", 0) - expected["unhealthy_output"]
    assert 0 <= stale <= answers[: len(faults)].count("stale")
    expected["unhealthy_output"] += stale
    assert counts.passthrough == dict(+expected)
    assert counts.lost_upstream.get("gap", 0) == 3 * faults[1:].count("gap")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["ok", "slow", "gap", "repeat"]), max_size=25),
    st.lists(st.sampled_from(["ok", "raise", "slow", "stale"]), max_size=25),
    st.integers(0, 25),
)
def test_live_accounts_for_every_frame_and_shows_none_too_old(
    scripted: Scripted, faults: list[str], answers: list[str], stop_after: int
) -> None:
    source, enhancer, clock = scripted(faults, answers)
    stream, shown = Stream(source, enhancer, mode="live", max_age_ms=60, clock=clock), []
    for frame in stream:
        assert stream.accounting.holds
        shown.append(frame.original.captured_ns)
        if len(shown) == stop_after:
            stream.stop()
    counts = stream.accounting.counts()
    assert counts.holds
    assert counts.in_flight == 0
    assert counts.captured == len(shown) + sum(counts.dropped.values())
    assert set(counts.dropped) <= {"superseded", "stale", "stopped"}
    assert shown == sorted(shown)
    assert stream.report()["age_ms"]["max"] is None or stream.report()["age_ms"]["max"] <= 60


def test_live_replaces_the_frame_that_waits(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok", "wait"] + ["ok"] * 8)
    source.gate = enhancer.entered  # the second frame comes while the first is being enhanced
    enhancer.go_on.clear()
    with Stream(source, enhancer, mode="live", clock=clock) as stream:
        stream._threads[0].join(10)
        assert stream.accounting.captured == 10
        assert stream.accounting.in_flight == 2
        assert stream.accounting.dropped == {"superseded": 8}
        enhancer.go_on.set()
        assert [frame.original.sequence for frame in stream] == [0, 9]
    assert stream.accounting.holds


def test_offline_makes_the_source_wait(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok"] * 50)
    with Stream(source, enhancer, clock=clock) as stream:
        for _ in range(2):
            enhancer.entered.acquire()
        assert stream.accounting.captured <= 4  # nobody takes: two results and two frames wait, and no more is read
        assert len(list(stream)) == 50


def test_stop_gives_what_is_finished_and_counts_the_rest(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok"] * 50)
    stream = Stream(source, enhancer, clock=clock)
    shown: list[EnhancedFrame] = []
    for frame in stream:
        shown.append(frame)
        if len(shown) == 5:
            stream.stop()
    counts = stream.accounting.counts()
    assert 5 <= len(shown) <= 5 + 3  # at most two were finished and one was being enhanced
    assert counts.enhanced == len(shown)
    assert counts.dropped.get("stopped", 0) == counts.captured - len(shown)
    assert counts.holds
    assert counts.in_flight == 0


def test_stop_without_waiting_ends_although_the_enhancer_hangs(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok"] * 5)
    enhancer.go_on.clear()
    stream = Stream(source, enhancer, clock=clock)
    stream.start()
    enhancer.entered.acquire()
    stream.stop(wait=False)
    with pytest.raises(StopIteration):
        next(stream)
    assert (stream.accounting.in_flight, stream.accounting.holds, stream.ended) == (1, True, False)
    enhancer.go_on.set()
    stream.close()
    assert (stream.accounting.in_flight, stream.ended) == (0, True)
    assert stream.accounting.dropped == {"stopped": stream.accounting.captured}


def test_leaving_the_loop_closes_the_stream(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok"] * 50)
    stream = Stream(source, enhancer, clock=clock)
    for _frame in stream:
        break
    assert source.closed >= 1
    counts = stream.accounting.counts()
    assert (counts.enhanced, counts.in_flight, counts.holds) == (1, 0, True)
    assert list(stream) == []  # it cannot be begun again


def test_a_failing_source_ends_the_stream_after_its_frames(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok", "ok", "fail", "ok"])
    stream = Stream(source, enhancer, clock=clock)
    shown = [next(stream), next(stream)]
    with pytest.raises(JobFailed, match=r"the stream ended after 2 frames: OSError: the cable is gone"):
        next(stream)
    stream.close()
    assert [frame.original.sequence for frame in shown] == [0, 1]
    assert (stream.accounting.enhanced, stream.accounting.in_flight) == (2, 0)
    assert stream.events[-1].kind == "failed"


def test_a_source_without_a_frame_is_the_inputs_fault(scripted: Scripted) -> None:
    source, enhancer, clock = scripted([])

    def read() -> None:
        raise SourceError("holds no frame")

    source.read = read
    with pytest.raises(SourceError, match="holds no frame"):
        list(Stream(source, enhancer, clock=clock))


def test_an_enhancer_that_cannot_start_is_raised_before_any_frame(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok"])

    def refuse(height: int, width: int) -> None:
        raise BackendUnavailable("no device")

    enhancer.prepare = refuse
    stream = Stream(source, enhancer, clock=clock)
    with pytest.raises(BackendUnavailable, match="no device"):
        next(iter(stream))
    assert (source.given, source.closed) == (0, 1)


def test_frames_limits_what_is_captured(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok"] * 50)
    assert len(list(Stream(source, enhancer, frames=7, clock=clock))) == 7
    assert source.given == 7


def test_the_result_belongs_to_whoever_takes_it(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok"] * 20)
    frames = []
    for frame in Stream(source, enhancer, clock=clock):
        expected = frame.original.image + 10
        frame.image[...] = 0  # draw on it, keep it: no other frame changes
        frames.append((frame, expected))
    assert all((frame.image == 0).all() for frame, _ in frames)
    assert not any(np.shares_memory(frames[0][0].image, frame.image) for frame, _ in frames[1:])


def test_events_tell_gaps_repeats_and_notices(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok", "gap", "repeat", "notice"], ["ok", "raise"])
    stream = Stream(source, enhancer, clock=clock)
    assert len(list(stream)) == 4
    kinds = [event.kind for event in stream.events]
    assert sorted(kinds) == ["gap", "passthrough_began", "passthrough_ended", "sequence_repeated", "told"]
    details = " ".join(event.detail for event in stream.events)
    assert "from frame 0 to 4: 3 lost before capture" in details
    assert "InferenceFailed: the device is lost" in details


def test_an_unsupported_array_passes_through_and_the_stream_goes_on(scripted: Scripted) -> None:
    _, enhancer, clock = scripted([])
    colour = np.random.default_rng(0).integers(0, 200, (24, 32, 3), np.uint8)
    arrays: list[Any] = [colour, colour[..., 0], colour.astype(np.float32), colour[..., :1], colour[:, ::-1]]
    stream = Stream(arrays, enhancer, clock=clock)
    assert [frame.enhanced for frame in stream] == [True, False, False, False, True]
    assert stream.accounting.passthrough == {"unsupported_frame": 3}
    assert "found uint8 [24, 32], expected uint8 [H,W,3] RGB" in stream.events[0].detail


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"mode": "exposure"}, "name a folder, --spool DIR"),
        ({"spool": "/tmp/x"}, "a spool is for mode exposure"),
        ({"mode": "fast"}, "expected live, exposure or offline"),
        ({"max_age_ms": 0}, "above 0"),
        ({"max_age_ms": float("nan")}, "above 0"),
        ({"strength": 1.5}, r"expected 0 \(the original\) to 1"),
        ({"strength": float("nan")}, "expected 0"),
        ({"frames": 0}, "expected 1 or more"),
    ],
)
def test_arguments_outside_their_range_are_refused(
    scripted: Scripted, arguments: dict[str, Any], expected: str
) -> None:
    source, enhancer, clock = scripted(["ok"])
    with pytest.raises(UsageError, match=expected):
        Stream(source, enhancer, clock=clock, **arguments)


def test_a_recorded_source_is_paced_when_live_and_not_when_offline(scripted: Scripted) -> None:
    _, enhancer, clock = scripted([])
    clock._jump = True
    stamps = {}
    for mode in ("live", "offline"):
        stream = Stream("synthetic:32x24@50", enhancer, mode=mode, frames=4, max_age_ms=1000, clock=clock)
        start = clock.now_ns()
        stamps[mode] = max(frame.original.captured_ns for frame in stream) - start
    assert stamps == {"live": 60_000_000, "offline": 0}


def test_live_pictures_without_a_rate_are_refused(scripted: Scripted, tmp_path: Any) -> None:
    from edgeenh.pictures import write_picture

    write_picture(tmp_path / "a.png", np.zeros((24, 32, 3), np.uint8))
    _, enhancer, clock = scripted([])
    with pytest.raises(UsageError, match="has no frame rate: use --mode offline"):
        Stream(tmp_path, enhancer, mode="live", clock=clock)
    with pytest.raises(SourceError, match="does not exist"):
        Stream(tmp_path / "none", enhancer, clock=clock)


def test_the_report_is_json_of_the_run(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["slow"] * 70, ["slow"] * 70)
    stream = Stream(source, enhancer, clock=clock)
    list(stream)
    report = stream.report()
    assert report["mode"] == "offline"
    assert report["accounting"]["holds"] is True
    assert (report["latency_ms"]["n"], report["latency_ms"]["missing"]) == (70, {"p99": 592})
    assert report["latency_ms"]["p50"] >= 50
    assert report["throughput_fps"] > 0
    assert report["events"] == []


def test_what_the_source_lost_is_counted_while_the_stream_runs(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok", "ok", "wait"])
    source.gate, read = threading.Semaphore(0), source.read

    def read_and_lose() -> object:
        source.lost_upstream["incomplete"] += 1
        return read()

    source.read = read_and_lose
    stream = Stream(source, enhancer, clock=clock)
    next(stream)
    next(stream)
    assert stream.accounting.lost_upstream["incomplete"] in (2, 3)  # the third is being waited for
    source.gate.release()
    assert [frame.enhanced for frame in stream] == [True]
    assert stream.accounting.lost_upstream == {"incomplete": 4}
