from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh_bench.percentiles import (
    fewest_frames,
    frames_missing,
    nearest_rank,
    over_limit_probability,
    summarise,
    upper_bound,
    variation,
)

LATENCIES = st.lists(st.floats(0.01, 1000), min_size=1, max_size=300)


@pytest.mark.parametrize(
    ("percentile", "expected"),
    [
        (90, {1: 64, 2: 81, 5: 127, 10: 197}),
        (95, {1: 130, 2: 165, 5: 259, 10: 398}),
        (99, {1: 662, 2: 838, 5: 1307, 10: 2010}),
        (99.9, {1: 6636, 2: 8403, 5: 13105, 10: 20140}),
    ],
)
def test_the_counts_are_those_of_mlperf_early_stopping(percentile: float, expected: dict[int, int]) -> None:
    assert {allowed: fewest_frames(percentile, allowed) for allowed in expected} == expected


@given(st.integers(1, 400), st.integers(0, 12), st.sampled_from([50.0, 90.0, 95.0, 99.0]))
def test_the_probability_equals_the_sum_with_whole_binomial_coefficients(n: int, t: int, percentile: float) -> None:
    over = 1 - percentile / 100
    exact = sum(math.comb(n, k) * over**k * (1 - over) ** (n - k) for k in range(min(t, n) + 1))
    assert over_limit_probability(n, t, percentile) == pytest.approx(exact, rel=1e-9)


@given(LATENCIES)
def test_a_percentile_is_given_exactly_when_the_count_earns_it(latencies: list[float]) -> None:
    summary = summarise(latencies)
    assert summary["n"] == len(latencies)
    assert summary["max"] == round(max(latencies), 3)
    for name, needed in (("p90", 64), ("p99", 662)):
        assert summary["frames_missing"][name] == max(0, needed - len(latencies))
        assert (summary[name] is None) == (len(latencies) < needed) == (summary["at_most"][name] is None)


@given(LATENCIES)
def test_the_bound_is_never_below_the_percentile_of_the_sample(latencies: list[float]) -> None:
    bound = upper_bound(latencies, 90)
    assert bound is None or nearest_rank(latencies, 90) <= bound <= max(latencies)


def test_the_bound_passes_over_one_frame_less_than_the_count_allows() -> None:
    ascending = [float(value) for value in range(1, 82)]
    assert upper_bound(ascending[:80], 90) == 80.0  # t = 1: the slowest
    assert upper_bound(ascending, 90) == 80.0  # t = 2 from 81 frames on: the second slowest


def test_nearest_rank_takes_a_value_of_the_sample() -> None:
    values = [30.0, 10.0, 20.0, 50.0, 40.0, 60.0, 70.0, 80.0, 90.0, 100.0]
    assert [nearest_rank(values, p) for p in (10, 50, 90, 99)] == [10.0, 50.0, 90.0, 100.0]


def test_nothing_is_measured_of_no_frames_and_a_percentile_has_a_range() -> None:
    with pytest.raises(ValueError, match="no values"):
        nearest_rank([], 50)
    with pytest.raises(ValueError, match="0 < percentile < 100"):
        fewest_frames(100)
    assert frames_missing(99, 0) == 662


def test_variation_is_the_share_of_the_mean() -> None:
    assert variation([10.0, 10.0]) == 0.0
    assert variation([5.0]) == 0.0
    assert variation([5.0, 15.0]) == pytest.approx(0.5)
