"""A pan over a still, and what a camera makes of its frames: the material that flicker is measured on.

A window moves over one photograph by a known step of less than a pixel, in one of three conditions:

- `clean`: with a little sensor noise, values between the levels. No camera gives that, and a bundle, which takes 8 bits of colour,
  has to round it; so it is for information.
- `levels`: the same, rounded to the levels that a camera gives.
- `dim`: as a camera gives a scene with too little light, which is what an enhancer is there for; rounded likewise. Colour: light
  scaled down to the middle of what the camera model `dental` leaves of a good picture, where it is not as low already, and that
  camera's noise (variance a·x + b, Foi et al. 2008; see `edgeenh_train.camera.dental`). Grey: a window as narrow as the camera model `xray`
  has, where it is not as narrow already, and the noise of counted photons. Lens, lamp, hand and JPEG are left out: these stay with the
  camera while the scene moves, and would be taken for flicker.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import InputError
from edgeenh_train.camera.xray import RANGE
from edgeenh_train.fidelity.light import Floats, luminance, to_encoded, to_linear

FRAMES = 12
STEP = (0.75, 0.5)
"""Pixels to the right and down from frame to frame."""
SMALLEST = 48
"""Least side of the window that moves over a photograph."""
NOISE = 0.01
"""Standard deviation of the sensor noise added to every frame, of full scale; `dim` has its own."""

CONDITIONS = ("clean", "levels", "dim")
"""See the module's docstring."""
JUDGED = ("levels", "dim")
"""Conditions that a station can meet."""

DIM_LIGHT = 0.125
"""Mean luminance of a `dim` picture: a good one of 0.35 at −1.5 EV, the middle of what `dental` draws."""
FULL_WELL, READ_NOISE = 2800.0, 5.0
"""Electrons: of a saturated pixel, and of the reading; the middle of what `dental` draws."""
GREY_WINDOW = 0.67
"""From the 1st to the 99th percentile of a `dim` radiograph: the middle of what `xray` draws."""
PHOTONS = 1550.0
"""Counted per pixel at display black; the middle of what `xray` draws."""


def pan(
    picture: NDArray[np.float32], frames: int, step: tuple[float, float], noise: float, rng: np.random.Generator
) -> list[NDArray[np.float32]]:
    """Frames of a window that moves over a picture.

    Args:
        picture: Float32 [H,W,C], 0…1.
        frames: How many, at least 3.
        step: Pixels to the right and down from one to the next, each 0 or more.
        noise: Standard deviation of Gaussian noise, of full scale; 0 for none.
        rng: Source of the noise.

    Returns:
        Float32 [h,w,C] each, 0…1, as large as the picture allows.

    Raises:
        InputError: Fewer than 3 frames, a negative step or noise, or a picture too small for the way.
    """
    if frames < 3 or min(step) < 0.0 or noise < 0.0:
        raise InputError(
            f"a pan of {frames} frames, step {step}, noise {noise}: give at least 3 frames, no negative step or noise"
        )
    height, width = picture.shape[:2]
    high, wide = (
        side - math.ceil(way * (frames - 1)) for side, way in zip((height, width), (step[1], step[0]), strict=True)
    )
    if min(high, wide) < SMALLEST:
        raise InputError(
            f"a picture of {width}×{height} is too small for a pan of {frames} frames: give a larger one or fewer frames"
        )
    views = []
    for index in range(frames):
        view = shifted(picture, (step[0] * index, step[1] * index))[:high, :wide]
        noisy = view + rng.normal(0.0, noise, view.shape) if noise > 0.0 else view
        views.append(np.clip(noisy, 0.0, 1.0).astype(np.float32))
    return views


def frames_of(
    picture: NDArray[np.float32], condition: str, levels: int, frames: int, step: tuple[float, float], noise: float,
    rng: np.random.Generator,
) -> list[NDArray[np.float32]]:  # fmt: skip
    """The frames of a pan in one of `CONDITIONS`; arguments as in `pan`, `levels` as in `on_levels`.

    Raises:
        InputError: As in `pan`.
    """
    if condition == "clean":
        return pan(picture, frames, step, noise, rng)
    if condition == "levels":
        return [on_levels(frame, levels) for frame in pan(picture, frames, step, noise, rng)]
    views = pan(picture, frames, step, 0.0, rng)
    taken = _radiograph if picture.shape[2] == 1 else _photograph
    return [on_levels(frame, levels) for frame in taken(views, rng)]


def on_levels(picture: NDArray[np.float32], levels: int) -> NDArray[np.float32]:
    """Float32 0…1 rounded to `levels` steps between black and white: 255 for 8 bit, 65,535 for 16."""
    return np.asarray(np.rint(np.clip(picture, 0.0, 1.0) * np.float32(levels)) / np.float32(levels), dtype=np.float32)


def _photograph(views: list[NDArray[np.float32]], rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """Under less light, by one factor that the first view decides, with the sensor's noise."""
    share = min(1.0, DIM_LIGHT / max(float(luminance(to_linear(views[0])).mean()), 1e-6))
    for view in views:
        light = to_linear(view) * share
        variance = light / FULL_WELL + (READ_NOISE / FULL_WELL) ** 2
        yield to_encoded(light + rng.standard_normal(light.shape) * np.sqrt(variance))


def _radiograph(views: list[NDArray[np.float32]], rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """With the noise of its photons, then in a narrower window, which the first view decides."""
    low, high = (float(value) for value in np.percentile(views[0], (1, 99)))
    share, middle = min(1.0, GREY_WINDOW / max(high - low, 1e-6)), (low + high) / 2
    for view in views:
        counts = rng.poisson(PHOTONS * np.exp(-RANGE * view.astype(np.float64)))
        shown = -np.log(np.maximum(counts, 1) / PHOTONS) / RANGE
        yield np.clip(middle + share * (shown - middle), 0.0, 1.0).astype(np.float32)


def shifted(plane: NDArray[Any], by: tuple[float, float]) -> NDArray[Any]:
    """What lies `by` pixels further right and down, the last row and column repeated: same shape and type.

    By Lagrange's polynomial through the eight nearest values along each axis, the flattest of the fractional delay filters
    (Laakso et al., IEEE Signal Processing Magazine 13(1), 1996). OpenCV's bicubic kernel (a = −0.75) bends even a straight ramp.
    """
    whole = tuple(math.floor(way) for way in by)
    rows, columns = (
        np.clip(np.arange(n) + way, 0, n - 1) for n, way in zip(plane.shape[:2], (whole[1], whole[0]), strict=True)
    )
    across, down = (_delay(way - start) for way, start in zip(by, whole, strict=True))
    moved = cv2.sepFilter2D(
        np.ascontiguousarray(plane[rows][:, columns]), -1, across, down, anchor=(3, 3), borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved).reshape(plane.shape)


def _delay(fraction: float) -> Floats:
    """The eight weights of the values at −3…4 for the place `fraction`, 0…1."""
    at = np.arange(-3.0, 5.0)
    return np.array([np.prod([(fraction - other) / (own - other) for other in at if other != own]) for own in at])
