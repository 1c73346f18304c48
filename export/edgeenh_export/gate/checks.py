"""The checks of an export, each of which stops it; what they measure is what `drift.json` and the report say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.drift import Thresholds, measure
from edgeenh.errors import GateFailed
from edgeenh.gate import Determinism, Verdict, judge
from edgeenh.gate.evidence import write_evidence
from edgeenh.padding import upscale
from edgeenh.pixels import RGB, Pixels
from edgeenh_export.gate.precision import Arithmetic
from edgeenh_export.golden import GoldenFrame

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

PARITY = 1e-4
"""Largest allowed difference of ONNX Runtime from PyTorch in FP32, where 1 is the full range: a fortieth of an 8-bit step, before rounding."""

_ANYTHING = Thresholds(min_psnr_db=-math.inf, min_ssim=-math.inf, max_difference=math.inf)
"""Thresholds that every picture reaches: what remains is whether it is a picture."""


TORCH = "the checkpoint in PyTorch"
"""The reference of the FP32 graph, where it is our own."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far ONNX Runtime is from the reference on the golden frames, both in FP32.

    Attributes:
        pictures: How many were compared.
        max_abs: Largest difference in steps of the frames' scale.
        share: Share of the values (pixels × channels) that differ at all.
        worst_picture: The picture with the largest difference.
        reference: What ONNX Runtime was compared with, in words.
    """

    pictures: int
    max_abs: int
    share: float
    worst_picture: str
    reference: str = TORCH

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "reference": self.reference,
            "backend": "onnxruntime",
            "pictures": self.pictures,
            "max_abs": self.max_abs,
            "share_that_differs": self.share,
            "worst_picture": self.worst_picture,
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """The gate's verdict on one precision on one backend.

    Attributes:
        precision: What was judged.
        backend: What ran it.
        verdict: The gate's.
        arithmetic: Proof of precision: what the graph's multiply-adds are; None where no graph was judged.
        determinism: How far the engine repeats itself; None where there is no engine.
    """

    precision: str
    backend: str
    verdict: Verdict
    arithmetic: Arithmetic | None = None
    determinism: Determinism | None = None

    def to_json(self) -> dict[str, Any]:
        """The verdict as the manifest writes it."""
        return self._with(self.verdict.to_json())

    def document(self) -> dict[str, Any]:
        """The verdict as `drift.json` and the report write it: every picture, the self-test, how far it repeats itself."""
        determinism = self.determinism and self.determinism.to_json()
        islands = {} if self.arithmetic is None else {"fp32_islands": list(self.arithmetic.islands)}
        return {**self._with(self.verdict.document()), **islands, "determinism": determinism}

    def _with(self, verdict: dict[str, Any]) -> dict[str, Any]:
        proof = {} if self.arithmetic is None else {"arithmetic": dict(self.arithmetic.shares)}
        return {"precision": self.precision, "backend": self.backend, **verdict, **proof}


def max_parity_steps(pixels: Pixels) -> int:
    """Largest allowed difference of ONNX Runtime from PyTorch in FP32, in steps of the frames' scale.

    For colour 1: a value on the edge between two. For grey 7 of 65 535: what `PARITY` makes of that range.
    """
    return math.ceil(PARITY * pixels.top)


def compare(
    frames: Sequence[GoldenFrame],
    in_torch: Sequence[Levels],
    in_onnxruntime: Sequence[Levels],
    pixels: Pixels = RGB,
    reference: str = TORCH,
) -> Parity:
    """Compare ONNX Runtime with the reference, which is PyTorch for our own networks.

    Raises:
        GateFailed: They differ by more than `max_parity_steps`.
    """
    allowed = max_parity_steps(pixels)
    worst, worst_picture, differing, values = 0, frames[0].name, 0, 0
    for frame, expected, found in zip(frames, in_torch, in_onnxruntime, strict=True):
        drift = measure(expected, found, pixels.top)
        if drift.max_abs > allowed:
            raise GateFailed(
                f"{frame.name}: ONNX Runtime differs from {reference} by {drift.max_abs} of {pixels.top} at x={drift.max_abs_at[0]}, "
                f"y={drift.max_abs_at[1]}, expected at most {allowed}: the exported graph is wrong; please report it"
            )
        if drift.max_abs > worst:
            worst, worst_picture = drift.max_abs, frame.name
        differing += int(np.count_nonzero(expected != found))
        values += found.size
    return Parity(len(frames), worst, differing / values, worst_picture, reference)


def check_reference(
    frames: Sequence[GoldenFrame], in_torch: Sequence[NDArray[np.float32]], pixels: Pixels = RGB, scale: int = 1
) -> None:
    """Prove that the checkpoint, or a model from elsewhere, makes pictures of pictures.

    Args:
        frames: The golden frames.
        in_torch: What PyTorch gives for them in FP32, float32 [H,W,C] each, on the frames' scale.
        pixels: What the frames are.
        scale: How many times the frames' size it gives.

    Raises:
        GateFailed: One is not finite, or constant or all clipped where its frame is not.
    """
    results = ((f.name, upscale(f.image, scale), result) for f, result in zip(frames, in_torch, strict=True))
    verdict = judge(results, _ANYTHING, pixels.top)
    if not verdict.passed:
        reason = verdict.reasons[0].replace("the reference", "the frame")
        raise GateFailed(f"the model does not give a picture: {reason}; take an earlier checkpoint or another model")


def judge_frames(
    frames: Sequence[GoldenFrame],
    references: Sequence[Levels],
    candidates: Iterable[NDArray[Any]],
    thresholds: Thresholds,
    pixels: Pixels = RGB,
) -> Verdict:
    """The verdict on a graph's results, taken one at a time: frames of its kind, or float32 on their scale."""
    names = (frame.name for frame in frames)
    return judge(zip(names, references, candidates, strict=True), thresholds, pixels.top)


