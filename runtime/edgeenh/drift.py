"""Drift: how far a picture is from the FP32 reference of the same model, and the gate's verdict on it.

The formulas of PSNR and SSIM, their window and their data range are in `edgeenh.metrics`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.metrics import DATA_RANGE, psnr, ssim, worst_window
from edgeenh.picture_faults import as_levels, check_measurable, fault_of

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

PATCH = 32
"""Side in pixels of the window that `Drift.worst_patch` looks for."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the gate asks of the worst picture; each picture must reach both."""

    min_psnr_db: float = 50.0
    min_ssim: float = 0.995


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
        share_off_by_more_than_1: Share of the values (pixels × channels) that differ by 2 steps or more.
        worst_patch: The 32×32 window (smaller in smaller pictures), at any position, with the lowest PSNR.
        mean_shift: Signed mean of candidate − reference for R, G, B, or for grey alone.
    """

    psnr_db: float
    identical: bool
    ssim: float
    max_abs: int
    max_abs_at: tuple[int, int]
    share_off_by_more_than_1: float
    worst_patch: Patch
    mean_shift: tuple[float, ...]

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says about a set of pictures.

    Attributes:
        passed: Every picture could be measured and reached every threshold, and there was at least one.
        reasons: One line per failure, in the order of the pictures; empty when passed.
        pictures: How many pictures were judged.
        psnr_db: Lowest PSNR; `math.inf` when all are identical, NaN when any picture could not be measured.
        ssim: Lowest SSIM; NaN when any picture could not be measured.
        max_abs: Largest difference; None when any picture could not be measured.
        worst_patch: The worst patch of all pictures; None when any picture could not be measured.
        worst_picture: Name of the picture with the lowest PSNR, or of the first that could not be measured; empty
            without pictures.
    """

    passed: bool
    reasons: tuple[str, ...]
    pictures: int
    psnr_db: float
    ssim: float
    max_abs: int | None
    worst_patch: Patch | None
    worst_picture: str

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON values; `psnr_db` is null when `identical`, and when a picture could not be measured."""
        return {
            "passed": self.passed,
            "reasons": list(self.reasons),
            "pictures": self.pictures,
            "psnr_db": _finite(self.psnr_db),
            "identical": self.psnr_db == math.inf,
            "ssim": _finite(self.ssim),
            "max_abs": self.max_abs,
            "worst_patch": None if self.worst_patch is None else self.worst_patch.to_json(),
            "worst_picture": self.worst_picture,
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
        share_off_by_more_than_1=int(np.count_nonzero(difference > 1)) / difference.size,
        worst_patch=Patch(x, y, side, psnr(worst, side * side * channels, data_range)),
        mean_shift=tuple(shift[:channels]),
    )


def judge(
    pairs: Iterable[tuple[str, Levels, NDArray[Any]]], thresholds: Thresholds, data_range: int = DATA_RANGE
) -> Verdict:
    """Run the gate over `(name, reference, candidate)` triples; a set without pictures fails.

    Each picture is checked in this order, and a failed check ends it: shape and type → finite → not constant and not
        all clipped
    (where the reference is not) → PSNR and SSIM. Every comparison is written so that NaN fails.

    Args:
        pairs: Names, references (as in `measure`) and candidates (the same, or floating point on the scale of the data
            range, which is what a graph holds before its last cast; it is clamped and rounded half to even here, as that
            cast would). Taken one at a time, so a generator keeps only one pair in memory.
        thresholds: What each picture must reach.
        data_range: As in `measure`.
    """
    reasons: list[str] = []
    figures: list[tuple[str, Drift]] = []
    unmeasured: list[str] = []
    for name, reference, candidate in pairs:
        fault = fault_of(reference, candidate, data_range)
        if fault:
            reasons.append(f"{name}: {fault}")
            unmeasured.append(name)
            continue
        drift = measure(reference, as_levels(candidate, data_range), data_range)
        figures.append((name, drift))
        reasons += [f"{name}: {reason}" for reason in _shortfalls(drift, thresholds)]
    if not figures and not unmeasured:
        reasons.append("no picture was judged: the gate needs at least one")
    return _verdict(reasons, figures, unmeasured)


def _verdict(reasons: list[str], figures: list[tuple[str, Drift]], unmeasured: list[str]) -> Verdict:
    pictures = len(figures) + len(unmeasured)
    if unmeasured or not figures:
        worst = unmeasured[0] if unmeasured else ""
        return Verdict(
            passed=False,
            reasons=tuple(reasons),
            pictures=pictures,
            psnr_db=math.nan,
            ssim=math.nan,
            max_abs=None,
            worst_patch=None,
            worst_picture=worst,
        )
    worst, drift = min(figures, key=lambda figure: figure[1].psnr_db)
    return Verdict(
        passed=not reasons,
        reasons=tuple(reasons),
        pictures=pictures,
        psnr_db=drift.psnr_db,
        ssim=min(figure.ssim for _, figure in figures),
        max_abs=max(figure.max_abs for _, figure in figures),
        worst_patch=min((figure.worst_patch for _, figure in figures), key=lambda patch: patch.psnr_db),
        worst_picture=worst,
    )


def _shortfalls(drift: Drift, thresholds: Thresholds) -> Iterator[str]:
    where = f"largest difference {drift.max_abs} at x={drift.max_abs_at[0]}, y={drift.max_abs_at[1]}"
    patch = drift.worst_patch
    if not (drift.psnr_db >= thresholds.min_psnr_db):
        worst = f"worst {patch.size}×{patch.size} patch {patch.psnr_db:.2f} dB at x={patch.x}, y={patch.y}"
        yield f"PSNR {drift.psnr_db:.2f} dB, expected at least {thresholds.min_psnr_db:g} dB ({where}; {worst})"
    if not (drift.ssim >= thresholds.min_ssim):
        yield f"SSIM {drift.ssim:.5f}, expected at least {thresholds.min_ssim:g} ({where})"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
