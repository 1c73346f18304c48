"""NaN, infinity, constants, swapped channels, moved pixels and a stale frame, in every picture, channel and place: none passes.

Thresholds are such that every picture that could be measured would pass: what stops these is not a matter of degree.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh.drift import Thresholds
from edgeenh.gate import judge, run_gate
from edgeenh.pixels import GREY, RGB

ANYTHING = Thresholds(0.0, -1.0, 255.0)
COUNT, HEIGHT, WIDTH = 4, 48, 64


def scene(seed, channels=3, top=255):
    """A picture with shapes and noise, different in every channel."""
    random = np.random.default_rng(seed)
    base = np.kron(random.integers(0, top // 2, (HEIGHT // 8, WIDTH // 8, channels)), np.ones((8, 8, 1)))
    noise = random.integers(0, top // 4, base.shape)
    return (base + noise).astype(np.uint8 if top == 255 else np.uint16)


SCENES = [scene(seed) for seed in range(COUNT)]
GREYS = [scene(seed, 1, 65535) for seed in range(COUNT)]


def verdict(candidates, references=SCENES, top=255):
    names = [f"p{index}" for index in range(len(references))]
    return judge(zip(names, references, candidates, strict=True), ANYTHING, top)


def spoilt(position, change, references=SCENES):
    """Float copies of the pictures, the one at `position` changed in place."""
    made = [reference.astype(np.float32) for reference in references]
    change(made[position])
    return made


def test_the_pictures_as_they_are_pass():
    assert verdict(SCENES).passed
    assert verdict([one.astype(np.float32) for one in SCENES]).passed
    assert verdict(GREYS, GREYS, 65535).passed


@given(
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.integers(0, COUNT - 1),
    st.integers(0, HEIGHT - 1),
    st.integers(0, WIDTH - 1),
    st.integers(0, 2),
)
@settings(max_examples=80, deadline=None)
def test_one_value_that_is_not_finite_never_passes(value, position, y, x, channel):
    def change(picture):
        picture[y, x, channel] = value

    found = verdict(spoilt(position, change))
    assert not found.passed
    assert found.worst_picture == f"p{position}"
    assert "1 values that are not finite" in found.reasons[0]
    assert math.isnan(found.psnr_db)
    assert found.to_json()["psnr_db"] is None
    assert found.would_pass(ANYTHING) == {}


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("position", range(COUNT))
def test_one_grey_value_that_is_not_finite_never_passes(value, position):
    def change(picture):
        picture[-1, -1, 0] = value

    found = verdict(spoilt(position, change, GREYS), GREYS, 65535)
    assert not found.passed
    assert found.worst_picture == f"p{position}"


@pytest.mark.parametrize("position", range(COUNT))
@pytest.mark.parametrize("channel", [0, 1, 2, slice(None)])
@pytest.mark.parametrize("value", [0, 77, 255])
def test_a_constant_channel_or_picture_never_passes(position, channel, value):
    def change(picture):
        picture[..., channel] = value

    found = verdict(spoilt(position, change))
    assert not found.passed
    assert "constant" in found.reasons[0]
    assert found.worst_picture == f"p{position}"


@pytest.mark.parametrize("position", range(COUNT))
@pytest.mark.parametrize("order", [(2, 1, 0), (1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1)])
def test_channels_in_another_order_never_pass(position, order):
    candidates = list(SCENES)
    candidates[position] = np.ascontiguousarray(candidates[position][..., list(order)])
    found = verdict(candidates)
    assert not found.passed
    assert found.reasons[0].startswith(f"p{position}: the channels come back in the order")


@pytest.mark.parametrize("position", range(COUNT))
@pytest.mark.parametrize(("down", "right"), [(0, 1), (1, 0), (-1, 0), (0, -1), (2, -3), (-4, 4)])
def test_a_picture_that_is_moved_never_passes(position, down, right):
    candidates = list(SCENES)
    candidates[position] = np.roll(candidates[position], (down, right), (0, 1))
    found = verdict(candidates)
    assert not found.passed
    assert f"moved by x={right:+d}, y={down:+d}" in found.reasons[0]


@pytest.mark.parametrize("position", range(1, COUNT))
def test_the_previous_picture_again_never_passes(position):
    candidates = list(SCENES)
    candidates[position] = candidates[position - 1].copy()
    found = verdict(candidates)
    assert not found.passed
    assert f"p{position}: the output is the previous picture again" in found.reasons[0]


@pytest.mark.parametrize("position", range(COUNT))
def test_another_shape_or_type_never_passes(position):
    for change in (lambda p: p[:-1], lambda p: p[..., :1], lambda p: p.astype(np.int16), lambda p: p[None]):
        candidates = list(SCENES)
        candidates[position] = change(candidates[position])
        found = verdict(candidates)
        assert not found.passed
        assert found.worst_picture == f"p{position}"


def engine(fault):
    """An identity engine with a fault, through the whole gate: self-test and pictures."""
    golden = [(f"p{index}", picture, picture) for index, picture in enumerate(SCENES)]
    return run_gate(fault, golden, ANYTHING, RGB, cap=0.5, size=(HEIGHT, WIDTH))


def test_a_right_engine_passes_the_whole_gate():
    assert engine(lambda image, strength: image.copy()).passed


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (lambda image, strength: image[..., ::-1].copy(), "another order"),
        (lambda image, strength: np.roll(image, 1, 1), "strength 0 changes"),
        (lambda image, strength: np.zeros_like(image), "strength 0 changes"),
        (lambda image, strength: SCENES[0].copy(), "strength 0 changes"),
        (lambda image, strength: image // 2 * 2, "strength 0 changes"),
    ],
    ids=["swapped", "moved", "black", "stale", "seven bits"],
)
def test_the_self_test_finds_it_without_any_reference(fault, word):
    found = engine(fault)
    assert not found.passed
    assert any(word in one for one in found.self_test.faults)


def test_an_engine_that_does_not_repeat_itself_fails_and_says_by_how_much():
    calls = iter(range(10_000))

    def unsteady(image, strength):
        made = image.copy()
        if strength:
            made[0, 0] = np.minimum(made[0, 0].astype(int) + 3 * (next(calls) % 2), 255)
        return made

    found = engine(unsteady)
    assert any("the same frame came back otherwise, by up to 3" in one for one in found.self_test.faults)


def test_the_worst_of_all_names_picture_place_and_tolerance():
    candidates = [one.copy() for one in SCENES]
    candidates[2][20:30, 40:50] ^= 8
    found = judge(zip("abcd", SCENES, candidates, strict=True), Thresholds(50, 0.999), 255)
    assert not found.passed
    assert found.worst_picture == "c"
    assert found.worst_patch.x <= 40 < 50 <= found.worst_patch.x + 32
    assert found.worst_patch.y <= 20 < 30 <= found.worst_patch.y + 32
    looser = Thresholds(**{**Thresholds(50, 0.999).to_json(), **found.would_pass(Thresholds(50, 0.999))})
    assert judge(zip("abcd", SCENES, candidates, strict=True), looser, 255).passed


def test_a_data_range_is_declared_and_not_the_pictures_own_brightest():
    dim = [one // 16 for one in SCENES]
    off = [np.where(one == one.max(), one - 1, one).astype(np.uint8) for one in dim]
    squares = [((a.astype(float) - b) ** 2).mean() for a, b in zip(dim, off, strict=True)]
    expected = min(10 * math.log10(255**2 / square) for square in squares)
    assert verdict(off, dim).psnr_db == pytest.approx(expected)


def test_grey_pictures_are_counted_on_their_own_range():
    off = [one + np.uint16(257) for one in GREYS]
    found = verdict(off, GREYS, 65535)
    assert found.psnr_db == pytest.approx(20 * math.log10(255))
    assert found.mean_shift == pytest.approx((257.0,))
    assert found.share_off_by_more_than_1 == 0
    assert GREY.top == 65535
