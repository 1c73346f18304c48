"""Light: the one scale on which contrast is measured here, and what every measure asks of a picture and of an enhancer.

Weber contrast is a ratio of luminances, so it is formed in linear light: exposure, white balance and uneven lighting are
factors there and leave it alone. Colour pictures are taken as sRGB (IEC 61966-2-1) with the luminance weights of Rec. 709.

Grey pictures are taken as radiographs, and their values as attenuations: the logarithm of what the detector received, with
`camera.xray.RANGE` between black and white (Beer and Lambert). Their "light" is the exponential of that. So a mark multiplies it as a
lesion multiplies the dose behind it, wherever it lies; and window and level, what a viewer turns, are a power and a factor of it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import JobFailed, PictureError
from edgeenh_train.camera.xray import RANGE
from edgeenh_train.enhance import Enhance

Floats = NDArray[np.float64]

REC709 = np.array([0.2126, 0.7152, 0.0722])
VEIL = 0.01
"""Light that is added before a logarithm, as a share of white: differences in what a screen shows as black do not count."""

MIN_SIDE = 64
"""Smallest side of a picture that can be measured: less has no room for marks with their surroundings."""


def to_linear(picture: NDArray[np.float32]) -> Floats:
    """Float32 [H,W,C] 0…1 as encoded to float64 [H,W,C] 0…1 in linear light; with C = 1, from 1/20 on: see the module's docstring."""
    values = picture.astype(np.float64)
    if picture.shape[2] == 1:
        return np.exp(RANGE * (values - 1.0))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_encoded(light: Floats) -> NDArray[np.float32]:
    """The inverse of `to_linear`; what lies outside 0…1 is cut off."""
    values = np.clip(light, 0.0, 1.0)
    if light.shape[2] == 1:
        values = np.clip(1.0 + np.log(np.maximum(values, np.exp(-RANGE))) / RANGE, 0.0, 1.0)
    else:
        values = np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
    return values.astype(np.float32)


def luminance(light: Floats) -> Floats:
    """Float64 [H,W,C] in linear light to its luminance [H,W], 0…1."""
    return light[..., 0] if light.shape[2] == 1 else light @ REC709


def log_light(light: Floats) -> Floats:
    """Natural logarithm of light with `VEIL` added: a factor becomes a sum, a small difference a Weber contrast."""
    return np.log(light + VEIL)


def smoothed(plane: Floats, sigma: float) -> Floats:
    """Gaussian mean of float64 [H,W] or [H,W,C], σ in pixels, mirrored at the borders."""
    result = cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(result, dtype=np.float64).reshape(plane.shape)


def to_bytes(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Float32 [H,W,C] 0…1 to uint8 [H,W,3]: rounded, grey repeated three times."""
    values = np.round(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values


def reduced(picture: NDArray[np.float32], long_side: int) -> NDArray[np.float32]:
    """`picture` (float32 [H,W,C]) with its longer side at most `long_side`; never enlarged."""
    height, width, channels = picture.shape
    scale = long_side / max(height, width)
    if scale >= 1.0:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    # sums of float32 can end a hair above the largest of their values
    return np.clip(np.asarray(small, dtype=np.float32), 0.0, picture.max()).reshape(size[1], size[0], channels)


def check_picture(picture: NDArray[np.float32], name: str = "the picture") -> None:
    """Refuse what cannot be measured.

    Raises:
        PictureError: It is not float32 [H,W,1 or 3], holds values outside 0…1 or not finite, or a side is below `MIN_SIDE`.
    """
    if picture.dtype != np.float32 or picture.ndim != 3 or picture.shape[2] not in (1, 3):
        raise PictureError(
            f"{name} is an array of {picture.dtype} {list(picture.shape)}, expected float32 [H,W,3] or [H,W,1]: convert it first"
        )
    if min(picture.shape[:2]) < MIN_SIDE:
        raise PictureError(
            f"{name} is {picture.shape[1]}×{picture.shape[0]} pixels, expected at least {MIN_SIDE}×{MIN_SIDE}: give a larger picture"
        )
    if not (np.isfinite(picture).all() and picture.min() >= 0.0 and picture.max() <= 1.0):
        raise PictureError(f"{name} has values outside 0…1: divide it by its full scale first")


def apply(enhance: Enhance, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Enhance `picture`, and refuse a result that no figure should be formed from.

    Raises:
        JobFailed: The result has another shape or type, is not finite, leaves 0…1, or is the input's own memory.
    """
    given = picture.copy()
    result = enhance(given)
    if not isinstance(result, np.ndarray) or result.dtype != np.float32 or result.shape != picture.shape:
        found = (
            f"{result.dtype} {list(result.shape)}" if isinstance(result, np.ndarray) else f"a {type(result).__name__}"
        )
        raise JobFailed(f"the enhancer returned {found}, expected float32 {list(picture.shape)}: correct the enhancer")
    if not (np.isfinite(result).all() and result.min() >= -1e-6 and result.max() <= 1.0 + 1e-6):
        raise JobFailed("the enhancer returned values outside 0…1 or not finite: correct the enhancer")
    return np.clip(result, 0.0, 1.0)
