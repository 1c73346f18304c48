"""Methods that need no training: automatic white balance with automatic levels, in five forms, and CLAHE.

Each is a few lines of arithmetic with fixed constants; a trained method has to beat the best of them. The forms and
constants were chosen from about twenty on degraded photographs of held-out and of other volunteers alike, which can only
favour them: `white` was the strongest under the dental camera, `white_gamma` under the second one. Light is linear, that
is with the transfer curve of sRGB (IEC 61966-2-1) undone; grey pictures have no known curve and are taken as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import UsageError
from edgeenh_train.evaluate.candidate import Candidate

Image = NDArray[np.float32]

TAIL = 0.5
"""Per cent of the values at an end of the histogram that are given up as outliers."""

MINKOWSKI = 6.0
"""The norm that Finlayson and Trezzi, "Shades of gray and colour constancy" (CIC 2004), found best."""

MEAN_LUMA = 0.55
"""Mean luma of well exposed intraoral photographs, about."""

CLIP_LIMIT, TILES = 2.0, (8, 8)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_SMALLEST = 1e-3  # of the range: keeps gains finite on black pictures


def white(image: Image) -> Image:
    """Per channel, in linear light: all but the brightest 0.5 % up to full scale; balances and exposes at once."""
    light = _linear(image)
    top = np.maximum(_percentile(light, 100.0 - TAIL), np.float32(_SMALLEST))
    return _encoded(np.asarray(light / top, dtype=np.float32), image)


def white_gamma(image: Image) -> Image:
    """`white`, then the power that brings the mean luma to 0.55."""
    bright = white(image)
    mean = float(np.clip(_luma(bright).mean(), _SMALLEST, 1.0 - _SMALLEST))
    return np.asarray(bright ** np.float32(np.log(MEAN_LUMA) / np.log(mean)), dtype=np.float32)


def percentile(image: Image) -> Image:
    """Per channel, on the values as they are: from 0.5 % to 99.5 % of the histogram over the full range."""
    low, high = _percentile(image, TAIL), _percentile(image, 100.0 - TAIL)
    return _clipped((image - low) / np.maximum(high - low, _SMALLEST))


def shades(image: Image) -> Image:
    """In linear light: shades of grey for the colour of the light, then the brightest luma to full scale."""
    return _balanced(image, MINKOWSKI)


def grey_world(image: Image) -> Image:
    """In linear light: the mean for the colour of the light (Buchsbaum 1980), then the brightest luma to full scale."""
    return _balanced(image, 1.0)


def clahe(image: Image) -> Image:
    """Contrast-limited adaptive equalisation (Zuiderveld 1994) of L*: clip limit 2, 8×8 tiles; a* and b* stay."""
    equaliser = cv2.createCLAHE(CLIP_LIMIT, TILES)
    if image.shape[2] == 1:
        return _equalised(equaliser, np.ascontiguousarray(image[..., 0]), 1.0)[..., None]
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = _equalised(equaliser, np.ascontiguousarray(lab[..., 0]), 100.0)
    return _clipped(np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)))


METHODS: dict[str, Callable[[Image], Image]] = {
    "levels-white": white,
    "levels-white-gamma": white_gamma,
    "levels-percentile": percentile,
    "levels-shades": shades,
    "levels-grey-world": grey_world,
    "clahe": clahe,
}
"""Every method by its name."""

LEVELS = "levels"
"""Stands for all methods whose names begin with it."""


def training_free(names: list[str]) -> list[Candidate]:
    """The named methods as candidates; `levels` names all its forms, and no name at all every method.

    Raises:
        UsageError: A name is unknown.
    """
    wanted: dict[str, None] = {}
    for name in names or list(METHODS):
        if name != LEVELS and name not in METHODS:
            raise UsageError(f"method '{name}' is unknown; choose {LEVELS} or one of {', '.join(METHODS)}")
        wanted |= dict.fromkeys([name] if name in METHODS else [m for m in METHODS if m.startswith(f"{LEVELS}-")])
    return [
        Candidate(n, METHODS[n], {"method": n, "parameters": 0, "images_seen": 0, "trained": False}) for n in wanted
    ]


def _balanced(image: Image, order: float) -> Image:
    light = _linear(image)
    means = np.maximum((light.astype(np.float64) ** order).mean(axis=(0, 1)) ** (1.0 / order), _SMALLEST)
    balanced = np.asarray(light * (means.mean() / means), dtype=np.float32)
    top = max(float(np.percentile(_luma(balanced), 100.0 - TAIL)), _SMALLEST)
    return _encoded(balanced / np.float32(top), image)


def _equalised(equaliser: cv2.CLAHE, plane: Image, top: float) -> Image:
    levels = np.rint(np.clip(plane / top, 0.0, 1.0) * 65_535.0).astype(np.uint16)
    return np.asarray(equaliser.apply(levels), dtype=np.float32) * np.float32(top / 65_535.0)


def _percentile(image: Image, per_cent: float) -> Image:
    return np.asarray(np.percentile(image, per_cent, axis=(0, 1)), dtype=np.float32)


def _luma(image: Image) -> Image:
    return np.asarray(image @ _LUMA, dtype=np.float32) if image.shape[2] == 3 else image[..., 0]


def _linear(image: Image) -> Image:
    if image.shape[2] == 1:
        return image
    return np.asarray(np.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4), dtype=np.float32)


def _encoded(light: Image, like: Image) -> Image:
    light = _clipped(light)
    if like.shape[2] == 1:
        return light
    return np.asarray(np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055), dtype=np.float32)


def _clipped(image: NDArray[np.float32]) -> Image:
    return np.clip(image, 0.0, 1.0).astype(np.float32)
