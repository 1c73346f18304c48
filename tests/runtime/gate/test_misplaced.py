import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.drift import Thresholds
from edgeenh.gate import judge

ANYTHING = Thresholds(min_psnr_db=0, min_ssim=-1, max_difference=255)


def scene(seed=0, height=160, width=200):
    """Smooth colour with some detail, as a photograph has."""
    y, x = np.mgrid[0:height, 0:width]
    slopes = np.stack([x * 200 / width, y * 200 / height, 100 + 90 * np.sin((x + y) / 9)], axis=-1)
    return (slopes + np.random.default_rng(seed).integers(0, 40, (height, width, 3))).astype(np.uint8)


def reason(reference, candidate, data_range=255):
    verdict = judge([("x", reference, candidate)], ANYTHING, data_range)
    assert verdict.passed == (not verdict.reasons)
    return verdict.reasons[0] if verdict.reasons else ""


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 0, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)])
def test_channels_in_another_order_fail_whatever_the_tolerance(order):
    picture = scene()
    name = "".join("RGB"[channel] for channel in order)
    assert f"in the order {name}, expected RGB" in reason(picture, np.ascontiguousarray(picture[..., order]))


@given(st.integers(-4, 4), st.integers(-4, 4))
def test_a_picture_moved_by_some_pixels_fails_whatever_the_tolerance(right, down):
    picture = scene()
    moved = np.roll(picture, (down, right), (0, 1))
    expected = f"moved by x={right:+d}, y={down:+d} pixels" if (right, down) != (0, 0) else ""
    assert expected in reason(picture, moved)
    assert bool(reason(picture, moved)) == bool(expected)


def test_grey_of_16_bits_is_found_moved_too():
    picture = (scene()[..., :1].astype(np.uint16)) * 257
    assert "moved by x=+1, y=+0" in reason(picture, np.roll(picture, 1, 1), 65535)


def test_drift_is_not_taken_for_a_move():
    picture, random = scene(), np.random.default_rng(3)
    for change in (picture + random.integers(-3, 4, picture.shape), picture * 0.9, picture + 20, picture / 2 + 60):
        assert reason(picture, np.clip(change, 0, 255).astype(np.uint8)) == ""


@given(st.integers(0, 159), st.integers(0, 199))
def test_one_wrong_pixel_of_a_flat_picture_is_not_taken_for_a_move(y, x):
    flat = np.full((160, 200, 3), 90, np.uint8)
    flat[::50, ::50] = 91
    wrong = flat.copy()
    wrong[y, x] = 120
    assert reason(flat, wrong) == ""


def test_the_previous_picture_again_fails_although_the_tolerance_would_let_it():
    first, second = scene(0), scene(1)
    verdict = judge([("a", first, first), ("b", second, first)], ANYTHING)
    assert [line.split(",")[0] for line in verdict.reasons] == ["b: the output is the previous picture again"]


def test_equal_frames_may_give_equal_pictures():
    first, nearly = scene(), scene() ^ np.uint8(1)
    assert judge([("a", first, first), ("b", nearly, first)], ANYTHING).passed
