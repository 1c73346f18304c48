"""What enhancement does to pictures that are good already: it should leave them alone.

The difference is CIEDE2000 (Sharma, Wu and Dalal, Color Research and Application 30(1), 2005) of every pixel, on 8-bit values,
because they are what a screen gets. Under laboratory conditions about 1 is the least that is seen; in dentistry 50 of 100 observers
notice 0.8 between two teeth and accept 1.8 (Paravina et al., J. Esthet. Restor. Dent. 27 S1, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000

from edgeenh_train.domains import lab
from edgeenh_train.enhance import Enhance
from edgeenh_train.fidelity.light import apply, check_picture, to_bytes

PATCH = 32
"""Side in pixels of the patch whose mean difference is the worst figure of a picture."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A square of a picture: left, top and side in pixels, and its mean of some figure."""

    x: int
    y: int
    side: int
    mean: float


@dataclass(frozen=True, slots=True)
class GoodChange:
    """What became of one good picture; differences in ΔE2000, shifts in levels of 255.

    Attributes:
        name: The picture.
        mean: Mean over all pixels.
        p95: 95th percentile over all pixels.
        largest: Largest of a pixel.
        worst: The patch of `PATCH`×`PATCH` pixels, at any place, with the largest mean.
        shift: Mean of output minus input of red, green and blue; grey pictures have three equal ones.
    """

    name: str
    mean: float
    p95: float
    largest: float
    worst: Patch
    shift: tuple[float, float, float]


def difference_map(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float64]:
    """ΔE2000 of every pixel of two uint8 [H,W,3] RGB pictures of one shape: float64 [H,W]."""
    difference = deltaE_ciede2000(lab(before), lab(after))  # type: ignore[no-untyped-call]
    return np.asarray(difference, dtype=np.float64)


def worst_patch(figure: NDArray[np.float64], side: int = PATCH) -> Patch:
    """The square with the largest mean of `figure` (float64 [H,W]); the first, row by row, among equals.

    A picture smaller than `side` is judged by squares of its shorter side.
    """
    side = min(side, *figure.shape)
    table = cv2.integral(figure, sdepth=cv2.CV_64F)
    sums = table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]
    y, x = divmod(int(sums.argmax()), sums.shape[1])
    return Patch(x, y, side, float(figure[y : y + side, x : x + side].mean()))


def change_of_bytes(name: str, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> GoodChange:
    """Compare a picture with its enhanced form, both uint8 [H,W,3] RGB of one shape."""
    figure = difference_map(before, after)
    red, green, blue = (after.astype(np.float64) - before).mean(axis=(0, 1))
    return GoodChange(
        name,
        float(figure.mean()),
        float(np.percentile(figure, 95)),
        float(figure.max()),
        worst_patch(figure),
        (float(red), float(green), float(blue)),
    )


def good_change(enhance: Enhance, picture: NDArray[np.float32], name: str) -> GoodChange:
    """Enhance one good picture and say how much it changed.

    Args:
        enhance: The method.
        picture: Float32 [H,W,C], 0…1, RGB or grey.
        name: What it is called in the record.

    Raises:
        PictureError, JobFailed: The picture, or what the method made of it, cannot be measured.
    """
    check_picture(picture, name)
    return change_of_bytes(name, to_bytes(picture), to_bytes(apply(enhance, picture)))
