"""Means with intervals: known values, what they refuse, and UEGAN's division by N − 1."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.errors import InputError
from edgeenh_train.evaluate.statistics import legacy_uegan_mean, mean_of, paired_difference

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


def test_interval_of_a_textbook_sample() -> None:
    mean = mean_of([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (mean.value, mean.count) == (3.0, 5)
    assert mean.half_width == pytest.approx(
        2.776445 * math.sqrt(2.5 / 5), abs=1e-6
    )  # t of 4 degrees of freedom, 97.5 %


def test_one_value_has_no_interval() -> None:
    assert mean_of([7.0]).half_width is None


@given(VALUES)
def test_mean_divides_by_n_and_the_legacy_one_by_n_minus_1(values: list[float]) -> None:
    mean = mean_of(values)
    assert mean.value == pytest.approx(float(np.mean(values)), abs=1e-6)
    assert mean.half_width is not None
    assert mean.half_width >= 0
    assert legacy_uegan_mean(values) == pytest.approx(mean.value * len(values) / (len(values) - 1))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(InputError, match="value 2 of 3"):
        mean_of([1.0, bad, 2.0])
    with pytest.raises(InputError, match="value 2 of 2"):
        legacy_uegan_mean([1.0, bad])


def test_too_few_values_are_refused() -> None:
    with pytest.raises(InputError, match="found none"):
        mean_of([])
    with pytest.raises(InputError, match="at least 2"):
        legacy_uegan_mean([1.0])


def test_paired_difference_is_narrower_than_the_rows() -> None:
    theirs = {"a": 10.0, "b": 20.0, "c": 30.0}
    ours = {"c": 31.1, "a": 11.0, "b": 20.9}
    difference = paired_difference(ours, theirs)
    row = mean_of(list(ours.values()))
    assert difference.value == pytest.approx(1.0)
    assert difference.half_width is not None
    assert row.half_width is not None
    assert difference.half_width < row.half_width / 50


def test_paired_difference_needs_the_same_pictures() -> None:
    with pytest.raises(InputError, match="b is on one only"):
        paired_difference({"a": 1.0, "b": 2.0}, {"a": 1.0})
