"""Painted marks: their contrast is what they say, they stand where they may, and a seed repeats them to the bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeenh_train.fidelity.light import luminance, to_encoded, to_linear
from edgeenh_train.fidelity.marks import CLIPPED, KINDS, REACH, paint

Picture = NDArray[np.float32]
Scene = Callable[..., Picture]


def test_linear_light_and_back(scene: Scene) -> None:
    picture = scene()
    assert np.abs(to_encoded(to_linear(picture)) - picture).max() < 1e-6
    assert to_linear(np.full((1, 1, 3), 0.5, np.float32))[0, 0, 0] == pytest.approx(0.21404, abs=1e-5)
    assert luminance(np.ones((1, 1, 3)))[0, 0] == pytest.approx(1.0)


def test_contrast_is_that_of_the_light(scene: Scene) -> None:
    picture = scene()
    marked = paint(picture, 12, np.random.default_rng(3))
    assert {mark.kind for mark in marked.marks} == set(KINDS)
    before, after = luminance(to_linear(picture)), luminance(to_linear(marked.picture))
    for mark in marked.marks:
        expected = 1.0 + mark.contrast * mark.alpha
        here = mark.distance() <= REACH  # a window's corners may hold parts of another mark
        assert np.allclose((after[mark.window] / before[mark.window])[here], expected[here], atol=1e-4)


def test_nothing_but_the_marks_changes_and_rings_stay_apart(scene: Scene) -> None:
    picture = scene()
    marked = paint(picture, 12, np.random.default_rng(4))
    covered = np.zeros(picture.shape[:2], int)
    touched = np.zeros(picture.shape[:2], bool)
    for mark in marked.marks:
        covered[mark.window] += mark.distance() <= REACH
        touched[mark.window] |= mark.alpha > 0
        assert not (mark.ring() & (mark.alpha > 0)).any()
    assert covered.max() == 1
    assert np.array_equal(marked.picture[~touched], picture[~touched])


def test_the_seed_repeats_and_another_differs(scene: Scene) -> None:
    first, again, other = (paint(scene(), 8, np.random.default_rng(seed)).picture for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_clipped_and_dark_places_are_left_alone(scene: Scene) -> None:
    picture = scene(height=180, width=360)
    picture[:, :120] = 1.0
    picture[:, 120:240] = 0.02
    marked = paint(picture, 12, np.random.default_rng(7))
    assert marked.marks
    assert all(mark.x >= 230 for mark in marked.marks)
    assert marked.refused["clipped"] > 0
    assert marked.refused["dark"] > 0
    assert marked.picture[..., :].max(initial=0, where=marked.picture != picture) < CLIPPED


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_no_place_at_all_is_said(value: float) -> None:
    marked = paint(np.full((96, 96, 3), value, np.float32), 3, np.random.default_rng(0))
    assert (marked.marks, marked.missing) == ((), 3)
    assert sum(marked.refused.values()) > 0


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 9), height=st.integers(64, 120), width=st.integers(64, 120))
def test_every_mark_is_accounted_for(seed: int, count: int, height: int, width: int) -> None:
    picture = np.full((height, width, 3), 0.5, np.float32)
    marked = paint(picture, count, np.random.default_rng(seed))
    assert len(marked.marks) + marked.missing == count
    for mark in marked.marks:
        rows, columns = mark.window
        assert 0 <= rows.start < rows.stop <= height
        assert 0 <= columns.start < columns.stop <= width
        assert 0.10 <= abs(mark.contrast) <= 0.30
        assert mark.alpha.max() > 0.5
        assert mark.kind != "crack" or mark.contrast < 0


def test_a_mark_in_a_radiograph_is_an_attenuation(radiograph: Picture) -> None:
    """The same factor of dose is the same step of the displayed value, in dark and in bright places."""
    marked = paint(radiograph, 9, np.random.default_rng(5))
    for mark in marked.marks:
        solid = mark.alpha >= 1.0
        if solid.any():
            step = (marked.picture - radiograph)[mark.window][..., 0][solid]
            assert step == pytest.approx(np.full(step.shape, np.log(1 + mark.contrast) / np.log(20.0)), abs=1e-4)
