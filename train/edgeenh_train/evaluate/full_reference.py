"""Measures against the truth: PSNR, SSIM and ΔE2000; and how far a result is from its input.

Colour is judged at 8 bit, rounded, as a file or a screen would show it: PSNR and SSIM as `edgeenh.metrics` defines
them, ΔE2000 (CIE 142-2001; Sharma, Wu and Dalal, Color Research and Application 30(1), 2005) as the mean over pixels of
CIE L*a*b* (D65, 2°) of sRGB values. Grey is judged at its own depth with the data range that depth declares: 255 or
65,535.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeenh import metrics
from edgeenh.errors import MissingExtra, PictureError
from edgeenh_train.data.reading import Picture, as_uint8
from edgeenh_train.evaluate.scoring import COLOUR, Scorer, View, colour_of

_STRIP_ROWS = 128  # colour conversion keeps about twenty float64 planes: a strip of them fits in the cache

Measure = Callable[[Picture, Picture], float]


def psnr_of(truth: Picture, result: Picture, data_range: int | None = None) -> float:
    """PSNR in dB; `math.inf` for identical pictures.

    Args:
        truth, result: uint8 or uint16 [H,W,C] of one shape and type.
        data_range: Of grey pictures: what full brightness is, e.g. 4,095 for 12 bits; None = all of the type. Colour is
            judged at 8 bit, where it is 255.
    """
    truth, result, top = _as_judged(truth, result, data_range)
    difference = truth.astype(np.int64) - result
    return metrics.psnr(float(np.sum(difference**2)), difference.size, top)


def ssim_of(truth: Picture, result: Picture, data_range: int | None = None) -> float:
    """Mean SSIM; exactly 1 for identical pictures; arguments as in `psnr_of`."""
    return metrics.ssim(*_as_judged(truth, result, data_range))


def delta_e_2000(truth: NDArray[np.uint8], result: NDArray[np.uint8]) -> float:
    """Mean ΔE2000 over the pixels of two pictures, uint8 [H,W,3] sRGB of one shape.

    Raises:
        MissingExtra: scikit-image is not installed.
    """
    to_lab = _colour_module().rgb2lab
    total = 0.0
    for top in range(0, truth.shape[0], _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        left, right = (to_lab(picture[rows]) for picture in (truth, result))
        total += float(np.sum(delta_e_2000_of_lab(left, right)))
    return total / float(truth.shape[0] * truth.shape[1])


def delta_e_2000_of_lab(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """ΔE2000 of every pixel of two pictures in CIE L*a*b*, float64 [H,W,3] → [H,W]; kL = kC = kH = 1.

    Raises:
        MissingExtra: scikit-image is not installed.
    """
    difference: Any = _colour_module().deltaE_ciede2000  # scikit-image leaves it untyped
    return np.asarray(difference(left, right), dtype=np.float64)


def _colour_module() -> Any:
    try:
        from skimage import color
    except ImportError as exc:
        raise MissingExtra("ΔE2000", "train") from exc
    return color


def _as_judged(truth: Picture, result: Picture, data_range: int | None) -> tuple[Picture, Picture, int]:
    if truth.shape[2] == COLOUR:
        return as_uint8(truth), as_uint8(result), 255
    return truth, result, int(np.iinfo(truth.dtype).max) if data_range is None else data_range


def _colour_difference(left: Picture, right: Picture) -> float:
    return delta_e_2000(colour_of(left, "ΔE2000"), colour_of(right, "ΔE2000"))


def _against_truth(measure: Measure) -> Callable[[View], float]:
    def score(view: View) -> float:
        if view.truth is None:
            raise PictureError("there is no truth to compare with")
        return measure(view.truth, view.result)

    return score


FULL_REFERENCE = (
    Scorer(key="psnr_db", label="PSNR dB", score=_against_truth(psnr_of), higher_is_better=True, needs_truth=True),
    Scorer(key="ssim", label="SSIM", score=_against_truth(ssim_of), higher_is_better=True, needs_truth=True),
    Scorer(
        key="delta_e_2000",
        label="ΔE2000",
        score=_against_truth(_colour_difference),
        higher_is_better=False,
        needs_truth=True,
    ),
)
"""The measures that need a truth."""

CHANGE = Scorer(
    key="change_delta_e_2000",
    label="change ΔE2000",
    score=lambda view: _colour_difference(view.given, view.result),
    higher_is_better=None,
)
"""How far the result is from the input: neither good nor bad, but on good pictures it should be small."""
