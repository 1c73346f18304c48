"""Forms of ONNX that backends have forgotten, or that stand in the way: said in today's operators, with equal results.

`Affine`, `Crop` and `ImageScaler` were experimental operators of ONNX 1.0 that converters of that time wrote, and that
were taken out of the standard again; ONNX Runtime still has them, TensorRT and OpenVINO do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
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


def settle_output_shapes(model: ModelProto) -> None:
    """Say by padding what a transposed convolution says by `output_shape`, where the size that it reads is known.

    The sums are those of the standard (ONNX operators, ConvTranspose). TensorRT's parser overlooks an output that is larger
    than the padding allows, and the picture comes out too small.
    """
    asking = [
        node for node in model.graph.node if node.op_type == "ConvTranspose" and "output_shape" in _attributes(node)
    ]
    if not asking:
        return
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*inferred.input, *inferred.value_info)
    }
    kernels = {tensor.name: list(tensor.dims[2:]) for tensor in model.graph.initializer}
    for node in asking:
        read, kernel = shapes.get(node.input[0], [])[2:], kernels.get(node.input[1], [])
        if kernel and len(read) == len(kernel) and all(read):
            _pad(node, read, kernel)


def _pad(node: NodeProto, read: list[int], kernel: list[int]) -> None:
    said, sides = _attributes(node), range(len(read))
    strides, dilations = (said.get(name, [1] * len(read)) for name in ("strides", "dilations"))
    extra = said.get("output_padding", [0] * len(read))
    wanted = said["output_shape"][-len(read) :]
    full = [strides[i] * (read[i] - 1) + extra[i] + (kernel[i] - 1) * dilations[i] + 1 for i in sides]
    total = [max(0, full[i] - wanted[i]) for i in sides]
    less = [side // 2 for side in total]
    more = [side - half for side, half in zip(total, less, strict=True)]
    pads = [*less, *more] if said.get("auto_pad") == b"SAME_UPPER" else [*more, *less]
    larger = [extra[i] + max(0, wanted[i] - full[i]) for i in sides]
    kept = [part for part in node.attribute if part.name not in ("auto_pad", "output_padding", "output_shape", "pads")]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("pads", pads), helper.make_attribute("output_padding", larger)])


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
