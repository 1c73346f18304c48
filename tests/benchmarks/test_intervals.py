"""Intervals and tests against known values, and against counting everything."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh_bench.intervals import block_medians, rank_sum_p, ratio_of_blocks

values = st.lists(st.integers(1, 9).map(float), min_size=1, max_size=5)


def test_block_medians() -> None:
    assert block_medians([1.0, 3.0, 2.0, 9.0, 8.0], [3, 2]) == [2.0, 8.5]
    assert block_medians([1.0], [1, 0]) == [1.0]
    with pytest.raises(ValueError, match="blocks of 4 frames for 5"):
        block_medians([1.0] * 5, [4])


def test_ten_blocks_are_bounded_by_the_second_and_the_ninth() -> None:
    """1 − 2 · (1 + 10) / 1024 = 0.979; with the third and the eighth it would be 0.891."""
    ratio = ratio_of_blocks([float(n) for n in range(1, 11)], [1.0] * 10)
    assert (ratio.value, ratio.low, ratio.high, ratio.blocks) == (5.5, 2.0, 9.0, 10)
    assert ratio.differs is True


def test_too_few_blocks_have_no_interval() -> None:
    ratio = ratio_of_blocks([2.0] * 5, [1.0] * 5)
    assert (ratio.value, ratio.low, ratio.differs) == (2.0, None, None)
    assert ratio_of_blocks([2.0] * 6, [1.0] * 6).low == 2.0


def test_the_interval_holds_the_true_ratio_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        a, b = rng.lognormal(0.0, 0.3, 10) * 1.2, rng.lognormal(0.0, 0.3, 10)
        ratio = ratio_of_blocks(a.tolist(), b.tolist())
        assert ratio.low is not None
        assert ratio.high is not None
        held += ratio.low <= 1.2 <= ratio.high
    assert held >= 0.95 * 400


def test_rank_sum_of_a_textbook_case() -> None:
    """Two samples of 5 that do not overlap: 2 of the 252 ways are as uneven."""
    assert rank_sum_p([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(2 / 252)
    assert rank_sum_p([1, 1], [1, 1]) == 1.0


@settings(max_examples=60, deadline=None)
@given(values, values)
def test_rank_sum_counts_every_way(first: list[float], second: list[float]) -> None:
    pooled = [*first, *second]
    ranks = [sum(other < value for other in pooled) + (pooled.count(value) + 1) / 2 for value in pooled]
    middle = len(first) * (len(pooled) + 1) / 2
    found = abs(sum(ranks[: len(first)]) - middle)
    ways = [sum(ranks[i] for i in chosen) for chosen in itertools.combinations(range(len(pooled)), len(first))]
    expected = sum(abs(total - middle) >= found - 1e-9 for total in ways) / len(ways)
    assert rank_sum_p(first, second) == pytest.approx(expected)
    assert rank_sum_p(first, second) == pytest.approx(rank_sum_p(second, first))
    assert len(ways) == math.comb(len(pooled), len(first))


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="one is empty"):
        rank_sum_p([], [1.0])
