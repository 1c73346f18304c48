"""EXIF blocks and TIFF directories (TIFF 6.0, section 2; EXIF 2.32, 4.6), changed in place: nothing in them moves.

A block is a small TIFF file. Maker notes hold offsets of their own, so writing a block anew would damage them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

ORIENTATION, ACROSS, DOWN, UNIT, EXIF_DIRECTORY = 274, 282, 283, 296, 34665
_CHANGING_PLACES = ((256, 257), (ACROSS, DOWN), (0xA002, 0xA003))
"""Pairs of tags for width and height: image size, resolution, and the size of the valid picture."""
_PER_METRE = {"inch": 1 / 0.0254, "cm": 100.0}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a directory: its tag, type and count, the value (or where it is), and where the entry stands."""

    tag: int
    kind: int
    count: int
    value: int
    position: int


def directory(block: bytes | bytearray, order: str, start: int) -> Iterator[Entry]:
    """The entries of the directory at `start`; `order` is `<` or `>`. One that is cut ends early.

    A value of two bytes is given as such, where its type says so.
    """
    if start + 2 > len(block):
        return
    (count,) = struct.unpack_from(order + "H", block, start)
    for position in range(start + 2, min(start + 2 + 12 * count, len(block) - 11), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", block, position)
        letter = "H" if kind == 3 else "B" if kind == 1 else "I"
        yield Entry(tag, kind, number, struct.unpack_from(order + letter, block, position + 8)[0], position)


def _order(block: bytes) -> str | None:
    return {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4])) if len(block) >= 10 else None


def upright(exif: bytes, *, turned: bool = False) -> bytes:
    """The EXIF block of the picture after it was turned upright: orientation 1, and no thumbnail.

    Args:
        exif: The block.
        turned: Width and height changed places.

    Returns:
        A block of the same length; empty where `exif` is none.
    """
    order = _order(exif)
    if order is None:
        return b""
    block = bytearray(exif)
    (first,) = struct.unpack_from(order + "I", block, 4)
    starts = [first]
    for entry in directory(block, order, first):
        if entry.tag == ORIENTATION:  # of whatever type: all are read
            struct.pack_into(order + "HHIHH", block, entry.position, ORIENTATION, 3, 1, 1, 0)
        elif entry.tag == EXIF_DIRECTORY:
            starts.append(entry.value)
    if turned:
        for start in starts:
            _change_places(block, order, start)
    if first + 2 <= len(block):
        following = first + 2 + 12 * struct.unpack_from(order + "H", block, first)[0]
        if following + 4 <= len(block):
            struct.pack_into(order + "I", block, following, 0)  # the directory of the thumbnail
    return bytes(block)


def _change_places(block: bytearray, order: str, start: int) -> None:
    places = {entry.tag: entry.position + 2 for entry in directory(block, order, start)}
    for one, other in _CHANGING_PLACES:
        if one in places and other in places:
            here, there = slice(places[one], places[one] + 10), slice(places[other], places[other] + 10)
            block[here], block[there] = block[there], block[here]


def resolution(across: float, down: float, unit: str) -> tuple[int, int] | None:
    """Pixels per metre out of pixels per `inch` or `cm`; None where nothing is said."""
    factor = _PER_METRE.get(unit)
    if factor is None or across <= 0 or down <= 0:
        return None
    return round(across * factor), round(down * factor)


def exif_resolution(block: bytes, *, turn: bool = False) -> tuple[int, int] | None:
    """Pixels per metre, to the right and down, that an EXIF block or a TIFF file says; None where it does not.

    Args:
        block: The block.
        turn: Give it for the picture after it was turned upright.
    """
    order = _order(block)
    if order is None:
        return None
    found: dict[int, Entry] = {}
    for entry in directory(block, order, struct.unpack_from(order + "I", block, 4)[0]):
        found.setdefault(entry.tag, entry)
    if ACROSS not in found or DOWN not in found:
        return None
    unit = found[UNIT].value if UNIT in found else 2  # inch, where none is given
    sides = _rational(block, order, found[ACROSS]), _rational(block, order, found[DOWN])
    if turn and ORIENTATION in found and 5 <= found[ORIENTATION].value <= 8:
        sides = sides[::-1]
    return resolution(*sides, {2: "inch", 3: "cm"}.get(unit, ""))


def _rational(block: bytes, order: str, entry: Entry) -> float:
    if entry.kind != 5 or entry.value + 8 > len(block):
        return 0.0
    above, below = struct.unpack_from(order + "II", block, entry.value)
    return above / below if below else 0.0
