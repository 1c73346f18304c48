from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import edgeenh
from edgeenh.bundle import Bundle
from edgeenh.stream.health import Bounds, FrameHealth, bounds_of


def _noise(seed: int, shape: tuple[int, int] = (90, 130)) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def test_good_outputs_are_healthy() -> None:
    health = FrameHealth()
    for seed in range(4):
        image, out = _noise(seed), np.empty((90, 130, 3), np.uint8)
        health.arm(image, out)
        out[...] = image // 2 + 60
        assert health.verdict(image, out) == ""
    assert health.verdict(image, out) == ""  # the same input may give the same output


def test_an_output_that_was_not_written_is_found() -> None:
    for seed, start in ((0, 0), (1, 255)):
        image, out = _noise(seed), np.full((90, 130, 3), start, np.uint8)
        health = FrameHealth()
        health.arm(image, out)
        assert "did not write" in health.verdict(image, out)


@pytest.mark.parametrize(
    ("size", "rows"), [((1080, 1920), (1025, 1080)), ((480, 640), (449, 480)), ((90, 130), (40, 60))]
)
def test_an_output_of_which_a_part_was_not_written_is_found(size: tuple[int, int], rows: tuple[int, int]) -> None:
    image, health = _noise(0, size), FrameHealth()
    out = np.empty_like(image)
    health.arm(image, out)
    written = np.ones(size[0], bool)
    written[slice(*rows)] = False
    out[written] = image[written]
    assert health.verdict(image, out) == "the backend did not write all of its output"


@pytest.mark.parametrize("shape", [(1024, 1280), (960, 1280), (288, 352, 3), (272, 416, 3), (480, 640, 3)])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_constant_output_is_found_at_every_size(shape: tuple[int, ...], bits: int) -> None:
    """The deviation of a flat sample is not 0 for every colour and count of values."""
    dtype = np.uint8 if bits == 8 else np.uint16
    image = np.random.default_rng(0).integers(0, 1 << bits, shape, dtype)
    for value in range(1, 1 << bits, 5 << (bits - 8)):
        out = np.full(shape, value, dtype)
        assert "one colour" in FrameHealth().verdict(image, out, bits), value


def test_a_constant_output_is_found_unless_the_input_is_flat_too() -> None:
    flat = np.full((90, 130, 3), 7, np.uint8)
    assert "one colour, (7, 7, 7)" in FrameHealth().verdict(_noise(0), flat)
    assert FrameHealth().verdict(np.full_like(flat, 30), flat) == ""
    assert FrameHealth().verdict(_noise(0) // 64, flat) == ""  # sensor noise behind a covered lens
    dot = flat.copy()
    dot[1, 1] = 200  # between the sampled pixels
    assert FrameHealth().verdict(_noise(0), np.repeat(np.repeat(dot, 4, 0), 4, 1)[:90, :130]) == ""


def test_a_stale_output_is_found_and_recovery_too() -> None:
    health, old = FrameHealth(), _noise(9)
    assert health.verdict(_noise(0), old) == ""
    assert "the previous one again" in health.verdict(_noise(1), old.copy())
    assert "the previous one again" in health.verdict(_noise(2), old)
    assert health.verdict(_noise(3), _noise(4)) == ""


def test_a_new_size_is_not_stale() -> None:
    health = FrameHealth()
    assert health.verdict(_noise(0), _noise(1)) == ""
    assert health.verdict(_noise(0, (20, 20)), _noise(1, (20, 20))) == ""


@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 40))
def test_identity_is_healthy_at_every_size(height: int, width: int, seed: int) -> None:
    health, image = FrameHealth(), _noise(seed, (height, width))
    out = np.empty_like(image)
    health.arm(image, out)
    out[...] = image
    assert health.verdict(image, out) == ""


@pytest.mark.parametrize("stored", [0, 1])
def test_no_frame_is_kept_or_changed(stored: int) -> None:
    health, image, out = FrameHealth(), _noise(0), _noise(1)
    before = (image.copy(), out.copy())
    health.verdict(image, out)
    assert (image == before[0]).all()
    assert (out == before[1]).all()
    out[...] = 0  # whoever got the frame may draw on it
    assert "previous" in health.verdict(_noise(5), before[1])


def _grey(seed: int, bits: int) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 1 << bits, (90, 230), np.uint16)


