"""Bytes that a graph moves: what its nodes read and write for one frame. The cost of FP32 where time means nothing.

A CPU that computes FP16 in FP32 cannot time FP16. On a GPU an elementwise node, and most of an image network, is bound by
memory, so the bytes are what a node in FP32 costs there; casts between the two types count like any other node.
"""

from __future__ import annotations

import math

import onnx
from onnx import ModelProto, TensorProto

from edgeenh.backends.contract import INPUT

SIZE = (256, 256)
"""Width and height that a graph of any size is counted at."""
_BYTES: dict[int, int] = {
    TensorProto.FLOAT: 4,
    TensorProto.FLOAT16: 2,
    TensorProto.BFLOAT16: 2,
    TensorProto.INT64: 8,
    TensorProto.INT32: 4,
    TensorProto.DOUBLE: 8,
}


def bytes_moved(model: bytes | ModelProto) -> int:
    """Read and written by all nodes for one frame, at the graph's own size or at 256×256; weights once for each reader."""
    loaded = onnx.load_model_from_string(model) if isinstance(model, bytes) else model
    graph = _inferred(loaded).graph
    sizes = {tensor.name: _size(tensor.data_type, list(tensor.dims)) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        sizes[value.name] = _size(tensor.elem_type, [dimension.dim_value for dimension in tensor.shape.dim])
    return sum(sizes.get(name, 0) for node in graph.node for name in (*node.input, *node.output))


def with_shapes(model: ModelProto) -> dict[str, list[int]]:
    """Shapes of the tensors at that size, as far as they can be inferred; 0 for a side that cannot."""
    graph = _inferred(model).graph
    return {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }


def _inferred(model: ModelProto) -> ModelProto:
    """A copy for one size, with types and shapes."""
    copy = ModelProto.FromString(model.SerializeToString())
    for value in copy.graph.input:
        dimensions = value.type.tensor_type.shape.dim
        for dimension in dimensions:
            if not dimension.HasField("dim_value"):
                dimension.dim_value = SIZE[0] if value.name == INPUT and dimension is not dimensions[0] else 1
    for value in copy.graph.output:
        value.type.tensor_type.ClearField("shape")
    return onnx.shape_inference.infer_shapes(copy, data_prop=True)


def _size(kind: int, shape: list[int]) -> int:
    return _BYTES.get(kind, 1) * math.prod(max(1, side) for side in shape)
