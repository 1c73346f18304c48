"""How much a picture resembles the one it was made of, for telling a right reading of a model from wrong ones.

Enhancement changes tone and contrast, so a measure that wants them unchanged (PSNR, SSIM) would prefer a wrong reading in
which a strong enhancer does less. The likeness is therefore the product of three factors that enhancement leaves near 1,
and that a wrong reading spoils:

* rank correlation (Spearman's ρ) of the brightness of 4×4 blocks: every rising tone curve keeps it, while a reading that
  drives the model into saturation turns parts of the picture into one value, and one that tears it apart loses the order;
* spread: what lies between the 1st and 99th percentile of the picture against the frame's, at most 1: read as a range
  too wide, a picture shrinks to a part of it;
* inside: the share of values that lie in the range.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

BLOCK = 4
LEVELS = 1024
"""Steps that brightness is ranked in; equal steps share a rank."""
SLACK = 0.1
"""Part of the range by which an unclamped model may overshoot without it being held against the reading."""


def likeness(reference: NDArray[np.float32], picture: NDArray[np.float32]) -> float:
    """The likeness.

    Args:
        reference: float32 [H,W,C], 0…1.
        picture: The same shape; 0…1 where it keeps to its range.

    Returns:
        1 for the same picture, 0 for one that has nothing of it or is not finite, less for its negative.
    """
    if not np.isfinite(picture).all():
        return 0.0
    inside = float(((picture >= -SLACK) & (picture <= 1 + SLACK)).mean())
    before, after = (_blocks(np.clip(image, 0, 1)) for image in (reference, picture))
    spread = _spread(after) / max(_spread(before), 1 / LEVELS)
    return inside * min(spread, 1.0) * rank_correlation(before, after)


def rank_correlation(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """Spearman's ρ of two planes with values in 0…1; 0 where one is constant."""
    ranks = [_ranks(plane) for plane in (x, y)]
    deviations = [rank - rank.mean() for rank in ranks]
    power = float(np.prod([np.square(deviation).sum() for deviation in deviations]))
    return float((deviations[0] * deviations[1]).sum()) / power**0.5 if power > 0 else 0.0


def same_picture(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two pictures (0…1) differ by no more than one step of 8 bits on average, once both are clamped."""
    return one.shape == other.shape and bool(np.abs(np.clip(one, 0, 1) - np.clip(other, 0, 1)).mean() <= 1 / 255)


def _blocks(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean brightness of blocks of `BLOCK`×`BLOCK` pixels."""
    brightness = image.mean(axis=2)
    height, width = (max(side // BLOCK, 1) for side in brightness.shape)
    return np.asarray(cv2.resize(brightness, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _spread(plane: NDArray[np.float32]) -> float:
    low, high = np.percentile(plane, (1, 99))
    return float(high - low)


def _ranks(plane: NDArray[np.float32]) -> NDArray[np.float64]:
    """The rank of each value, equal ones sharing their mean rank."""
    levels = np.rint(plane.reshape(-1) * (LEVELS - 1)).astype(np.intp)
    counts = np.bincount(levels, minlength=LEVELS)
    middle = np.cumsum(counts) - counts / 2
    return np.asarray(middle[levels], np.float64)
