"""The gate: an export passes it or nothing is written.

1. Strength 0 gives the input back bit for bit, in every precision, for each of the 256 values.
2. The checkpoint makes pictures of pictures: finite, not constant, not all clipped.
3. The FP32 graph in ONNX Runtime gives what the checkpoint gives in PyTorch, at most one 8-bit step of difference.
4. The FP32 graph in ONNX Runtime reaches the thresholds against PyTorch.
5. The FP16 graph, in ONNX Runtime and in torch with features really in FP16, reaches the thresholds against the FP32 graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.drift import Thresholds, Verdict, judge, measure
from edgeenh.errors import GateFailed
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.options import Size

Enhance = Callable[[NDArray[np.uint8], float], NDArray[np.uint8]]
MAX_PARITY_STEPS = 1
"""Largest allowed difference of ONNX Runtime from PyTorch in FP32, in 8-bit steps: a value on the edge between two."""

_ANYTHING = Thresholds(min_psnr_db=-math.inf, min_ssim=-1.0)
"""Thresholds that every picture reaches: what remains is whether it is a picture."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far ONNX Runtime is from PyTorch on the golden frames, both in FP32.

    Attributes:
        pictures: How many were compared.
        max_abs: Largest difference in 8-bit steps.
        share: Share of the 8-bit values (pixels × channels) that differ at all.
        worst_picture: The picture with the largest difference.
    """

    pictures: int
    max_abs: int
    share: float
    worst_picture: str

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "reference": "torch",
            "backend": "onnxruntime",
            "pictures": self.pictures,
            "max_abs": self.max_abs,
            "share_that_differs": self.share,
            "worst_picture": self.worst_picture,
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """The gate's verdict on one precision on one backend."""

    precision: str
    backend: str
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """The verdict as the manifest, `drift.json` and the report write it."""
        return {"precision": self.precision, "backend": self.backend, **self.verdict.to_json()}


def check_identity(enhance: Enhance, precision: str, size: Size | None) -> None:
    """Prove that strength 0 changes nothing.

    Args:
        enhance: The graph.
        precision: What messages call it.
        size: The only (width, height) it takes; None = any, and 16×16 is used, which holds each value once.

    Raises:
        GateFailed: A value came back changed.
    """
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = np.ascontiguousarray(np.stack([ramp, ramp.T, 255 - ramp], axis=2))
    if size is not None:
        picture = np.tile(picture, (size[1] // 16, size[0] // 16, 1))
    changed = np.argwhere(enhance(picture, 0.0) != picture)
    if len(changed):
        y, x, channel = changed[0]
        raise GateFailed(
            f"the {precision} graph at strength 0 changes {len(changed)} values (first at x={x}, y={y}, {'RGB'[channel]}), "
            "expected the input bit for bit: the network's output is not finite, or its graph is wrong"
        )


def compare(
    frames: Sequence[GoldenFrame],
    in_torch: Sequence[NDArray[np.uint8]],
    in_onnxruntime: Sequence[NDArray[np.uint8]],
) -> Parity:
    """Compare ONNX Runtime with PyTorch.

    Raises:
        GateFailed: They differ by more than `MAX_PARITY_STEPS`.
    """
    worst, worst_picture, differing, values = 0, frames[0].name, 0, 0
    for frame, expected, found in zip(frames, in_torch, in_onnxruntime, strict=True):
        drift = measure(expected, found)
        if drift.max_abs > MAX_PARITY_STEPS:
            raise GateFailed(
                f"{frame.name}: ONNX Runtime differs from PyTorch by {drift.max_abs} of 255 at x={drift.max_abs_at[0]}, "
                f"y={drift.max_abs_at[1]}, expected at most {MAX_PARITY_STEPS}: the exported graph is wrong; please report it"
            )
        if drift.max_abs > worst:
            worst, worst_picture = drift.max_abs, frame.name
        differing += int(np.count_nonzero(expected != found))
        values += found.size
    return Parity(len(frames), worst, differing / values, worst_picture)


def check_reference(frames: Sequence[GoldenFrame], in_torch: Sequence[NDArray[np.float32]]) -> None:
    """Prove that the checkpoint makes pictures of pictures.

    Args:
        frames: The golden frames.
        in_torch: What PyTorch gives for them in FP32, float32 [H,W,3] each, on the scale 0…255.

    Raises:
        GateFailed: One is not finite, or constant or all clipped where its frame is not.
    """
    verdict = judge(((f.name, f.image, result) for f, result in zip(frames, in_torch, strict=True)), _ANYTHING)
    if not verdict.passed:
        reason = verdict.reasons[0].replace("the reference", "the frame")
        raise GateFailed(f"the checkpoint does not give a picture: {reason}; train it again, or take an earlier one")


def judge_frames(
    frames: Sequence[GoldenFrame],
    references: Sequence[NDArray[np.uint8]],
    candidates: Iterable[NDArray[Any]],
    thresholds: Thresholds,
) -> Verdict:
    """The verdict on a graph's results, taken one at a time: uint8 [H,W,3] each, or float32 on the same scale."""
    names = (frame.name for frame in frames)
    return judge(zip(names, references, candidates, strict=True), thresholds)


def require_passed(judged: Judged, thresholds: Thresholds) -> None:
    """Stop an export that did not pass.

    Raises:
        GateFailed: It names picture, place and figure, and the thresholds that would pass.
    """
    verdict = judged.verdict
    if verdict.passed:
        return
    more = f" (and {len(verdict.reasons) - 1} more)" if len(verdict.reasons) > 1 else ""
    raise GateFailed(
        f"the {judged.precision} graph on {judged.backend} failed the gate: {verdict.reasons[0]}{more}; {_remedy(verdict, thresholds)}"
    )


def _remedy(verdict: Verdict, thresholds: Thresholds) -> str:
    if not math.isfinite(verdict.ssim):
        return "no tolerance passes this: export with --fp32, or train with a lower learning rate"
    passing = " ".join(_passing(verdict, thresholds))
    return f"{passing} would pass, or export with --fp32"


def _passing(verdict: Verdict, thresholds: Thresholds) -> Iterator[str]:
    if not (verdict.psnr_db >= thresholds.min_psnr_db):
        yield f"--min-psnr {math.floor(verdict.psnr_db * 100) / 100:g}"
    if not (verdict.ssim >= thresholds.min_ssim):
        yield f"--min-ssim {math.floor(verdict.ssim * 1e5) / 1e5:g}"
