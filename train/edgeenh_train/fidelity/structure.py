"""Whether the output has the input's structure: blind to tone, not to structure. Two figures.

**Likeness** is the structure term of SSIM alone (Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 13(4), 2004, equation 10):

    s = (σ_xy + C) / (σ_x · σ_y + C)

with Gaussian windows 11×11, σ = 1.5, over windows that lie wholly inside, x and y being the logarithm of luminance (`log_light`).
It is a correlation, so any local x → a·x + b with a > 0 gives exactly 1, and on logarithms that is every gain and gamma. Another
lighting leaves a slope within a window and costs a little where the picture is flat (0.98 for ±15 % over some 300 pixels). C = NOISE² keeps contrasts below 2 % from counting. It is averaged over windows and over four dyadic scales, as in MS-SSIM
(Wang, Simoncelli and Bovik, Asilomar 2003), but plainly: their weights were fitted for l · c · s together.

**Added edges** is the share of the output's gradient energy that the input does not explain. With local contrast gain
a = ⟨∇y·∇x⟩ / (⟨∇x·∇x⟩ + FLAT²), Gaussian means of σ = 8 pixels, the output may have twice the gradient that the strongest
input gradient within 2 pixels becomes under that gain:

    added = Σ max(0, |∇y| − 2 · a · max₅ₓ₅|∇x| − FLAT)² / Σ |∇y|²

A drawn line does not raise a, since its gradient does not go with the input's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh_train.fidelity.good import Patch, worst_patch
from edgeenh_train.fidelity.light import Floats, check_picture, log_light, luminance, smoothed, to_linear

SCALES = 4
WINDOW = 11
SIGMA = 1.5
NOISE = 0.02
"""Contrast below which structure does not count in the likeness: about the noise of an 8-bit picture."""
FLAT = 0.01
"""Gradient below which nothing is an edge: 1 % of light per pixel."""
GAIN_SIGMA = 8.0
ALLOWANCE = 2.0


@dataclass(frozen=True, slots=True)
class Structure:
    """How far one output has its input's structure.

    Attributes:
        likeness: Mean of `scales`; 1 = the same structure, whatever the tone; 0 = none of it.
        scales: Mean structure term at full, half, quarter … size, as far as the picture is large enough.
        worst: The patch with the lowest mean structure term at full size; its `mean` is that mean.
        added_edges: Share of the output's gradient energy that the input does not explain, 0…1.
    """

    likeness: float
    scales: tuple[float, ...]
    worst: Patch
    added_edges: float


def structure_of(before: NDArray[np.float32], after: NDArray[np.float32]) -> Structure:
    """Compare a picture with its enhanced form.

    Args:
        before, after: Float32 [H,W,C], 0…1, RGB or grey, of one shape.

    Raises:
        PictureError: One of them cannot be measured.
    """
    check_picture(before, "the input")
    check_picture(after, "the output")
    x, y = (log_light(luminance(to_linear(picture))) for picture in (before, after))
    maps = _structure_maps(x, y)
    worst = worst_patch(-maps[0])
    margin = WINDOW // 2
    scales = tuple(float(m.mean()) for m in maps)
    placed = Patch(worst.x + margin, worst.y + margin, worst.side, -worst.mean)
    return Structure(float(np.mean(scales)), scales, placed, added_edges(x, y))


def structure_term(x: Floats, y: Floats) -> Floats:
    """The term s of every window wholly inside: float64 [H,W] twice to [H−10,W−10], −1…1."""
    mean_x, mean_y = _means(x), _means(y)
    covariance = _means(x * y) - mean_x * mean_y
    variance_x = np.maximum(_means(x * x) - mean_x**2, 0.0)
    variance_y = np.maximum(_means(y * y) - mean_y**2, 0.0)
    return np.asarray((covariance + NOISE**2) / (np.sqrt(variance_x * variance_y) + NOISE**2), dtype=np.float64)


def _structure_maps(x: Floats, y: Floats) -> list[Floats]:
    maps = []
    for _ in range(SCALES):
        maps.append(structure_term(x, y))
        x, y = _halved(x), _halved(y)
        if min(x.shape) < 2 * WINDOW:
            break
    return maps


def added_edges(x: Floats, y: Floats) -> float:
    """The share of `added` in the module's docstring, for logarithms of luminance, float64 [H,W]; 0 for a flat output."""
    gradient_x, gradient_y = _gradient(x), _gradient(y)
    strength_x, strength_y = (np.hypot(g[..., 0], g[..., 1]) for g in (gradient_x, gradient_y))
    together = smoothed((gradient_x * gradient_y).sum(axis=-1), GAIN_SIGMA)
    gain = np.maximum(together / (smoothed(strength_x**2, GAIN_SIGMA) + FLAT**2), 0.0)
    near = cv2.dilate(strength_x, np.ones((5, 5), np.uint8))
    excess = np.maximum(strength_y - ALLOWANCE * gain * near - FLAT, 0.0)
    energy = float((strength_y**2).sum())
    return float((excess**2).sum()) / energy if energy > 0.0 else 0.0


def _gradient(plane: Floats) -> Floats:
    """Derivatives along x and y after Scharr, per pixel: float64 [H,W,2]."""
    parts = [cv2.Scharr(plane, cv2.CV_64F, dx, 1 - dx, scale=1 / 32, borderType=cv2.BORDER_REFLECT) for dx in (1, 0)]
    return np.stack(parts, axis=-1)


def _means(plane: Floats) -> Floats:
    kernel = cv2.getGaussianKernel(WINDOW, SIGMA, cv2.CV_64F)
    margin = WINDOW // 2
    means = cv2.sepFilter2D(plane, cv2.CV_64F, kernel, kernel)[margin:-margin, margin:-margin]
    return np.asarray(means, dtype=np.float64)


def _halved(plane: Floats) -> Floats:
    size = (plane.shape[1] // 2, plane.shape[0] // 2)
    halved = cv2.resize(plane[: size[1] * 2, : size[0] * 2], size, interpolation=cv2.INTER_AREA)
    return np.asarray(halved, dtype=np.float64)