@pytest.mark.parametrize("bits", [9, 12, 16])
def test_grey_outputs_are_judged_on_their_own_range(bits: int) -> None:
    health, step = FrameHealth(), 1 << (bits - 8)
    image, out = _grey(0, bits), np.empty((90, 230), np.uint16)
    health.arm(image, out, bits)
    assert "did not write" in health.verdict(image, out, bits)
    out[...] = image // 2
    assert health.verdict(image, out, bits) == ""
    noisy = np.where(image > step, image - step, image)  # sensor noise of one 8-bit step
    assert health.verdict(noisy, out, bits) == ""
    assert "previous one again" in health.verdict(_grey(1, bits), out, bits)
    flat = np.full_like(out, 77)
    assert "one colour, (77,), although" in health.verdict(_grey(2, bits), flat, bits)
    assert FrameHealth().verdict(image // 64, flat, bits) == ""


def test_a_frame_of_another_depth_is_no_repetition() -> None:
    health, shallow = FrameHealth(), np.zeros((90, 230), np.uint8)
    assert health.verdict(shallow, shallow) == ""
    deep = np.zeros((90, 230), np.uint16)
    assert health.verdict(deep + np.uint16(9000), deep, 16) == ""


BOUNDS = Bounds(cap=0.2, low=(-0.1, -0.1, -0.1), high=(0.15, 0.15, 0.15))
"""The largest change is 51 levels, the mean of a channel shifts by -26 to 38; rounding may add 4 levels to each."""


def _changed(image: NDArray[np.uint8], by: NDArray[np.int64] | int) -> NDArray[np.uint8]:
    return np.clip(image.astype(int) + by, 0, 255).astype(np.uint8)


def _middle(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(90, 160, (90, 130, 3), np.uint8)


@pytest.mark.parametrize(
    ("by", "strength", "problem"),
    [
        (38, 1.0, ""),
        (-26, 1.0, ""),
        (50, 1.0, "the mean of R shifted by 50 levels, outside the band of -26 to 38"),
        (-40, 1.0, "the mean of R shifted by -40 levels"),
        (70, 1.0, "a value changed by 70 levels, and the model changes none by more than 55"),
        (27, 0.5, "the mean of R shifted by 27 levels, outside the band of -14 to 21"),
        (40, 0.5, "none by more than 32"),
        (3, 0.0, ""),
        (9, 0.0, "none by more than 4"),
    ],
)
def test_an_output_further_away_than_the_model_goes_is_found(by: int, strength: float, problem: str) -> None:
    image = _middle()
    found = FrameHealth().verdict(image, _changed(image, by), 8, BOUNDS, strength)
    assert problem in found
    assert bool(found) == bool(problem)


def test_a_cast_of_one_channel_is_found_and_named() -> None:
    image = _middle()
    assert "the mean of B shifted" in FrameHealth().verdict(image, _changed(image, np.array([0, 0, 48])), 8, BOUNDS)
    swapped = image[..., ::-1] // 2 + np.array([0, 60, 120], np.uint8)
    assert FrameHealth().verdict(image, swapped, 8, BOUNDS)


def test_noise_that_wrapped_around_is_found() -> None:
    image = _noise(0)
    assert "a value changed by" in FrameHealth().verdict(image, image + np.uint8(10), 8, BOUNDS)


def test_grey_of_twelve_bits_has_bounds_of_its_own_range() -> None:
    image = np.random.default_rng(0).integers(1500, 2500, (90, 230), np.uint16)
    bounds = Bounds(0.2, (-0.1,), (0.15,))
    assert FrameHealth().verdict(image, image + np.uint16(600), 12, bounds) == ""
    assert "the mean of grey shifted by 750" in FrameHealth().verdict(image, image + np.uint16(750), 12, bounds)
    assert "changed by 1000 levels" in FrameHealth().verdict(image, image + np.uint16(1000), 12, bounds)


def test_the_bounds_are_the_bundles(tiny_bundle: Bundle, grey_bundle: Bundle) -> None:
    bounds = bounds_of(tiny_bundle)
    assert bounds is bounds_of(tiny_bundle)
    assert bounds.cap == 0.2
    assert bounds.low == pytest.approx([-0.1] * 3)
    assert bounds.high == pytest.approx([40 / 255 + 0.1] * 3, abs=0.02)
    assert len(bounds_of(grey_bundle).high) == 1


@given(st.integers(0, 1000), st.floats(0, 1))
def test_what_the_model_can_do_is_healthy(seed: int, strength: float) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (40, 50, 3), np.uint8)
    change = rng.uniform(-0.1, 0.15, image.shape) * strength * 255
    assert FrameHealth().verdict(image, _changed(image, np.rint(change).astype(int)), 8, BOUNDS, strength) == ""


@pytest.mark.parametrize("strength", [0.1, 0.25, 0.5, 0.75, 1.0])
def test_no_picture_of_the_shipped_model_is_called_unhealthy_at_any_strength(strength: float) -> None:
    """A frame that it brightens so much that the clamp hides a part of the change at strength 1, and less of it at half."""
    source = edgeenh.open_source("synthetic:320x240@20")
    frames = [source.read() for _ in range(80)]
    assert frames[79] is not None
    image, health = frames[79].image, FrameHealth()
    with edgeenh.load(backend="onnxruntime") as enhancer:
        enhanced = np.empty_like(image)
        health.arm(image, enhanced)
        enhancer.enhance_into(image, enhanced, strength)
        assert health.verdict(image, enhanced, 8, bounds_of(enhancer.bundle), strength) == ""
