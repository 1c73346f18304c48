"""The camera `dental-noise`: what a denoiser learns from is the sensor's noise and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from edgeenh_train.camera import CAMERAS, DentalDraw, draw_of, optics
from edgeenh_train.camera.base import Float


def flat(value: float) -> Float:
    return np.full((96, 128, 3), value, np.float32)


def test_draws_leave_light_colour_lens_hand_and_file_alone() -> None:
    for seed in range(20):
        draw, whole = draw_of("dental-noise", seed), draw_of("dental", seed)
        assert isinstance(draw, DentalDraw)
        assert isinstance(whole, DentalDraw)
        assert (draw.exposure, draw.mired, draw.tint, draw.defocus, draw.motion, draw.jpeg) == (0, 0, 0, 0, 0, 0)
        assert (draw.full_well, draw.read_noise, draw.seed) == (whole.full_well, whole.read_noise, whole.seed)


def test_pictures_keep_their_light_everywhere() -> None:
    ramp = np.tile(np.linspace(0.2, 0.8, 128, dtype=np.float32)[None, :, None], (96, 1, 3))
    mean = np.mean([CAMERAS["dental-noise"].degrade(ramp, draw_of("dental-noise", seed)) for seed in range(30)], axis=0)
    blocks = (mean - ramp).reshape(6, 16, 8, 16, 3).mean(axis=(1, 3))
    assert np.abs(blocks).max() < 0.004


def test_noise_is_that_of_the_sensor() -> None:
    draw = draw_of("dental-noise", 3)
    assert isinstance(draw, DentalDraw)
    linear = optics.srgb_to_linear(CAMERAS["dental-noise"].degrade(flat(0.6), draw))
    light = float(optics.srgb_to_linear(flat(0.6)).mean())
    eight_bit = (1 / 255 / 0.45) ** 2 / 12  # rounding, at the curve's slope there
    expected = light / draw.full_well + (draw.read_noise / draw.full_well) ** 2 + eight_bit
    assert linear.mean() == pytest.approx(light, rel=0.01)
    assert linear.var() == pytest.approx(expected, rel=0.15)
