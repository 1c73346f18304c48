"""Clocks, latencies and events."""

from __future__ import annotations

import math
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.frames import EnhancedFrame, Frame, PassthroughReason, Status
from edgeenh.stream import Event, ManualClock, MonotonicClock
from edgeenh.stream.events import EventLog, PassthroughWatch
from edgeenh.stream.histogram import HIGHEST_US, RELATIVE_ERROR, Histogram
from edgeenh.stream.latency import NEEDED, Latencies


def test_a_manual_clock_moves_only_by_hand() -> None:
    clock = ManualClock(5)
    clock.advance(1.5)
    assert clock.now_ns() == 1_500_005
    with pytest.raises(ValueError, match="only goes forward"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="only goes forward"):
        clock.advance(float("nan"))


def test_a_wait_ends_by_time_or_by_cancelling() -> None:
    cancelled = threading.Event()
    for clock in (ManualClock(), MonotonicClock()):
        assert clock.wait_until(clock.now_ns(), cancelled)
    clock = ManualClock()
    waiter = threading.Thread(target=lambda: clock.wait_until(2_000_000, cancelled))
    waiter.start()
    clock.advance(2)
    waiter.join(10)
    assert not waiter.is_alive()
    cancelled.set()
    for stopped in (ManualClock(), MonotonicClock()):
        assert not stopped.wait_until(stopped.now_ns() + 10**15, cancelled)
        assert not stopped.wait_until(0, cancelled)


def test_a_jumping_clock_does_not_wait() -> None:
    clock = ManualClock(jump=True)
    assert clock.wait_until(10**15, threading.Event())
    assert clock.now_ns() == 10**15


@pytest.mark.parametrize(("count", "missing"), [(0, {"p50": 1, "p90": 64, "p99": 662}), (63, {"p90": 1, "p99": 599})])
def test_percentiles_are_earned(count: int, missing: dict[str, int]) -> None:
    latencies = Latencies()
    for value in range(count):
        latencies.add(float(value))
    document = latencies.to_json()
    assert document["missing"] == missing
    assert all(document[name] is None for name in missing)
    assert document["n"] == count


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.integers(17, 30))
def test_percentiles_are_nearest_rank(values: list[float], times: int) -> None:
    values = (values * 700)[: 40 * times]  # at least 662
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    document = latencies.to_json()
    assert document["missing"] == {}
    for name, share in (("p50", 50), ("p90", 90), ("p99", 99)):
        expected = np.percentile(values, share, method="inverted_cdf")
        assert document[name] == pytest.approx(expected, rel=RELATIVE_ERROR, abs=1.1e-3)
    assert document["max"] == pytest.approx(max(values), abs=1e-3)


@given(st.lists(st.integers(0, 1 << 47), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_as_exact_as_promised(nanoseconds: list[int], share: float) -> None:
    histogram = Histogram()
    for value in nanoseconds:
        histogram.add(value)
    found = histogram.quantile(share)
    exact = sorted((value + 500) // 1000 for value in nanoseconds)[max(1, math.ceil(share * len(nanoseconds))) - 1]
    assert found is not None
    if exact <= HIGHEST_US:
        assert abs(found * 1000 - exact) <= exact * RELATIVE_ERROR
    assert (histogram.count, histogram.max_us) == (len(nanoseconds), (max(nanoseconds) + 500) // 1000)
    assert histogram.at_most((1e12,)) == [len(nanoseconds)]


@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=100), st.integers(1, 10_000))
def test_counts_below_a_bound_are_right_to_one_step(microseconds: list[int], bound: int) -> None:
    histogram = Histogram()
    for value in microseconds:
        histogram.add(value * 1000)
    [found] = histogram.at_most((float(bound),))
    assert sum(value <= bound * 1000 for value in microseconds) <= found
    assert found <= sum(value <= bound * 1000 * (1 + 2 * RELATIVE_ERROR) for value in microseconds)


def test_latencies_stay_bounded_and_keep_the_maximum() -> None:
    latencies = Latencies()
    before = sys.getsizeof(latencies.histogram._counts)
    for value in [9.0] + [1.0] * NEEDED["p99"]:
        latencies.add(value)
    document = latencies.to_json()
    assert (document["p50"], document["p99"], document["max"], document["n"]) == (1.0, 1.0, 9.0, 663)
    latencies.add(1e12)
    assert (latencies.to_json()["max"], sys.getsizeof(latencies.histogram._counts)) == (1e12, before)


def test_a_full_log_counts_what_it_leaves_out() -> None:
    log = EventLog(capacity=2)
    for index in range(5):
        log.add(Event("kind", "detail", index))
    assert [event.kind for event in log.all()] == ["kind", "kind", "events_left_out"]
    assert log.all()[-1].detail == "3 later events are not listed"
    assert log.all()[1].to_json(started_ns=0) == {"kind": "kind", "at_ms": 0.0, "sequence": None, "detail": "detail"}


def test_passing_through_is_told_when_it_begins_changes_and_ends() -> None:
    log = EventLog()
    watch = PassthroughWatch(log)
    image = np.zeros((1, 1, 3), np.uint8)
    error, late = PassthroughReason.BACKEND_ERROR, PassthroughReason.DEADLINE
    for sequence, reason in enumerate([None, error, error, late, None, None]):
        status = Status.PASSTHROUGH if reason else Status.ENHANCED
        watch.see(EnhancedFrame(image, Frame(image, "s", sequence, 0), status, reason, "why", 0, 0, None))
    told = [(event.kind, event.sequence) for event in log.all()]
    assert told == [("passthrough_began", 1), ("passthrough_began", 3), ("passthrough_ended", 4)]
    assert log.all()[0].detail == "the originals go out (backend_error) from frame 1 on: why"
