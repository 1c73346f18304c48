"""What a picture file says beside its pixels, carried over: EXIF, and the colour profile (ICC).

Of JPEG, PNG and WebP both are kept; of TIFF the colour profile, since its other tags describe its own strips. Pixels are
turned upright when they are read, so the orientation in EXIF becomes 1: a viewer would turn them once more.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

ORIENTATION, COLOUR_PROFILE = 0x0112, 34675
"""Tags (EXIF 2.32, 4.6.4; ICC.1, annex B)."""
AFTER_HEADER = 8 + 25
"""Where the first chunk after the header begins in a PNG file; both of ours must come before the pixels."""

_EXIF_HEADER = b"Exif\0\0"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is carried over.

    Attributes:
        exif: An EXIF block (a TIFF structure), orientation 1; empty = there is none.
        icc: A colour profile; empty = there is none.
    """

    exif: bytes = b""
    icc: bytes = b""


def read_metadata(data: bytes) -> Metadata:
    """What the content of a picture file says, which `edgeenh.pictures` has read without an error."""
    if data[:4] in (b"II*\0", b"MM\0*"):
        return Metadata(icc=tiff_colour_profile(data))
    try:
        # the smallest decoding that there is: only what stands beside the pixels is asked for
        _, kinds, blocks = cv2.imdecodeWithMetadata(np.frombuffer(data, np.uint8), flags=cv2.IMREAD_REDUCED_GRAYSCALE_8)
    except cv2.error:
        return Metadata()
    found = {int(kind): np.asarray(block).tobytes() for kind, block in zip(kinds, blocks, strict=True)}
    exif = found.get(cv2.IMAGE_METADATA_EXIF, b"").removeprefix(_EXIF_HEADER)
    return Metadata(upright(exif), found.get(cv2.IMAGE_METADATA_ICCP, b""))


def tiff_colour_profile(data: bytes) -> bytes:
    """The colour profile (tag 34675 of type UNDEFINED) in the first directory of a TIFF file; empty = there is none."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(order + "I", data, 4)
        (entries,) = struct.unpack_from(order + "H", data, start)
        for position in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count, place = struct.unpack_from(order + "HHII", data, position)
            if tag == COLOUR_PROFILE and kind == 7 and place + count <= len(data):
                return data[place : place + count]
    except struct.error:
        pass
    return b""


def upright(exif: bytes) -> bytes:
    """The EXIF block with orientation 1 in its first directory; what is no EXIF block comes back empty."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 10:
        return b""
    block = bytearray(exif)
    (start,) = struct.unpack_from(order + "I", block, 4)
    if start + 2 > len(block):
        return b""
    (count,) = struct.unpack_from(order + "H", block, start)
    for position in range(start + 2, min(start + 2 + 12 * count, len(block) - 11), 12):
        tag, kind = struct.unpack_from(order + "HH", block, position)
        if tag == ORIENTATION and kind == 3:
            struct.pack_into(order + "HH", block, position + 8, 1, 0)
    return bytes(block)


def encode_with(image: Levels, metadata: Metadata, name: str) -> bytes:
    """The picture as PNG, in its own depth, with its metadata.

    Args:
        image: uint8 [H,W,3] RGB, or uint8 or uint16 [H,W] grey; only read.
        metadata: What to write beside.
        name: What messages call it.

    Raises:
        PictureError: It cannot be written as PNG.
    """
    from edgeenh.pictures import encode_frame

    content = encode_frame(image, ".png", name)
    beside = b""
    if metadata.icc:
        beside += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
    if metadata.exif:
        beside += _chunk(b"eXIf", metadata.exif)
    return content[:AFTER_HEADER] + beside + content[AFTER_HEADER:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file (W3C PNG, third edition, 5.3)."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
