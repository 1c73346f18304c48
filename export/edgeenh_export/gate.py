"""The gate: an export passes it or nothing is written.

1. Strength 0 gives the input back bit for bit, in every precision, for each of the 256 values, or of grey's 65 536.
2. The checkpoint makes pictures of pictures: finite, not constant, not all clipped.
3. The FP32 graph in ONNX Runtime gives what the checkpoint gives in PyTorch: for colour at most one 8-bit step of
   difference, for grey the share of the range that folding may change.
4. The FP32 graph in ONNX Runtime reaches the thresholds against PyTorch.
5. The FP16 graph, in ONNX Runtime and in torch with features really in FP16, reaches the thresholds against the FP32 graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.drift import Thresholds, Verdict, judge, measure
from edgeenh.errors import GateFailed
from edgeenh.pixels import RGB, Pixels
from edgeenh_export.fold import FOLD_TOLERANCE
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.options import Size

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

Enhance = Callable[["Levels", float], "Levels"]

_ANYTHING = Thresholds(min_psnr_db=-math.inf, min_ssim=-1.0)
"""Thresholds that every picture reaches: what remains is whether it is a picture."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far ONNX Runtime is from PyTorch on the golden frames, both in FP32.

    Attributes:
        pictures: How many were compared.
        max_abs: Largest difference in steps of the frames' scale.
        share: Share of the values (pixels × channels) that differ at all.
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


def max_parity_steps(pixels: Pixels) -> int:
    """Largest allowed difference of ONNX Runtime from PyTorch in FP32, in steps of the frames' scale.

    For colour 1: a value on the edge between two. For grey 7 of 65 535: what `FOLD_TOLERANCE` makes of that range.
    """
    return math.ceil(FOLD_TOLERANCE * pixels.top)


def check_identity(enhance: Enhance, precision: str, size: Size | None, pixels: Pixels = RGB) -> None:
    """Prove that strength 0 changes nothing, for every value there is.

    Args:
        enhance: The graph.
        precision: What messages call it.
        size: The only (width, height) it takes; None = any, and the square is used that holds each value once.
        pixels: What its pictures are.

    Raises:
        GateFailed: A value came back changed.
    """
    for picture in every_value(size, pixels):
        changed = np.argwhere(enhance(picture, 0.0) != picture)
        if len(changed):
            y, x, channel = changed[0]
            where = f"x={x}, y={y}" + (f", {'RGB'[channel]}" if pixels == RGB else "")
            raise GateFailed(
                f"the {precision} graph at strength 0 changes {len(changed)} values (first at {where}), "
                "expected the input bit for bit: the network's output is not finite, or its graph is wrong"
            )


def every_value(size: Size | None, pixels: Pixels) -> Iterator[Levels]:
    """Pictures that hold each value of their kind in each channel: for colour one, for grey as many as its size asks for."""
    if pixels == RGB:
        ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
        picture = np.ascontiguousarray(np.stack([ramp, ramp.T, 255 - ramp], axis=2))
        yield picture if size is None else np.tile(picture, (size[1] // 16, size[0] // 16, 1))
        return
    width, height = size or (256, 256)
    for start in range(0, pixels.top + 1, width * height):
        values = (start + np.arange(width * height)) % (pixels.top + 1)
        yield values.astype(np.uint16).reshape(pixels.shape(height, width))


def compare(
    frames: Sequence[GoldenFrame],
    in_torch: Sequence[Levels],
    in_onnxruntime: Sequence[Levels],
    pixels: Pixels = RGB,
) -> Parity:
    """Compare ONNX Runtime with PyTorch.

    Raises:
        GateFailed: They differ by more than `max_parity_steps`.
    """
    allowed = max_parity_steps(pixels)
    worst, worst_picture, differing, values = 0, frames[0].name, 0, 0
    for frame, expected, found in zip(frames, in_torch, in_onnxruntime, strict=True):
        drift = measure(expected, found, pixels.top)
        if drift.max_abs > allowed:
            raise GateFailed(
                f"{frame.name}: ONNX Runtime differs from PyTorch by {drift.max_abs} of {pixels.top} at x={drift.max_abs_at[0]}, "
                f"y={drift.max_abs_at[1]}, expected at most {allowed}: the exported graph is wrong; please report it"
            )
        if drift.max_abs > worst:
            worst, worst_picture = drift.max_abs, frame.name
        differing += int(np.count_nonzero(expected != found))
        values += found.size
    return Parity(len(frames), worst, differing / values, worst_picture)


def check_reference(
    frames: Sequence[GoldenFrame], in_torch: Sequence[NDArray[np.float32]], pixels: Pixels = RGB
) -> None:
    """Prove that the checkpoint makes pictures of pictures.

    Args:
        frames: The golden frames.
        in_torch: What PyTorch gives for them in FP32, float32 [H,W,C] each, on the frames' scale.
        pixels: What the frames are.

    Raises:
        GateFailed: One is not finite, or constant or all clipped where its frame is not.
    """
    results = ((f.name, f.image, result) for f, result in zip(frames, in_torch, strict=True))
    verdict = judge(results, _ANYTHING, pixels.top)
    if not verdict.passed:
        reason = verdict.reasons[0].replace("the reference", "the frame")
        raise GateFailed(f"the checkpoint does not give a picture: {reason}; train it again, or take an earlier one")


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
