"""What is changed in a graph before OpenVINO compiles it: nothing in its arithmetic.

A bundle's graph casts the frame first and last, since in TensorRT a tensor of bytes may touch nothing else. Where it is reshaped
just behind the first cast, or just before the last, OpenVINO ends a loop there, and writes the picture in floats to memory and reads it
again. Reshaped while it is bytes it stays one loop from bytes to bytes: 1.2 times as fast for `dental-n` (docs/log.md).
"""

from __future__ import annotations

from typing import Any

from edgeenh.backends.libraries import import_openvino


def reshape_bytes(graph: Any) -> int:
    """Let a `Reshape` behind the cast of a frame's bytes come before it, and one before the cast to bytes behind it.

    Args:
        graph: An `openvino.Model`, changed in place; one that has no such place stays as it is.

    Returns:
        How many were moved.
    """
    reshapes = [node for node in graph.get_ordered_ops() if node.get_type_name() == "Reshape"]
    return sum(_before_cast(node) or _behind_cast(node) for node in reshapes)


def _before_cast(reshape: Any) -> bool:
    cast = reshape.input_value(0).get_node()
    if cast.get_type_name() != "Convert" or not _is_bytes(cast.input_value(0)):
        return False
    if cast.input_value(0).get_node().get_type_name() != "Parameter":
        return False
    _put(reshape, _cast_as(cast, _reshaped_as(reshape, cast.input_value(0))))
    return True


def _behind_cast(reshape: Any) -> bool:
    users = [port.get_node() for port in reshape.output(0).get_target_inputs()]
    if len(users) != 1 or users[0].get_type_name() != "Convert" or not _is_bytes(users[0].output(0)):
        return False
    _put(users[0], _reshaped_as(reshape, _cast_as(users[0], reshape.input_value(0))))
    return True


def _is_bytes(port: Any) -> bool:
    return str(port.get_element_type().get_type_name()) == "u8"


def _cast_as(cast: Any, value: Any) -> Any:
    return import_openvino().opset13.convert(value, cast.get_attributes()["destination_type"])


def _reshaped_as(reshape: Any, value: Any) -> Any:
    special_zero = bool(reshape.get_attributes()["special_zero"])
    return import_openvino().opset13.reshape(value, reshape.input_value(1), special_zero)


def _put(former: Any, node: Any) -> None:
    """Put `node` in the place of `former`, names and all: results are asked for by them."""
    names = former.output(0).get_names()
    former.output(0).replace(node.output(0))
    node.output(0).get_tensor().set_names(names)
    node.set_friendly_name(former.get_friendly_name())
