"""The protobuf wire format (https://protobuf.dev/programming-guides/encoding), read strictly and without copying.

Where readers of the format differ, the bytes are refused rather than read in one of the ways: a tag beyond 32 bits, a
field number 0, a number beyond 64 bits, groups.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""

_MAX_TAG = (1 << 32) - 1
_MAX_VARINT = (1 << 64) - 1


def fields(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Field number, wire type and value of every field of a message; a varint as int, everything else as bytes.

    Raises:
        ValueError: The bytes are not in the wire format.
    """
    at, end = 0, len(data)
    while at < end:
        tag, at = varint(data, at)
        number, wire = tag >> 3, tag & 7
        if not number or tag > _MAX_TAG:
            raise ValueError(f"field number {number} before byte {at}")
        if wire == VARINT:
            value, at = varint(data, at)
            yield number, wire, value
            continue
        if wire == BYTES:
            length, at = varint(data, at)
        elif wire in (FIXED64, FIXED32):
            length = 8 if wire == FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if length > end - at:
            raise ValueError(f"it ends inside a field at byte {at}")
        yield number, wire, data[at : at + length]
        at += length


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends.

    Raises:
        ValueError: It does not end, or is beyond 64 bits.
    """
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > _MAX_VARINT:
                break
            return value, at
        shift += 7
    raise ValueError(f"a number does not end at byte {at}")


def numbers(wire: int, value: int | memoryview) -> Iterator[int]:
    """The values of a repeated integer field: one, or packed.

    Raises:
        ValueError: They are neither.
    """
    if wire == VARINT and isinstance(value, int):
        yield value
    elif wire == BYTES and isinstance(value, memoryview):
        at = 0
        while at < len(value):
            number, at = varint(value, at)
            yield number
    else:
        raise ValueError(f"wire type {wire} where numbers must be")
