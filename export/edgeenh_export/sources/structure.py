"""What a model's graph itself says of its pictures: bounds of the output, and the order of colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

from edgeenh_export.sources.overrides import COLOURS, RANGES, Ends

_CARRIERS = {"Cast", "Concat", "DepthToSpace", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"}
"""Operators that give values on as they are."""
_BOUNDED = {"Sigmoid": (0.0, 1.0), "HardSigmoid": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Softsign": (-1.0, 1.0)}
_MAX_DEPTH = 64

Interval = tuple[float, float]

_IMAGENET_RGB = np.array([[0.485, 0.456, 0.406], [123.68, 116.779, 103.939], [123.675, 116.28, 103.53]])
"""Means of ImageNet's red, green and blue, in the three forms that networks subtract them in."""


class Constants:
    """A graph's makers of tensors, and its constants by name."""

    def __init__(self, graph: GraphProto) -> None:
        self.makers = {output: node for node in graph.node for output in node.output}
        self._weights = {tensor.name: tensor for tensor in graph.initializer}

    def value(self, name: str) -> NDArray[Any] | None:
        """A constant's value; None for what is computed."""
        if name in self._weights:
            return numpy_helper.to_array(self._weights[name])
        node = self.makers.get(name)
        if node is not None and node.op_type == "Constant":
            value = helper.get_attribute_value(node.attribute[0])
            return numpy_helper.to_array(value) if node.attribute[0].name == "value" else np.asarray(value)
        return None

    def scalar(self, name: str) -> float | None:
        """A constant's only value."""
        value = self.value(name)
        return float(value.reshape(())) if value is not None and value.size == 1 else None


def declared_range(model: ModelProto, output: str) -> str:
    """The range that a model's last operators confine an output to: a key of `RANGES`; empty where they do not say.

    Followed are clamps, bounded activations, and sums and products with single constants behind them, e.g.
    `Tanh → · 0.5 → + 0.5`.
    """
    interval = _interval(Constants(model.graph), output, 0)
    return next((name for name, ends in RANGES.items() if interval is not None and np.allclose(ends, interval)), "")


def _interval(constants: Constants, name: str, depth: int) -> Interval | None:
    node = constants.makers.get(name)
    if node is None or depth > _MAX_DEPTH:
        return None
    if node.op_type in _BOUNDED:
        return _BOUNDED[node.op_type]
    if node.op_type == "Clip":
        ends = [constants.scalar(limit) if limit else None for limit in node.input[1:3]]
        return (ends[0], ends[1]) if len(ends) == 2 and ends[0] is not None and ends[1] is not None else None
    if node.op_type in _CARRIERS:
        sources = node.input if node.op_type == "Concat" else node.input[:1]
        found = {_interval(constants, source, depth + 1) for source in sources}
        return found.pop() if len(found) == 1 else None
    return _mapped(constants, node, depth)


def _mapped(constants: Constants, node: NodeProto, depth: int) -> Interval | None:
    """The interval behind a sum or product with one constant."""
    if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(node.input) != 2:
        return None
    left, right = (constants.scalar(name) for name in node.input)
    if (left is None) == (right is None) or (left is not None and node.op_type in ("Sub", "Div")):
        return None
    constant = left if right is None else right
    before = _interval(constants, node.input[1] if right is None else node.input[0], depth + 1)
    if before is None or constant is None or (node.op_type == "Div" and constant == 0):
        return None
    ends = [_APPLY[node.op_type](end, constant) for end in before]
    return min(ends), max(ends)


_APPLY: dict[str, Any] = {
    "Add": lambda value, constant: value + constant,
    "Sub": lambda value, constant: value - constant,
    "Mul": lambda value, constant: value * constant,
    "Div": lambda value, constant: value / constant,
}


def declared_colour(model: ModelProto, metadata: dict[str, str]) -> tuple[Ends | None, str]:
    """The order of a model's channels where it says so, and how it does.

    Looked at are the metadata `Image.BitmapPixelFormat` (Windows ML), the names of input and outputs, and ImageNet's means
    among the constants, which differ between red and blue.

    Args:
        model: In its form.
        metadata: Of the file as it was.

    Returns:
        The orders in and out, and the reason; None and empty where it does not say, or contradicts itself.
    """
    said = _named_order(metadata.get("Image.BitmapPixelFormat", ""))
    if said:
        return Ends(said, said), "its metadata"
    given, back = (
        _named_order(" ".join(value.name for value in end)) for end in (model.graph.input, model.graph.output)
    )
    if given or back:
        return Ends(given or back, back or given), "the names of its tensors"
    orders = {order for values in _triples(model.graph) for order in _order(values)}
    order = orders.pop() if len(orders) == 1 else ""
    return (Ends(order, order), "the ImageNet means in it") if order else (None, "")


def _named_order(text: str) -> str:
    """The one order that a text names; empty where it names none or both."""
    found = [order for order in COLOURS if order in text.upper()]
    return found[0] if len(found) == 1 else ""


def _triples(graph: GraphProto) -> Iterator[NDArray[Any]]:
    """Every constant of three values."""
    for tensor in graph.initializer:
        if np.prod(tensor.dims, dtype=int) == 3:
            yield numpy_helper.to_array(tensor).reshape(3).astype(float)
    for node in graph.node:
        value = Constants(graph).value(node.output[0]) if node.op_type == "Constant" else None
        if value is not None and value.size == 3 and value.dtype.kind == "f":
            yield value.reshape(3).astype(float)


def _order(values: NDArray[Any]) -> Iterator[str]:
    for order, means in (("RGB", _IMAGENET_RGB), ("BGR", _IMAGENET_RGB[:, ::-1])):
        if np.isclose(np.abs(values), means, rtol=2e-3).all(axis=1).any():
            yield order
