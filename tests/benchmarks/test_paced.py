"""The open loop under a clock that only moves when told to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh_bench.in_flight import run_in_flight
from edgeenh_bench.modes import PACED, THROUGHPUT, Mode
from edgeenh_bench.paced import run_paced


class Clock:
    """Every look takes a microsecond, so that waiting by looking ends."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1_000
        return self.now

    def sleep(self, nanoseconds: int) -> None:
        self.now += nanoseconds


def session(clock: Clock, durations_ms: list[float], seen: list[int]):
    def run(index: int) -> None:
        clock.now += round(durations_ms[len(seen) % len(durations_ms)] * 1e6)
        seen.append(index)

    return run


def test_a_session_that_keeps_the_pace_skips_nothing() -> None:
    clock, seen = Clock(), list[int]()
    paced = run_paced(session(clock, [10.0], seen), 4, 8, 30.0, clock, clock.sleep)
    assert seen == [0, 1, 2, 3, 0, 1, 2, 3]
    assert paced.skipped == 0
    assert all(10.0 <= age < 10.1 for age in paced.ages_ms)
    assert len(paced.latencies_ms) / paced.wall_ms * 1000 == pytest.approx(30.0)  # and no faster than the camera


def test_one_slow_frame_makes_later_ones_old_and_skips_those_overtaken() -> None:
    clock, seen = Clock(), list[int]()
    paced = run_paced(session(clock, [10.0, 95.0, 10.0, 10.0, 10.0, 10.0], seen), 100, 8, 100.0, clock, clock.sleep)
    # the second frame, due at 10 ms, ends at 105: frame 10 would be there, so the last of the 8 is taken next
    assert seen[:2] == [0, 1]
    assert paced.skipped == 8 - len(seen) > 0
    assert max(paced.ages_ms) >= 95.0


def test_a_session_slower_than_the_pace_takes_the_newest() -> None:
    clock, seen = Clock(), list[int]()
    paced = run_paced(session(clock, [25.0], seen), 100, 20, 100.0, clock, clock.sleep)
    assert seen[:4] == [0, 2, 5, 7]
    assert len(paced.ages_ms) + paced.skipped == 20
    assert max(paced.ages_ms) < 35.1


@given(st.lists(st.floats(0.1, 80.0), min_size=1, max_size=8), st.integers(1, 40), st.sampled_from([25.0, 30.0, 60.0]))
def test_every_frame_is_enhanced_or_skipped_and_none_twice(durations: list[float], frames: int, fps: float) -> None:
    clock, seen = Clock(), list[int]()
    paced = run_paced(session(clock, durations, seen), 1000, frames, fps, clock, clock.sleep)
    assert len(seen) + paced.skipped == frames
    assert seen == sorted(set(seen))
    assert all(age >= latency - 1e-6 for age, latency in zip(paced.ages_ms, paced.latencies_ms, strict=True))


def test_frames_in_flight_are_shared_and_all_done() -> None:
    import time

    done: list[int] = []
    block = run_in_flight([done.append, done.append, done.append], 5, 23, time.perf_counter_ns)
    assert len(block.latencies_ms) == len(done) == 23
    assert sorted(done) == sorted(index % 5 for index in range(23))


def test_a_failing_session_ends_the_others() -> None:
    import time

    import pytest

    def fails(index: int) -> None:
        raise RuntimeError(f"frame {index}")

    with pytest.raises(RuntimeError, match="frame"):
        run_in_flight([fails, lambda _: None], 4, 1000, time.perf_counter_ns)


@pytest.mark.parametrize(
    ("mode", "frames", "at_least"), [(Mode(THROUGHPUT, in_flight=2), 7200, 720.0), (Mode(PACED, 2.0), 7200, 3600.0), (Mode(), 30, 300.0)]
)  # fmt: skip
def test_a_long_block_of_frames_is_not_taken_for_a_hanging_worker(mode: Mode, frames: int, at_least: float) -> None:
    assert mode.timeout_s(frames, 100.0) > at_least


def test_more_frames_in_flight_than_cores_do_not_make_a_measurement_longer() -> None:
    assert Mode(THROUGHPUT, in_flight=8).frames_in(10.0, 100.0, cores=2) == 200
    assert Mode(THROUGHPUT, in_flight=2).frames_in(10.0, 100.0, cores=16) == 200
    assert Mode().frames_in(10.0, 100.0, cores=2) == 100
    assert Mode(PACED, 30.0).frames_in(10.0, 100.0, cores=2) == 300