def require_passed(judged: Judged, thresholds: Thresholds, pixels: Pixels = RGB, report: Path | None = None) -> None:
    """Stop an export that did not pass.

    Args:
        judged: The verdict.
        thresholds: What it was judged by.
        pixels: What its pictures are.
        report: Where the worst picture is written, passed or not: reference, engine and twenty times their difference.

    Raises:
        GateFailed: It names picture, place and figure, the tolerance that would pass, and where the picture lies.
    """
    verdict, shown = judged.verdict, None
    if report is not None:
        shown = write_evidence(verdict, report, f"{judged.precision}-{judged.backend}", pixels.top)
    if verdict.passed:
        return
    more = f" (and {len(verdict.reasons) - 1} more)" if len(verdict.reasons) > 1 else ""
    picture = f"the worst picture is {shown}" if shown else "--report DIR writes the worst picture"
    raise GateFailed(
        f"the {judged.precision} graph on {judged.backend} failed the gate: {verdict.reasons[0]}{more}; "
        f"{remedy(verdict, thresholds)}; {picture}"
    )


OPTIONS = {
    "min_psnr_db": "--min-psnr",
    "min_ssim": "--min-ssim",
    "max_difference": "--max-difference",
    "max_share_off_by_more_than_1": "--max-share-off",
    "max_mean_shift": "--max-mean-shift",
}
"""Threshold → the option that sets it."""


def remedy(verdict: Verdict, thresholds: Thresholds) -> str:
    """What would let these pictures pass: the options with the tolerances that do, or another export."""
    passing = verdict.would_pass(thresholds)
    faults = verdict.self_test.faults if verdict.self_test else ()
    if not passing or faults:
        return "no tolerance passes this: export with --fp32, or choose another model"
    return (
        f"{' '.join(f'{OPTIONS[name]} {value:g}' for name, value in passing.items())} would pass, or export with --fp32"
    )
