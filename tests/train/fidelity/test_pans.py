"""Pans: exact motion, and frames as a camera gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.errors import InputError
from edgeenh_train.fidelity.light import luminance, to_linear
from edgeenh_train.fidelity.pans import DIM_LIGHT, GREY_WINDOW, frames_of, pan

Picture = NDArray[np.float32]
Scene = Callable[..., Picture]


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def frames(picture: Picture, condition: str, levels: int = 255) -> list[Picture]:
    return frames_of(picture, condition, levels, 3, (0.75, 0.5), 0.01, rng())


def test_a_pan_of_a_ramp_is_exact() -> None:
    y, x = np.mgrid[:100, :140]
    ramp = ((x + 2 * y) / 400)[..., None].astype(np.float32)
    frames = pan(ramp, 5, (0.75, 0.5), 0.0, rng())
    assert frames[0].shape == (98, 137, 1)
    for index, frame in enumerate(frames):
        expected = ramp[:98, :137] + index * (0.75 + 1.0) / 400
        assert np.abs(frame - expected)[8:-8, 8:-8].max() < 1e-5


def test_whole_pixels_are_copied_and_noise_repeats(scene: Scene) -> None:
    frames = pan(scene(), 3, (2.0, 1.0), 0.0, rng())
    assert np.array_equal(frames[1][:50, :50], scene()[1:51, 2:52])
    noisy, again = (pan(scene(), 3, (0.5, 0.5), 0.01, rng()) for _ in range(2))
    assert np.array_equal(noisy, again)


@pytest.mark.parametrize(
    ("size", "frames", "step", "noise", "expected"),
    [
        (80, 2, (0.5, 0.5), 0.0, "at least 3"),
        (80, 4, (-0.5, 0.5), 0.0, "no negative"),
        (80, 4, (0.5, 0.5), -1.0, "no negative"),
        (80, 100, (0.75, 0.5), 0.0, "too small"),
    ],
)
def test_pans_that_make_no_sense(
    size: int, frames: int, step: tuple[float, float], noise: float, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        pan(np.zeros((size, size, 3), np.float32), frames, step, noise, rng())


@pytest.mark.parametrize("levels", [255, 65_535])
@pytest.mark.parametrize("condition", ["levels", "dim"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_camera_gives_whole_levels(condition: str, levels: int, channels: int, scene: Scene) -> None:
    made = frames(scene(channels=channels), condition, levels)
    steps = np.stack(made).astype(np.float64) * levels
    assert np.abs(steps - steps.round()).max() < 0.01
    assert made[0].dtype == np.float32
    assert len({frame.tobytes() for frame in made}) == 3
    assert np.array_equal(made, frames(scene(channels=channels), condition, levels))


def test_levels_are_the_clean_frames_rounded(scene: Scene) -> None:
    clean, rounded = frames(scene(), "clean"), frames(scene(), "levels")
    assert 0 < max(float(np.abs(a - b).max()) for a, b in zip(clean, rounded, strict=True)) <= 0.5 / 255 + 1e-6


def test_a_dim_photograph_has_little_light_and_a_dark_one_keeps_its_own(scene: Scene) -> None:
    def light(picture: Picture) -> float:
        return float(luminance(to_linear(picture)).mean())

    assert light(frames(scene(), "dim")[0]) == pytest.approx(DIM_LIGHT, rel=0.02)
    dark = scene() * np.float32(0.3)
    assert light(frames(dark, "dim")[0]) == pytest.approx(light(pan(dark, 3, (0.75, 0.5), 0.0, rng())[0]), rel=0.02)


def test_a_dim_radiograph_has_a_narrow_window_and_a_narrow_one_keeps_its_own(radiograph: Picture) -> None:
    def window(picture: Picture) -> float:
        return float(np.subtract(*np.percentile(picture, (99, 1))))

    low, high = np.percentile(radiograph, (1, 99))
    wide = np.clip((radiograph - low) / (high - low), 0, 1).astype(np.float32)
    assert window(frames(wide, "dim")[0]) == pytest.approx(GREY_WINDOW, abs=0.05)
    clean = frames(radiograph, "clean")[0]
    assert window(clean) - 0.02 < window(frames(radiograph, "dim")[0]) < window(clean) + 0.1  # the noise widens it


def test_black_stays_black_in_every_condition() -> None:
    black = np.zeros((80, 80, 3), np.float32)
    for condition in ("levels", "dim"):
        assert max(float(frame.mean()) for frame in frames(black, condition)) < 0.03
