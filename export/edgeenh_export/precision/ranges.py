"""How large a graph's values become on real frames, and which nodes FP16 therefore cannot hold.

Measured in FP32: ONNX Runtime's CPU kernels compute an FP16 graph in FP32 and would hide what leaves FP16's range on a GPU.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from edgeenh_export.precision.stored import fed, open_exact, run

if TYPE_CHECKING:
    from edgeenh_export.golden import GoldenFrame

LARGEST = 65504.0
"""The largest number that FP16 has."""
HEADROOM = 2.0
"""A value may become so many times larger on other pictures than on the golden frames and still fit."""
_PEAK = "edgeenh_peak_"


def peaks(fp32: bytes, frames: Iterable[GoldenFrame]) -> dict[str, float]:
    """Largest absolute value of every FP32 tensor that a node of the graph gives; infinite where it holds a NaN.

    Args:
        fp32: The FP32 graph by the contract.
        frames: What it is run on, at full strength.

    Raises:
        JobFailed: The graph cannot be run.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(fp32))
    floats = {v.name for v in model.graph.value_info if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    watched = _watch(model, floats)
    session = open_exact(model, optimised=True)
    found = dict.fromkeys(watched.values(), 0.0)
    for frame in frames:
        for name, peak in zip(watched.values(), run(session, list(watched), fed(frame)), strict=True):
            found[name] = max(found[name], float(np.nan_to_num(peak, nan=np.inf)))
    return found


def _watch(model: ModelProto, floats: Collection[str]) -> dict[str, str]:
    """Give a model outputs that hold the peaks; output's name → tensor's name."""
    graph, watched = model.graph, {}
    for index, name in enumerate(name for node in list(graph.node) for name in node.output if name in floats):
        magnitude, peak = f"{_PEAK}abs_{index}", f"{_PEAK}{index}"
        graph.node.append(helper.make_node("Abs", [name], [magnitude]))
        graph.node.append(helper.make_node("ReduceMax", [magnitude], [peak], keepdims=0))
        graph.output.add().name = peak
        watched[peak] = name
    return watched


def too_large(graph: GraphProto, largest: Mapping[str, float], limit: float = LARGEST / HEADROOM) -> set[str]:
    """Nodes that read or give what does not fit into FP16 with room to spare, weights included; so written that NaN fails.

    Args:
        graph: The FP32 graph.
        largest: `peaks` of it.
        limit: The largest value that fits.
    """
    values = {**largest, **{tensor.name: _peak_of(tensor) for tensor in graph.initializer}}
    return {
        node.name
        for node in graph.node
        if any(not values.get(name, 0.0) <= limit for name in (*node.input, *node.output))
    }


def _peak_of(tensor: TensorProto) -> float:
    if tensor.data_type != TensorProto.FLOAT:
        return 0.0
    values = np.abs(numpy_helper.to_array(tensor))
    return float(np.nan_to_num(values, nan=np.inf).max(initial=0.0))
