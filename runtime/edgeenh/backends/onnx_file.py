"""A look into an ONNX file before any library loads it, without the package `onnx`.

Weights in other files (external data) are refused: a library would follow the path in the model to whatever lies there.
The walk follows the protobuf wire format (https://protobuf.dev/programming-guides/encoding) and the field numbers of
`onnx.proto3`; it goes wherever a tensor can be: initializers, attributes, subgraphs, functions.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgeenh.errors import IntegrityError

_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Message → field number → the message in that field; fields that hold no tensor are passed over."""

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of TensorProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_MAX_DEPTH = 64


def refuse_external_data(onnx: bytes, name: str) -> None:
    """Prove that a model holds all of its weights itself.

    Args:
        onnx: The file's bytes.
        name: What the message calls the model.

    Raises:
        IntegrityError: A tensor's data lies in another file, or the bytes are not in the wire format.
    """
    pending = [("model", memoryview(onnx), 0)]
    while pending:
        message, data, depth = pending.pop()
        try:
            for number, wire, value in _fields(data):
                if message == "tensor" and number in (_EXTERNAL_DATA, _DATA_LOCATION) and value not in (0, b""):
                    raise IntegrityError(
                        f"{name} keeps weights in another file (ONNX external data), which is refused: "
                        "save the ONNX as one file"
                    )
                child = _MESSAGES[message].get(number)
                if child is not None and wire == _BYTES and isinstance(value, memoryview):
                    pending.append((child, value, depth + 1))
        except ValueError as exc:
            raise IntegrityError(f"{name} is no ONNX file ({exc}): export the model again") from exc
        if depth > _MAX_DEPTH:
            raise IntegrityError(f"{name} nests graphs {depth} deep, which no generator does: export the model again")


def _fields(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Field number, wire type and value of every field of a message; a varint as int, everything else as bytes.

    Raises:
        ValueError: The bytes are not in the wire format.
    """
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if length > len(data) - at:
            raise ValueError(f"it ends inside a field at byte {at}")
        yield number, wire, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError(f"a number does not end at byte {at}")
