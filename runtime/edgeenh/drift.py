"""Drift: how far a picture is from the FP32 reference of the same model, in figures, and what a gate asks of them.

The formulas of PSNR and SSIM, their window and their data range are in `edgeenh.metrics`; `edgeenh.gate` judges.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import cv2

from edgeenh.metrics import DATA_RANGE, psnr, ssim, worst_window
from edgeenh.picture_faults import check_measurable

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

PATCH = 32
"""Side in pixels of the window that `Drift.worst_patch` looks for."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the gate asks of each picture. A *step* is one of 8 bits: the data range / 255.

    Attributes:
        min_psnr_db: Least PSNR.
        min_ssim: Least SSIM.
        max_difference: Largest difference of a single value, in steps. One wrong pixel moves neither PSNR nor SSIM of a
            whole frame, and in whole numbers a NaN is a pixel like any other: this is what finds it.
        max_share_off_by_more_than_1: Largest share of pixels that are off by more than one step; None = not asked.
        max_mean_shift: Largest signed mean difference of a channel, either way, in steps; None = not asked.
    """

    min_psnr_db: float = 50.0
    min_ssim: float = 0.995
    max_difference: float = 32.0
    max_share_off_by_more_than_1: float | None = None
    max_mean_shift: float | None = None

    def to_json(self) -> dict[str, float]:
        """The thresholds as the manifest writes them; what is not asked is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Patch:
    """A square part of a picture: left, top and side in pixels, and the PSNR inside it (`math.inf` when identical)."""

    x: int
    y: int
    size: int
    psnr_db: float

    def to_json(self) -> dict[str, Any]:
        """The patch as JSON values; an infinite PSNR is null."""
        return {"x": self.x, "y": self.y, "size": self.size, "psnr_db": _finite(self.psnr_db)}


@dataclass(frozen=True, slots=True)
class Drift:
    """Figures of one candidate against its reference; differences in steps of the pictures' own range.

    Attributes:
        psnr_db: PSNR over the whole picture; `math.inf` when identical.
        identical: Every byte is the same.
        ssim: Mean SSIM, at most 1; exactly 1.0 when identical.
        max_abs: Largest absolute difference, 0…data range.
        max_abs_at: `(x, y)` of the first pixel, row by row, where it occurs.
        share_off_by_more_than_1: Share of the pixels of which a channel differs by more than one step of 8 bits.
        worst_patch: The 32×32 window (smaller in smaller pictures), at any position, with the lowest PSNR.
        mean_shift: Signed mean of candidate − reference for R, G, B, or for grey alone.
        data_range: What full brightness is.
    """

    psnr_db: float
    identical: bool
    ssim: float
    max_abs: int
    max_abs_at: tuple[int, int]
    share_off_by_more_than_1: float
    worst_patch: Patch
    mean_shift: tuple[float, ...]
    data_range: int = DATA_RANGE

    @property
    def step(self) -> float:
        """One step of 8 bits on the pictures' own scale."""
        return self.data_range / DATA_RANGE

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values; an infinite PSNR is null, and `identical` says why."""
        return {
            "psnr_db": _finite(self.psnr_db),
            "identical": self.identical,
            "ssim": self.ssim,
            "max_abs": self.max_abs,
            "max_abs_at": list(self.max_abs_at),
            "share_off_by_more_than_1": self.share_off_by_more_than_1,
            "worst_patch": self.worst_patch.to_json(),
            "mean_shift": list(self.mean_shift),
        }


def measure(reference: Levels, candidate: Levels, data_range: int = DATA_RANGE) -> Drift:
    """Compare two pictures.

    Args:
        reference: uint8 [H,W,3] RGB or [H,W,1] grey, at least 11×11; uint16 for a data range above 255. Only read.
        candidate: The same shape and type; only read.
        data_range: What full brightness is: 255, or for grey of more bits e.g. 4095 or 65535.

    Raises:
        InputError: Shape or type is another, or the pictures are smaller than the SSIM window.
    """
    check_measurable(reference, candidate, data_range)
    height, width, channels = reference.shape
    difference: Levels = cv2.absdiff(reference, candidate).reshape(reference.shape)
    max_abs, first = int(difference.max()), int(difference.argmax()) // channels
    within = cv2.inRange(difference, (0.0,) * channels, (data_range // DATA_RANGE or 1,) * channels)
    squares = cv2.norm(reference, candidate, cv2.NORM_L2SQR)
    side = min(PATCH, height, width)
    x, y, worst = worst_window(difference, side)
    shift = [after - before for before, after in zip(cv2.mean(reference), cv2.mean(candidate), strict=True)]
    return Drift(
        psnr_db=psnr(squares, difference.size, data_range),
        identical=max_abs == 0,
        ssim=ssim(reference, candidate, data_range),
        max_abs=max_abs,
        max_abs_at=(first % width, first // width),
        share_off_by_more_than_1=1 - cv2.countNonZero(within) / (height * width),
        worst_patch=Patch(x, y, side, psnr(worst, side * side * channels, data_range)),
        mean_shift=tuple(shift[:channels]),
        data_range=data_range,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
