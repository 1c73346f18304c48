"""Passes over an ONNX model that leave its arithmetic as it is."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

_TALK = {"doc_string", "metadata_props", "value_info"}
"""Fields that say where a graph comes from, or what any reader infers from the rest."""


def strip(model: ModelProto) -> None:
    """Take out documentation, metadata and inferred shapes, at every depth: stack traces and paths live there."""
    _strip(model)


def _strip(message: Any) -> None:
    for field, value in message.ListFields():
        if field.name in _TALK:
            message.ClearField(field.name)
            continue
        for part in (value,) if isinstance(value, Message | bytes | str | int | float) else value:
            if isinstance(part, Message):
                _strip(part)


def name_by_order(graph: GraphProto) -> None:
    """Name nodes, what they give, and constants by their place in the graph, e.g. `Conv_4`, and sort weights by first use.

    The exporter numbers names with counters that depend on what it exported before. Inputs and outputs of the graph keep
    their names, and so do weights, which have those of the checkpoint.
    """
    renamed: dict[str, str] = {}
    for index, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{index}"
        renamed |= {name: f"{node.name}_{place}" if place else node.name for place, name in enumerate(node.output)}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    used = [name for name in dict.fromkeys(name for node in graph.node for name in node.input) if name in weights]
    constants = [name for name in used if "." not in name]  # a weight's name has dots: module.part.weight
    renamed |= {name: f"constant_{index}" for index, name in enumerate(constants)}
    for value in (*graph.input, *graph.output):
        renamed.pop(value.name, None)
    for name in used:
        weights[name].name = renamed.get(name, name)
    ordered = [TensorProto.FromString(weights[name].SerializeToString()) for name in used]
    del graph.initializer[:]
    graph.initializer.extend(ordered)
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]


def reduce_max_in_half(graph: GraphProto) -> None:
    """Let `ReduceMax` work on FP16 values directly.

    The exporter writes Cast(FP32) → ReduceMax → Cast(FP16) where torch takes the maximum of an FP16 tensor. A maximum is
    one of its inputs, so the two casts change nothing and only cost two passes over the features.
    """
    makers = {output: node for node in graph.node for output in node.output}
    for node in list(graph.node):
        if node.op_type != "ReduceMax":
            continue
        widen = makers.get(node.input[0])
        users = [user for user in graph.node if node.output[0] in user.input]
        if widen is None or not _casts(widen, TensorProto.FLOAT):
            continue
        if len(users) != 1 or not _casts(users[0], TensorProto.FLOAT16):
            continue
        node.input[0] = widen.input[0]
        node.output[0] = users[0].output[0]
        graph.node.remove(users[0])
        if not any(widen.output[0] in other.input for other in graph.node):
            graph.node.remove(widen)


def cast_first(graph: GraphProto) -> None:
    """Let everything but the first Cast read the frame behind it: in TensorRT a uint8 tensor may touch nothing else.

    The exporter asks the input itself for its size; what the Cast gives is as large.
    """
    casts = [node for node in graph.node if _casts(node, TensorProto.FLOAT) and node.input[0] == "image"]
    if len(casts) != 1:
        return  # a graph for grey has none
    first = NodeProto.FromString(casts[0].SerializeToString())
    graph.node.remove(casts[0])
    for node in graph.node:
        node.input[:] = [first.output[0] if name == "image" else name for name in node.input]
    graph.node.insert(0, first)


def _casts(node: NodeProto, dtype: int) -> bool:
    return node.op_type == "Cast" and any(part.name == "to" and part.i == dtype for part in node.attribute)
