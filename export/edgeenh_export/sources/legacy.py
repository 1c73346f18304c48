"""Forms of ONNX that backends have forgotten, or that stand in the way: said in today's operators, with equal results.

`Affine`, `Crop` and `ImageScaler` were experimental operators of ONNX 1.0 that converters of that time wrote, and that
were taken out of the standard again; ONNX Runtime still has them, TensorRT and OpenVINO do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

_HALF, _SINGLE = TensorProto.FLOAT16, TensorProto.FLOAT


def replace_legacy(model: ModelProto) -> None:
    """Put today's operators in the place of forgotten ones, in a model of whatever opset."""
    nodes = list(model.graph.node)
    if not any(node.op_type in _REPLACEMENTS for node in nodes):
        return
    del model.graph.node[:]
    for node in nodes:
        replacement = _REPLACEMENTS.get(node.op_type)
        model.graph.node.extend([node] if replacement is None else replacement(node, model.graph))


def _affine(node: NodeProto, graph: GraphProto) -> Iterator[NodeProto]:
    """Y = alpha · x + beta."""
    attributes = _attributes(node)
    alpha, beta = (np.float32(attributes.get(name, default)) for name, default in (("alpha", 1.0), ("beta", 0.0)))
    yield from _scaled(node, graph, alpha, beta)


def _image_scaler(node: NodeProto, graph: GraphProto) -> Iterator[NodeProto]:
    """Y = scale · x + bias, a bias per channel of [N,C,H,W]."""
    attributes = _attributes(node)
    bias = np.array(attributes.get("bias", [0.0]), np.float32).reshape(1, -1, 1, 1)
    yield from _scaled(node, graph, np.float32(attributes.get("scale", 1.0)), bias)


def _scaled(node: NodeProto, graph: GraphProto, scale: Any, shift: Any) -> Iterator[NodeProto]:
    names = _constants(node, graph, scale=np.asarray(scale), shift=np.asarray(shift))
    between = f"legacy_{node.output[0]}_product"
    yield helper.make_node("Mul", [node.input[0], names[0]], [between])
    yield helper.make_node("Add", [between, names[1]], [node.output[0]])


def _crop(node: NodeProto, graph: GraphProto) -> Iterator[NodeProto]:  # noqa: ARG001
    """Take the border off: left, top, right, bottom; or, with a `scale`, leave so many rows and columns."""
    attributes = _attributes(node)
    left, top, right, bottom = attributes["border"]
    far = np.iinfo(np.int32).max
    ends = [-bottom or far, -right or far]
    if "scale" in attributes:
        height, width = attributes["scale"]
        ends = [top + height, left + width]
    # as `Slice` was before opset 10, with attributes: what has a `Crop` is older than that
    yield helper.make_node("Slice", [node.input[0]], [node.output[0]], starts=[top, left], ends=ends, axes=[2, 3])


_REPLACEMENTS: dict[str, Callable[[NodeProto, GraphProto], Iterator[NodeProto]]] = {
    "Affine": _affine,
    "Crop": _crop,
    "ImageScaler": _image_scaler,
}


def widen(model: ModelProto) -> None:
    """Say FLOAT wherever a model says FLOAT16: values and what they mean stay, arithmetic becomes exacter.

    The FP32 graph of a bundle is the reference for all others; what a graph of 16-bit floats rounds away would be
    missing in it.
    """
    for tensor in model.graph.initializer:
        _widen_tensor(tensor)
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if value.type.tensor_type.elem_type == _HALF:
            value.type.tensor_type.elem_type = _SINGLE
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                _widen_tensor(attribute.t)
            if attribute.name in ("to", "dtype") and attribute.i == _HALF:
                attribute.i = _SINGLE


def _widen_tensor(tensor: TensorProto) -> None:
    if tensor.data_type == _HALF:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _constants(node: NodeProto, graph: GraphProto, **values: Any) -> list[str]:
    names = [f"legacy_{node.output[0]}_{name}" for name in values]
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in zip(names, values.values(), strict=True)
    )
    return names
