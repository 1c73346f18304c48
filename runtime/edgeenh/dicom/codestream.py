"""The size that a compressed frame claims for itself: decoders take memory for that, whatever the DICOM header says."""

from __future__ import annotations

import struct

JPEG_START, J2K_START = b"\xff\xd8", b"\xff\x4f\xff\x51"
JP2_START = b"\x00\x00\x00\x0cjP  "

_NOT_FRAMES = (0xC4, 0xC8, 0xCC)
"""Markers among C0…CF that begin no frame: Huffman tables, reserved, arithmetic conditioning (ITU-T T.81, table B.1)."""


def size_in(frame: bytes) -> tuple[int, int] | None:
    """(width, height) of a JPEG, JPEG-LS or JPEG 2000 codestream; None where it does not say so in its first segments."""
    if frame.startswith(JP2_START):
        start = frame.find(J2K_START, 0, 65_536)
        return _jpeg2000(frame[start:]) if start > 0 else None
    if frame.startswith(J2K_START):
        return _jpeg2000(frame)
    return _jpeg(frame) if frame.startswith(JPEG_START) else None


def _jpeg2000(frame: bytes) -> tuple[int, int] | None:
    """The SIZ segment: Xsiz − XOsiz and Ysiz − YOsiz (ISO/IEC 15444-1, A.5.1)."""
    if len(frame) < 24:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
    return right - left, bottom - top


def _jpeg(frame: bytes) -> tuple[int, int] | None:
    """The first SOFn, or SOF55 of JPEG-LS (ITU-T T.81, B.2.2; T.87, C.2.2)."""
    position = 2
    while position + 9 <= len(frame) and frame[position] == 0xFF:
        marker = frame[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if (0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES) or marker == 0xF7:
            height, width = struct.unpack_from(">HH", frame, position + 5)
            return width, height
        position += 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
    return None
