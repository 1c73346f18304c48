"""Target: FP16 has ≥ 99.9 % of its pixels within 1 step of 8 bits of FP32, and PSNR ≥ 55 dB, at 720p, 1080p and 2160p.

The golden frames of the bundle are scaled to each size, and the gate judges two executions of the FP16 graph against the
FP32 one:

* `onnxruntime`, whose CPU kernels compute an FP16 graph in FP32 and round where they must: what a CPU station gives;
* `stored`, the same graph with every FP16 result, and every weight, rounded to FP16 by force: what a GPU that stores its
  features in FP16 gives, but for the order of its sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.backends import SessionOptions, get_backend
from edgeenh.backends.base import Session
from edgeenh.bundle import Bundle
from edgeenh.drift import Thresholds
from edgeenh.errors import UsageError
from edgeenh.gate import Verdict, judge
from edgeenh.slots import open_slot
from edgeenh_bench.targets.figures import Figure, Measurement
from edgeenh_export.golden import GoldenFrame, fit
from edgeenh_export.precision.stored import stored_in_half

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "2160p": (3840, 2160)}
"""Width and height: each is a multiple of what the graph takes."""

MIN_PSNR_DB, MIN_SHARE_WITHIN_1 = 55.0, 0.999


def measure(model: Path | None, threads: int | None, *, sizes: dict[str, tuple[int, int]] = SIZES) -> Measurement:
    """Judge both executions at every size.

    Raises:
        UsageError: The bundle has no FP16 graph.
    """
    bundle = Bundle.shipped() if model is None else Bundle.open(model)
    if "fp16" not in bundle.precisions:
        raise UsageError(f"{bundle.path} has no FP16 graph: give a bundle that has one with --model")
    figures: list[Figure] = []
    details: dict[str, Any] = {"model": bundle.manifest.id, "digest": bundle.sha256}
    for name, size in sizes.items():
        frames = [(frame, fit(image, size)) for frame, image, _ in bundle.golden()]
        for execution, verdict in _verdicts(bundle, frames, threads):
            figures += _figures(f"{name} {execution}", verdict)
            details[f"{name} {execution}"] = verdict.document()
    return Measurement(figures, details)


def _figures(where: str, verdict: Verdict) -> list[Figure]:
    psnr_db = min(verdict.psnr_db, 150.0)  # identical pictures: a number that JSON has a word for
    return [
        Figure(f"{where}: pixels within 1", 1 - verdict.share_off_by_more_than_1, at_least=MIN_SHARE_WITHIN_1),
        Figure(f"{where}: PSNR", psnr_db, "dB", at_least=MIN_PSNR_DB),
    ]


def _verdicts(bundle: Bundle, frames: list[tuple[str, Levels]], threads: int | None) -> Iterator[tuple[str, Verdict]]:
    exact = [_enhanced(bundle, "fp32", image, threads) for _, image in frames]
    thresholds = Thresholds(MIN_PSNR_DB, max_share_off_by_more_than_1=1 - MIN_SHARE_WITHIN_1)
    executions: dict[str, Callable[[Levels], NDArray[Any]]] = {
        "onnxruntime": lambda image: _enhanced(bundle, "fp16", image, threads),
        "stored": lambda image: _stored(bundle, image),
    }
    for name, run in executions.items():
        pairs = ((frame, reference, run(image)) for (frame, image), reference in zip(frames, exact, strict=True))
        yield name, judge(pairs, thresholds, bundle.manifest.pixels.top)


def _enhanced(bundle: Bundle, precision: str, image: Levels, threads: int | None) -> Levels:
    height, width = image.shape[:2]
    options = SessionOptions(height, width, precision, threads, "cpu")
    session: Session = get_backend("onnxruntime").open_session(bundle.model(precision), options)
    slot = open_slot(session, (height, width), bundle.manifest.pixels)
    out = np.empty_like(image)
    slot.run(image, 1.0, out, bundle.manifest.pixels.bits[1])
    slot.close()
    return out


def _stored(bundle: Bundle, image: Levels) -> NDArray[Any]:
    """What the FP16 graph makes of a frame when every FP16 result is really rounded to FP16."""
    half, pixels = bundle.model("fp16").onnx, bundle.manifest.pixels
    return next(stored_in_half(half, [GoldenFrame("frame", image)], pixels))
