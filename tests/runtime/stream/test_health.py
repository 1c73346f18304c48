from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeenh.stream.health import FrameHealth


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
