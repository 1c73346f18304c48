"""Natural scene statistics that NIQE and BRISQUE share: normalised luminance and the fit of its distribution.

Locally mean-subtracted, contrast-normalised (MSCN) luminance of undistorted photographs follows a generalised Gaussian;
products of neighbours follow an asymmetric one (AGGD; Lasmar, Stitou and Berthoumieu, ICIP 2009). How the fitted
parameters move tells of noise, blur and compression (Mittal, Moorthy and Bovik, IEEE TIP 21(12), 2012).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh_train.data.reading import Picture, as_uint8

Plane = NDArray[np.float64]

_SMALLEST_SHAPE, _LARGEST_SHAPE, _STEP = 0.2, 10.0, 0.001  # the search grid of both authors' releases


@dataclass(frozen=True, slots=True)
class Fit:
    """An asymmetric generalised Gaussian: shape α, and root mean squares of the values below and above zero."""

    shape: float
    left: float
    right: float

    @property
    def scale(self) -> float:
        """Factor from a root mean square to the distribution's β: √(Γ(1/α) / Γ(3/α))."""
        return math.sqrt(math.gamma(1 / self.shape) / math.gamma(3 / self.shape))

    @property
    def mean(self) -> float:
        """η = (β_right − β_left) · Γ(2/α) / Γ(1/α)."""
        ratio = math.gamma(2 / self.shape) / math.gamma(1 / self.shape)
        return (self.right - self.left) * self.scale * ratio


def luminance(picture: Picture) -> Plane:
    """Luma 0.299 R + 0.587 G + 0.114 B of the picture at 8 bit, rounded; grey as it is. Float64 [H,W], 0…255."""
    levels = as_uint8(picture)
    plane = levels[..., 0] if levels.shape[2] == 1 else cv2.cvtColor(levels, cv2.COLOR_RGB2GRAY)
    return np.asarray(plane, dtype=np.float64)


def normalised(plane: Plane, kernel: NDArray[np.float64], floor: float) -> Plane:
    """MSCN coefficients (I − μ) / (σ + floor), under a window whose two sides are `kernel`; edges are replicated."""
    mean = _blurred(plane, kernel)
    variance = _blurred(plane * plane, kernel) - mean * mean
    return (plane - mean) / (np.sqrt(np.maximum(variance, 0.0)) + floor)


def fit(values: Plane) -> Fit | None:
    """Fit an AGGD by matching moments; None where all values are on one side of zero, as in a flat area."""
    negative, positive = values[values < 0], values[values > 0]
    if not negative.size or not positive.size:
        return None
    left, right = math.sqrt(float((negative**2).mean())), math.sqrt(float((positive**2).mean()))
    skew = left / right
    ratio = float(np.abs(values).mean()) ** 2 / float((values**2).mean())
    wanted = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shapes, ratios = _grid()
    return Fit(float(shapes[int(np.abs(ratios - wanted).argmin())]), left, right)


def _blurred(plane: Plane, kernel: NDArray[np.float64]) -> Plane:
    blurred = cv2.sepFilter2D(plane, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.float64)


@cache
def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shapes α and their ratio of moments Γ(2/α)² / (Γ(1/α) Γ(3/α))."""
    shapes = np.arange(_SMALLEST_SHAPE, _LARGEST_SHAPE + _STEP / 2, _STEP)
    logs = [2 * math.lgamma(2 / a) - math.lgamma(1 / a) - math.lgamma(3 / a) for a in shapes]
    return shapes, np.exp(logs)
