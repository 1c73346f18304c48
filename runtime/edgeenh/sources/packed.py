"""Packed 10- and 12-bit grey values to whole numbers, exactly.

Two families share the names, not the bits:

GigE Vision 2.0, 2 pixels in 3 bytes, the middle byte holds the low bits of both
    Mono10Packed    byte 0 = p0[9:2], byte 1 = p1[1:0] at bits 5:4 and p0[1:0] at bits 1:0, byte 2 = p1[9:2]
    Mono12Packed    byte 0 = p0[11:4], byte 1 = p1[3:0] at bits 7:4 and p0[3:0] at bits 3:0, byte 2 = p1[11:4]
PFNC (GenICam Pixel Format Naming Convention 2.1, 4.4.2), one stream of bits, lowest first, no gap between pixels
    Mono10p         4 pixels in 5 bytes
    Mono12p         2 pixels in 3 bytes

Rows are not padded: the picture is one row of values, the last group filled up with bits of no meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import SourceError

Bytes = NDArray[np.uint8]
Values = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Packing:
    """One packed format.

    Attributes:
        bits: Bits per value.
        pixels: Values in a group.
        bytes: Bytes of a group.
        unpack: From groups, uint8 [N,bytes], to values, uint16 [N,pixels].
    """

    bits: int
    pixels: int
    bytes: int
    unpack: Callable[[Bytes], Values]

    def length(self, count: int) -> int:
        """Bytes that hold so many values at least: the last group may end with its last value."""
        groups, rest = divmod(count, self.pixels)
        return groups * self.bytes + self._tail(rest)

    def _tail(self, rest: int) -> int:
        # A lone value of a GigE Vision group needs its own byte and the shared one: as many as its bits fill.
        return -(-rest * self.bits // 8)


def _gige(bits: int, mask: int, shift: int) -> Callable[[Bytes], Values]:
    def unpack(groups: Bytes) -> Values:
        wide = groups.astype(np.uint16)
        values = np.empty((len(groups), 2), np.uint16)
        values[:, 0] = wide[:, 0] << (bits - 8) | wide[:, 1] & mask
        values[:, 1] = wide[:, 2] << (bits - 8) | wide[:, 1] >> shift & mask
        return values

    return unpack


def _mono10p(groups: Bytes) -> Values:
    wide = groups.astype(np.uint16)
    values = np.empty((len(groups), 4), np.uint16)
    for place in range(4):
        low, high = wide[:, place] >> 2 * place, wide[:, place + 1] << (8 - 2 * place)
        values[:, place] = (low | high) & 0x3FF
    return values


def _mono12p(groups: Bytes) -> Values:
    wide = groups.astype(np.uint16)
    values = np.empty((len(groups), 2), np.uint16)
    values[:, 0] = (wide[:, 0] | wide[:, 1] << 8) & 0xFFF
    values[:, 1] = wide[:, 1] >> 4 | wide[:, 2] << 4
    return values


PACKINGS = {
    "Mono10Packed": Packing(10, 2, 3, _gige(10, 0x3, 4)),
    "Mono12Packed": Packing(12, 2, 3, _gige(12, 0xF, 4)),
    "Mono10p": Packing(10, 4, 5, _mono10p),
    "Mono12p": Packing(12, 2, 3, _mono12p),
}


def unpack(data: bytes | bytearray | Bytes, name: str, width: int, height: int) -> Values:
    """The values of a packed picture.

    Args:
        data: The bytes as the camera sent them, only read; more than the picture needs are left alone.
        name: One of `PACKINGS`.
        width: Pixels in a row.
        height: Rows.

    Returns:
        A new array, uint16 [height,width], 0 to 2^bits − 1.

    Raises:
        SourceError: There are too few bytes.
    """
    packing, count = PACKINGS[name], width * height
    raw = np.frombuffer(data, np.uint8)
    if len(raw) < packing.length(count):
        raise SourceError(
            f"a {name} picture of {width}x{height} has {len(raw)} bytes, expected {packing.length(count)}: it was cut short"
        )
    groups = -(-count // packing.pixels)
    if len(raw) < groups * packing.bytes:
        raw = np.concatenate((raw, np.zeros(groups * packing.bytes - len(raw), np.uint8)))
    return (
        packing.unpack(raw[: groups * packing.bytes].reshape(groups, packing.bytes))
        .reshape(-1)[:count]
        .reshape(height, width)
    )
