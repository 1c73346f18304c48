"""What the camera models share: the sRGB curve, coordinates on the picture, blurs, and a trip through a picture codec."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import JobFailed
from edgeenh_train.camera.base import REFERENCE_WIDTH, Float

_LEAST_SIGMA = 0.15  # below it, a Gaussian leaves the neighbours less than 1e-9
_STEPS_PER_PIXEL = 8


def srgb_to_linear(image: Float) -> Float:
    """Display values 0…1 to linear light 0…1: the exact curve of IEC 61966-2-1, with its straight foot."""
    curved = cv2.pow((image + np.float32(0.055)) / np.float32(1.055), 2.4)
    return np.where(image <= np.float32(0.04045), image / np.float32(12.92), curved).astype(np.float32, copy=False)


def linear_to_srgb(light: Float) -> Float:
    """Linear light to display values 0…1, the inverse of `srgb_to_linear`; what lies outside 0…1 is clipped first."""
    light = np.clip(light, 0.0, 1.0)
    curved = np.float32(1.055) * cv2.pow(light, 1.0 / 2.4) - np.float32(0.055)
    return np.where(light <= np.float32(0.0031308), light * np.float32(12.92), curved).astype(np.float32, copy=False)


def coordinates(height: int, width: int) -> tuple[Float, Float]:
    """Pixel centres as x [1,W] and y [H,1], in half diagonals from the picture's middle: a corner's distance is 1."""
    half_diagonal = math.hypot(height, width) / 2
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)) / np.float32(half_diagonal)
    y = (np.arange(height, dtype=np.float32) + np.float32(0.5 - height / 2)) / np.float32(half_diagonal)
    return x[None, :], y[:, None]


def at_width(length: float, width: int) -> float:
    """A length in pixels of a 640-wide picture, in pixels of one of `width`."""
    return length * width / REFERENCE_WIDTH


def gaussian(image: Float, sigma: float) -> Float:
    """Blurred by a Gaussian of `sigma` pixels, reflected at the borders; [H,W,C] to [H,W,C]."""
    if sigma < _LEAST_SIGMA:
        return image
    blurred = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, dtype=np.float32).reshape(image.shape)


def motion(image: Float, length: float, angle: float) -> Float:
    """Blurred along a straight line of `length` pixels at `angle` (radians), reflected at the borders."""
    if length < _LEAST_SIGMA:
        return image
    blurred = cv2.filter2D(image, -1, _line(length, angle), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, dtype=np.float32).reshape(image.shape)


def _line(length: float, angle: float) -> Float:
    """A kernel of sum 1: points along the line, each shared among its four neighbours, so that length is continuous."""
    reach = math.ceil(length / 2) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    steps = max(2, math.ceil(_STEPS_PER_PIXEL * length))
    along = ((np.arange(steps) + 0.5) / steps - 0.5) * length
    x, y = reach + along * math.cos(angle), reach + along * math.sin(angle)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = x - left, y - top
    for rows, columns, weights in (
        (top, left, (1 - bottom) * (1 - right)),
        (top, left + 1, (1 - bottom) * right),
        (top + 1, left, bottom * (1 - right)),
        (top + 1, left + 1, bottom * right),
    ):
        np.add.at(kernel, (rows, columns), weights.astype(np.float32))
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def rounded(image: Float, levels: int) -> Float:
    """Clipped to 0…1 and rounded to `levels` steps (255 for 8 bit)."""
    steps = np.float32(levels)
    return np.asarray(np.rint(np.clip(image, 0.0, 1.0) * steps) / steps, dtype=np.float32)


def through_codec(image: Float, suffix: str, settings: list[int]) -> Float:
    """RGB 0…1, rounded to 8 bit, encoded and decoded by OpenCV.

    Raises:
        JobFailed: OpenCV lacks the codec.
    """
    pixels: NDArray[np.uint8] = np.rint(np.clip(image, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    try:
        written, data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), settings)
    except cv2.error:
        written = False
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if written else None
    if decoded is None:
        raise JobFailed(
            f"this build of OpenCV cannot write {suffix} of {list(pixels.shape)}: install opencv-python-headless"
        )
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.float32) / np.float32(255.0)
