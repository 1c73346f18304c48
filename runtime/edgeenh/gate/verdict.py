"""What the gate says about a set of pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeenh.drift import Drift, Patch, Thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.gate.self_test import SelfTest
    from edgeenh.pixels import Levels

Figures = tuple[str, Drift]
"""Name of a picture, and its figures."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says about a set of pictures.

    Attributes:
        passed: The engine passed its self-test, every picture could be measured and reached every threshold, and there
            was at least one.
        reasons: One line per failure, the self-test's first, then in the order of the pictures; empty when passed.
        pictures: How many pictures were judged.
        psnr_db: Lowest PSNR; `math.inf` when all are identical, NaN when any picture could not be measured.
        ssim: Lowest SSIM; NaN when any picture could not be measured.
        max_abs: Largest difference; None when any picture could not be measured.
        worst_patch: The worst patch of all pictures; None when any picture could not be measured.
        worst_picture: Name of the picture with the lowest PSNR, or of the first that could not be measured; empty
            without pictures.
        share_off_by_more_than_1: Largest share of pixels off by more than one step of 8 bits; NaN like the others.
        mean_shift: Signed mean difference of each channel in the picture where it is largest either way; None likewise.
        figures: Every picture that could be measured, with its figures.
        self_test: What the engine's self-test found; None where only pictures were judged.
        evidence: Reference and candidate of `worst_picture`, copies; None without pictures.
    """

    passed: bool
    reasons: tuple[str, ...]
    pictures: int
    psnr_db: float
    ssim: float
    max_abs: int | None
    worst_patch: Patch | None
    worst_picture: str
    share_off_by_more_than_1: float = math.nan
    mean_shift: tuple[float, ...] | None = None
    figures: tuple[Figures, ...] = ()
    self_test: SelfTest | None = None
    evidence: tuple[Levels, NDArray[Any]] | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The worst of all as JSON values; `psnr_db` is null when `identical`, and when a picture could not be measured."""
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
            "share_off_by_more_than_1": _finite(self.share_off_by_more_than_1),
            "mean_shift": None if self.mean_shift is None else list(self.mean_shift),
        }

    def document(self) -> dict[str, Any]:
        """`to_json` with the figures of every picture and of the self-test."""
        each = [{"picture": name, **drift.to_json()} for name, drift in self.figures]
        return {**self.to_json(), "each": each, "self_test": self.self_test and self.self_test.to_json()}

    def would_pass(self, thresholds: Thresholds) -> dict[str, float]:
        """The thresholds that would have to be changed, and to what, for these pictures to pass.

        Empty where nothing fell short, and where no tolerance helps: a fault that is none of degree.
        """
        if not self.figures or len(self.figures) < self.pictures:
            return {}
        return dict(_tolerances([drift for _, drift in self.figures], thresholds))


def shortfalls(drift: Drift, asked: Thresholds) -> Iterator[str]:
    """What keeps a picture's figures from passing, one line each; so written that NaN fails."""
    where = f"largest difference {drift.max_abs} at x={drift.max_abs_at[0]}, y={drift.max_abs_at[1]}"
    patch = drift.worst_patch
    if not (drift.psnr_db >= asked.min_psnr_db):
        worst = f"worst {patch.size}×{patch.size} patch {patch.psnr_db:.2f} dB at x={patch.x}, y={patch.y}"
        yield f"PSNR {drift.psnr_db:.2f} dB, expected at least {asked.min_psnr_db:g} dB ({where}; {worst})"
    if not (drift.ssim >= asked.min_ssim):
        yield f"SSIM {drift.ssim:.5f}, expected at least {asked.min_ssim:g} ({where})"
    if not (drift.max_abs <= asked.max_difference * drift.step):
        yield f"{where}, expected at most {asked.max_difference * drift.step:g} of {drift.data_range} anywhere"
    share, limit = drift.share_off_by_more_than_1, asked.max_share_off_by_more_than_1
    if limit is not None and not (share <= limit):
        yield f"{share:.4%} of the pixels are off by more than 1, expected at most {limit:.4%} ({where})"
    shift, limit = max(drift.mean_shift, key=abs), asked.max_mean_shift
    if limit is not None and not (abs(shift) <= limit * drift.step):
        shown = ", ".join(f"{value:+.3f}" for value in drift.mean_shift)
        yield f"the channels are shifted by {shown} on average, expected at most {limit * drift.step:g} either way"


def _tolerances(drifts: Sequence[Drift], asked: Thresholds) -> Iterator[tuple[str, float]]:
    """Rounded to the side that passes."""
    psnr_db, ssim = min(one.psnr_db for one in drifts), min(one.ssim for one in drifts)
    if not (psnr_db >= asked.min_psnr_db):
        yield "min_psnr_db", math.floor(psnr_db * 100) / 100
    if not (ssim >= asked.min_ssim):
        yield "min_ssim", math.floor(ssim * 1e5) / 1e5
    difference = max(one.max_abs / one.step for one in drifts)
    if not (difference <= asked.max_difference):
        yield "max_difference", math.ceil(difference * 100) / 100
    share, limit = max(one.share_off_by_more_than_1 for one in drifts), asked.max_share_off_by_more_than_1
    if limit is not None and not (share <= limit):
        yield "max_share_off_by_more_than_1", math.ceil(share * 1e6) / 1e6
    shift, limit = max(abs(value) / one.step for one in drifts for value in one.mean_shift), asked.max_mean_shift
    if limit is not None and not (shift <= limit):
        yield "max_mean_shift", math.ceil(shift * 1000) / 1000


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
