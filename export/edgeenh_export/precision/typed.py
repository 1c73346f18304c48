"""Typed FP16: precision written into an ONNX graph's tensors, as TensorRT and ONNX Runtime both read it.

A graph is split into nodes that compute in FP16 and nodes that stay in FP32. Where a value passes from one to the other,
one Cast stands between; weights that FP16 nodes read are stored in FP16. Inputs and outputs of the graph keep their types.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from edgeenh.errors import JobFailed

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16

WEIGHT_SUFFIX = "_fp16"
"""What the name of a weight, or of a value behind a Cast, gains in FP16."""

_ALWAYS_FP32 = {"DequantizeLinear", "If", "QuantizeLinear", "Range"}
"""Operators whose types are bound to others, or that hold graphs of their own."""
_FLOAT_INPUTS = {("Resize", 1), ("Resize", 2), ("Upsample", 1)}
"""Inputs that the standard has in FP32 whatever the picture is in."""


def to_fp16(onnx_bytes: bytes, keep_fp32: set[str]) -> bytes:
    """Write an FP32 graph in FP16.

    Args:
        onnx_bytes: The FP32 graph, every node named, without value infos.
        keep_fp32: Names of nodes that stay in FP32.

    Returns:
        The FP16 graph; nodes have the names that they had, and the Casts between are new.

    Raises:
        JobFailed: Types cannot be inferred, or the result is not valid.
    """
    model = onnx.load_model_from_string(onnx_bytes)
    try:
        types = _types(onnx.shape_inference.infer_shapes(model, strict_mode=True).graph)
        _Typing(model.graph, types, keep_fp32).run()
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        raise JobFailed(
            f"the graph cannot be written in FP16 ({' '.join(str(exc).split())[:300]}): export with --fp32"
        ) from exc
    return bytes(model.SerializeToString(deterministic=True))


def _types(graph: GraphProto) -> dict[str, int]:
    types = {v.name: v.type.tensor_type.elem_type for v in (*graph.input, *graph.value_info, *graph.output)}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}


class _Typing:
    """Rewrites one graph; used once."""

    def __init__(self, graph: GraphProto, types: dict[str, int], keep_fp32: set[str]) -> None:
        self._graph, self._types = graph, types
        self._keep = keep_fp32
        self._weights = {tensor.name: tensor for tensor in graph.initializer}
        self._halves: set[str] = set()
        self._casts: dict[tuple[str, int], str] = {}
        self._nodes: list[NodeProto] = []

    def run(self) -> None:
        outputs = {value.name for value in self._graph.output}
        for node in list(self._graph.node):
            half = node.name not in self._keep and node.op_type not in _ALWAYS_FP32 and outputs.isdisjoint(node.output)
            for index, name in enumerate(node.input):
                if self._types.get(name) == FLOAT:
                    wanted = HALF if half and (node.op_type, index) not in _FLOAT_INPUTS else FLOAT
                    node.input[index] = self._as(name, wanted)
            if half:
                self._halve(node)
            self._nodes.append(node)
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        used = {name for node in self._nodes for name in node.input}
        kept = [tensor for tensor in self._weights.values() if tensor.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _halve(self, node: NodeProto) -> None:
        """Let a node give FP16 where it gave FP32."""
        for attribute in node.attribute:
            if attribute.name in ("to", "dtype") and attribute.i == FLOAT:
                attribute.i = HALF
            if attribute.HasField("t") and attribute.t.data_type == FLOAT:
                attribute.t.CopyFrom(_half(attribute.t, attribute.t.name))
        self._halves |= {name for name in node.output if self._types.get(name) == FLOAT}

    def _as(self, name: str, wanted: int) -> str:
        """The tensor in the type that is wanted: itself, a weight stored so, or what one Cast gives."""
        if (HALF if name in self._halves else FLOAT) == wanted:
            return name
        if (name, wanted) not in self._casts:
            other = f"{name}{WEIGHT_SUFFIX}" if wanted == HALF else f"{name}_fp32"
            self._casts[name, wanted] = other
            if name in self._weights:
                self._weights[other] = _half(self._weights[name], other)
            else:
                self._nodes.append(helper.make_node("Cast", [name], [other], other, to=wanted))
        return self._casts[name, wanted]


def _half(tensor: TensorProto, name: str) -> TensorProto:
    """In FP16; what does not fit becomes infinite, which no gate passes."""
    with np.errstate(over="ignore"):
        return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), name)
