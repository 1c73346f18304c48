"""Graphs cut open: other types, results shown, parts taken out. Every function gives a new model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

from edgeenh.errors import JobFailed
from edgeenh_export.precision.typed import WEIGHT_SUFFIX

Values = Mapping[str, NDArray[np.generic]]
"""Tensor's name → its value."""

_TYPE_ATTRIBUTES = ("to", "dtype")


def copied(model: ModelProto) -> ModelProto:
    """A model that shares nothing with `model`."""
    result: ModelProto = ModelProto.FromString(model.SerializeToString())
    return result


def fixed(model: ModelProto, feeds: Values) -> ModelProto:
    """The model for exactly the shapes of `feeds`, all shapes and types inferred."""
    result = copied(model)
    for value in result.graph.input:
        for dimension, side in zip(value.type.tensor_type.shape.dim, feeds[value.name].shape, strict=True):
            dimension.dim_value = side
    for value in result.graph.output:
        value.type.tensor_type.ClearField("shape")
    del result.graph.value_info[:]
    return inferred(result)


def inferred(model: ModelProto) -> ModelProto:
    """The model with the types and shapes of everything in it.

    Raises:
        JobFailed: They cannot be inferred.
    """
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError) as exc:
        raise JobFailed(f"the shapes of the graph cannot be inferred ({' '.join(str(exc).split())})") from exc


def widened(model: ModelProto, exact: ModelProto) -> ModelProto:
    """The model with FP32 wherever it has FP16, and the weights that `exact` has under the same name and shape.

    A weight that `edgeenh_export.precision.typed` stored in FP16 has the name that it had, and a suffix.
    """
    result = copied(model)
    weights = {tensor.name: tensor for tensor in exact.graph.initializer}
    for tensor in result.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT16:
            continue
        name = tensor.name
        known = weights.get(name) or weights.get(name.removesuffix(WEIGHT_SUFFIX))
        if known is not None and list(known.dims) == list(tensor.dims):
            tensor.CopyFrom(known)
            tensor.name = name
        else:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), name))
    for value in (*result.graph.input, *result.graph.output):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in result.graph.node:
        _widen_attributes(node)
    del result.graph.value_info[:]
    return inferred(result)


def _widen_attributes(node: NodeProto) -> None:
    for attribute in node.attribute:
        if attribute.name in _TYPE_ATTRIBUTES and attribute.i == TensorProto.FLOAT16:
            attribute.i = TensorProto.FLOAT
        elif attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type == TensorProto.FLOAT16:
            attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float32)))


def rounded_to(model: ModelProto, narrow: int, only: Collection[str] | None = None) -> ModelProto:
    """The FP32 model with every result and every weight rounded to a narrower type and back: what that precision costs.

    Args:
        model: With inferred types.
        narrow: `TensorProto.BFLOAT16` or `FLOAT16`.
        only: The results and weights to round; None = all.
    """
    result = copied(model)
    floats = {value.name for value in result.graph.value_info if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    weights = [tensor.name for tensor in result.graph.initializer if tensor.data_type == TensorProto.FLOAT]
    nodes: list[NodeProto] = []
    renamed: dict[str, str] = {}
    if only is not None:
        floats, weights = floats & set(only), [name for name in weights if name in only]
    for name in weights:
        nodes += _round_trip(name, f"{name}__rounded", narrow)
        renamed[name] = f"{name}__rounded"
    for node in result.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        nodes.append(node)
        for index, name in enumerate(node.output):
            if name in floats:
                node.output[index] = f"{name}__exact"
                nodes += _round_trip(f"{name}__exact", name, narrow)
    kept = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del result.graph.node[:]
    result.graph.node.extend(kept)
    return result


def _round_trip(name: str, back: str, narrow: int) -> list[NodeProto]:
    down = onnx.helper.make_node("Cast", [name], [f"{back}__narrow"], to=narrow)
    return [down, onnx.helper.make_node("Cast", [f"{back}__narrow"], [back], to=TensorProto.FLOAT)]


def shown(model: ModelProto, names: Iterable[str]) -> ModelProto:
    """The model with the tensors `names` among its outputs."""
    result = copied(model)
    known = {value.name: value for value in result.graph.value_info}
    present = {value.name for value in result.graph.output}
    for name in names:
        if name not in present:
            result.graph.output.append(known.get(name) or ValueInfoProto(name=name))
    return result


def frozen(model: ModelProto, values: Values) -> ModelProto:
    """The model with the tensors in `values`, such as sizes, as constants instead of computed, and nothing that is unused."""
    result = copied(model)
    for name, value in values.items():
        result.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    kept = [node for node in result.graph.node if not set(node.output) <= set(values)]
    needed = {value.name for value in result.graph.output}
    used: list[NodeProto] = []
    for node in reversed(kept):
        if needed & set(node.output):
            used.append(NodeProto.FromString(node.SerializeToString()))
            needed |= set(node.input)
    del result.graph.node[:]
    result.graph.node.extend(reversed(used))
    weights = [tensor for tensor in result.graph.initializer if tensor.name in needed]
    kept_weights = [TensorProto.FromString(tensor.SerializeToString()) for tensor in weights]
    del result.graph.initializer[:]
    result.graph.initializer.extend(kept_weights)
    return result


def part(model: ModelProto, nodes: Sequence[NodeProto], output: str) -> ModelProto:
    """The model of some of its nodes; what they read from others becomes inputs.

    Args:
        model: With inferred shapes.
        nodes: Some of its nodes, in its order.
        output: The one result that is asked for, made by one of them.
    """
    made = {name for node in nodes for name in node.output}
    read = list(dict.fromkeys(name for node in nodes for name in node.input if name))
    weights = [tensor for tensor in model.graph.initializer if tensor.name in set(read)]
    names = {tensor.name for tensor in weights}
    known = {value.name: value for value in (*model.graph.input, *model.graph.value_info, *model.graph.output)}
    inputs = [known[name] for name in read if name not in made | names]
    graph = onnx.helper.make_graph(list(nodes), "part", inputs, [known[output]], weights)
    return inferred(onnx.helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version))


def ancestors(graph: GraphProto, tensor: str) -> list[NodeProto]:
    """The nodes that `tensor` depends on, the nearest to it last."""
    needed, found = {tensor}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            found.append(node)
            needed |= set(node.input)
    return found[::-1]
