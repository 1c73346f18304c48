"""Whether a model's features fit into FP16, measured in FP32 on real frames.

ONNX Runtime's CPU kernels compute an FP16 graph in FP32 and would hide a feature that leaves FP16's range on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper

from edgeenh.backends.contract import INPUT, STRENGTH, one_line
from edgeenh.backends.libraries import import_onnxruntime
from edgeenh.errors import GateFailed, JobFailed
from edgeenh.pixels import to_unit

if TYPE_CHECKING:
    from edgeenh_export.golden import GoldenFrame

LARGEST = 65504.0
"""The largest number that FP16 has."""
_PEAK = "edgeenh_peak_"
_CARRIERS = {"Cast", "Concat", "Constant", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Transpose"}
"""Operators that give on values whose maker is looked at already."""


def check_half_range(fp32: bytes, half: bytes, frames: Iterable[GoldenFrame]) -> None:
    """Prove that everything that the FP16 graph holds in FP16 fits into it, for these frames.

    Args:
        fp32: The FP32 graph.
        half: The FP16 graph: nodes of the same names, some of which may have stayed in FP32.
        frames: The golden frames.

    Raises:
        GateFailed: A weight or feature does not fit; the message names the node and the frame.
        JobFailed: The graph cannot be run.
    """
    model = onnx.load_model_from_string(fp32)
    watched = _in_half(onnx.load_model_from_string(half))
    peaks = _with_peaks(model, watched)
    onnxruntime = import_onnxruntime()
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        for frame in frames:
            image = frame.image if frame.image.dtype == np.uint8 else to_unit(frame.image, 16)
            found = session.run(list(peaks), {INPUT: image[None], STRENGTH: np.ones(1, np.float32)})
            _refuse(zip(peaks.values(), found, strict=True), frame.name)
    except GateFailed:
        raise
    except Exception as exc:  # the library has no common base for its errors
        raise JobFailed(f"the range of the model's features cannot be measured: {one_line(exc)}") from exc


def _in_half(half: ModelProto) -> set[str]:
    """Nodes that give FP16."""
    inferred = onnx.shape_inference.infer_shapes(half)
    halves = {v.name for v in inferred.graph.value_info if v.type.tensor_type.elem_type == TensorProto.FLOAT16}
    return {node.name for node in half.graph.node if not halves.isdisjoint(node.output)}


def _with_peaks(model: ModelProto, watched: set[str]) -> dict[str, str]:
    """Give a model outputs that hold the largest absolute value of each watched node; their names → the node's name."""
    graph, peaks = model.graph, {}
    for index, node in enumerate(list(graph.node)):
        if node.name not in watched or node.op_type in _CARRIERS:
            continue
        magnitude, peak = f"{_PEAK}abs_{index}", f"{_PEAK}{index}"
        graph.node.append(helper.make_node("Abs", [node.output[0]], [magnitude]))
        graph.node.append(helper.make_node("ReduceMax", [magnitude], [peak], keepdims=0))
        graph.output.add().name = peak
        peaks[peak] = node.name
    return peaks


def _refuse(peaks: Iterable[tuple[str, np.ndarray]], frame: str) -> None:
    """So written that NaN fails."""
    node, value = max(peaks, key=lambda peak: float(np.nan_to_num(peak[1], nan=np.inf)), default=("", np.zeros(())))
    if not float(value) <= LARGEST:
        raise GateFailed(
            f"{frame}: the FP16 graph overflows: {node} reaches {float(value):.3g} and FP16 holds {LARGEST:g} at most; "
            "no tolerance passes this: export with --fp32"
        )
