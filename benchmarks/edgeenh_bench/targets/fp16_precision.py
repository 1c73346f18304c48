"""Target: FP16 has ≥ 99.9 % of its pixels within 1 of FP32, and PSNR ≥ 55 dB, at 720p, 1080p and 2160p.

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
import onnx
from onnx import TensorProto

from edgeenh.backends import SessionOptions, get_backend
from edgeenh.backends.base import Session
from edgeenh.backends.contract import INPUT, OUTPUT, STRENGTH
from edgeenh.bundle import Bundle
from edgeenh.drift import Thresholds
from edgeenh.errors import UsageError
from edgeenh.gate import Verdict, judge
from edgeenh.slots import open_slot
from edgeenh_bench.targets.figures import Figure, Measurement
from edgeenh_export.explain.engines import OnnxRuntimeEngine
from edgeenh_export.explain.surgery import fixed, rounded_to, widened
from edgeenh_export.golden import fit

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

SIZES = {"720p": (1280, 720), "1080p": (1920, 1088), "2160p": (3840, 2160)}
"""Width and height as the graph takes them: 1080 rows are padded to 1088 before they come to it."""

MIN_PSNR_DB, MIN_SHARE_WITHIN_1 = 55.0, 0.999


def measure(model: Path | None, threads: int | None, *, sizes: dict[str, tuple[int, int]] = SIZES) -> Measurement:
    """Judge both executions at every size.

    Raises:
        UsageError: The bundle has no FP16 graph, or is for grey.
    """
    bundle = Bundle.shipped() if model is None else Bundle.open(model)
    if "fp16" not in bundle.precisions or bundle.manifest.pixels.channels != 3:
        raise UsageError(f"{bundle.path} has no FP16 graph for colour: give one with --model")
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
    executions: dict[str, Callable[[Levels], Levels]] = {
        "onnxruntime": lambda image: _enhanced(bundle, "fp16", image, threads),
        "stored": lambda image: _stored(bundle, image),
    }
    for name, run in executions.items():
        pairs = ((frame, reference, run(image)) for (frame, image), reference in zip(frames, exact, strict=True))
        yield name, judge(pairs, thresholds)


def _enhanced(bundle: Bundle, precision: str, image: Levels, threads: int | None) -> Levels:
    height, width = image.shape[:2]
    options = SessionOptions(height, width, precision, threads, "cpu")
    session: Session = get_backend("onnxruntime").open_session(bundle.model(precision), options)
    slot = open_slot(session, (height, width), bundle.manifest.pixels)
    out = np.empty_like(image)
    slot.run(image, 1.0, out, 8)
    slot.close()
    return out


def _stored(bundle: Bundle, image: Levels) -> Levels:
    """What the FP16 graph makes of a frame when every FP16 result is really rounded to FP16."""
    feeds = {INPUT: image[None], STRENGTH: np.ones(1, np.float32)}
    narrow = fixed(onnx.load_model_from_string(bundle.model("fp16").onnx), feeds)
    types = {value.name: value.type.tensor_type.elem_type for value in narrow.graph.value_info}
    types |= {tensor.name: tensor.data_type for tensor in narrow.graph.initializer}
    half = {name for name, kind in types.items() if kind == TensorProto.FLOAT16}
    wide = widened(narrow, onnx.load_model_from_string(bundle.model("fp32").onnx))
    result = OnnxRuntimeEngine(optimised=False).run(rounded_to(wide, TensorProto.FLOAT16, half), feeds)[OUTPUT]
    return np.ascontiguousarray(result[0])
