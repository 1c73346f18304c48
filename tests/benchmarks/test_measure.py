from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh_bench.measure import WarmUp, WarmUpLimits, measure_block, time_run, warm_up


class Machine:
    """A session whose every run takes the next of the given times, on a clock that only the runs move."""

    def __init__(self, times_ms: list[float]) -> None:
        self.times, self.now, self.ran = iter(times_ms), 0, []

    def run(self, index: int) -> None:
        self.ran.append(index)
        self.now += round(next(self.times) * 1e6)

    def now_ns(self) -> int:
        return self.now


def test_warming_up_ends_when_two_windows_agree() -> None:
    machine = Machine([90.0, 60.0, 30.0, 20.0] + [10.0] * 100)
    seen = warm_up(machine.run, 3, machine.now_ns, WarmUpLimits(window=4))
    assert (seen.steady, seen.frames) == (True, 12)  # 4 falling, then two windows of 10 ms
    assert machine.ran[:4] == [0, 1, 2, 0]


def test_warming_up_gives_up_and_says_so() -> None:
    never = Machine([float(step) for step in range(1, 400)])
    seen = warm_up(never.run, 1, never.now_ns, WarmUpLimits(window=4, max_frames=20))
    assert (seen.steady, seen.frames) == (False, 20)
    slow = Machine([1000.0 * 1.5**step for step in range(40)])
    seen = warm_up(slow.run, 1, slow.now_ns, WarmUpLimits(window=2, max_ms=3000))
    assert (seen.steady, seen.frames) == (False, 4)  # two windows are always run


@given(st.lists(st.floats(0.1, 100), max_size=60))
def test_steady_is_a_matter_of_the_last_two_windows_alone(latencies: list[float]) -> None:
    tail = [5.0, 5.05] * 8
    assert WarmUp(WarmUpLimits(), [*latencies, *tail]).steady
    assert not WarmUp(WarmUpLimits(), [*latencies, *tail[:8], *[6.0] * 8]).steady


def test_every_counted_run_is_kept_and_only_the_rewarming_is_not() -> None:
    machine = Machine([99.0, 98.0, 10.0, 500.0, 12.0])
    block = measure_block(machine.run, [0, 1, 2], machine.now_ns, rewarm=2)
    assert block.latencies_ms == (10.0, 500.0, 12.0)  # an outlier stays
    assert block.wall_ms == pytest.approx(522.0)
    assert machine.ran == [0, 1, 0, 1, 2]


def test_time_run_is_in_milliseconds() -> None:
    ticks = count(step=2_500_000)
    assert time_run(lambda index: None, 0, lambda: next(ticks)) == 2.5
