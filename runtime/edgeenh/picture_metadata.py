"""What a picture file says beside its pixels, carried over into the PNG that is written: EXIF, colour, resolution.

    from     EXIF    colour profile (ICC)    resolution          also
    PNG      eXIf    iCCP                    pHYs                cICP, sRGB, gAMA, cHRM, sBIT: what the values mean
    JPEG     APP1    APP2, in parts          JFIF, else EXIF
    WebP     EXIF    ICCP                    EXIF
    TIFF     –       tag 34675               tags 282, 283, 296
    BMP      –       –                       header

What is not carried is said (`Metadata.left_out`), never passed over: the EXIF of a TIFF, whose offsets mean nothing outside
of it; a profile that is none, or is for another kind of picture, which PNG forbids (PNG 3rd edition, 11.3.2.3).

Pixels are turned upright when they are read, so the orientation becomes 1 and what is said of width and height changes
places where they did; a viewer would turn the picture once more otherwise. The EXIF thumbnail is taken out: it shows the
picture as it was before.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgeenh.picture_exif import directory, exif_resolution, resolution, upright
from edgeenh.picture_headers import MalformedPictureError, next_marker, read_header
from edgeenh.pixels import GREY, photometric_of

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

COLOUR_PROFILE, EXIF_DIRECTORY = 34675, 34665
"""TIFF tags (ICC.1, annex B; EXIF 2.32, 4.6.3)."""
MAX_PROFILE = 16 * 1024 * 1024
"""Bytes of a colour profile; the largest in use have about 4 MiB."""
_KEPT_OF_PNG = ("cICP", "sRGB", "gAMA", "cHRM", "sBIT")
_SIGNATURE_AND_IHDR = 8 + 25


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is carried over.

    Attributes:
        exif: An EXIF block (a TIFF structure) of a picture that is upright; empty = there is none.
        icc: A colour profile; empty = there is none.
        resolution: Pixels per metre, to the right and down, of the upright picture; None = not said.
        chunks: PNG chunks (type, content) that say what the values mean.
        left_out: What the file has and the result will not, in words.
    """

    exif: bytes = b""
    icc: bytes = b""
    resolution: tuple[int, int] | None = None
    chunks: tuple[tuple[str, bytes], ...] = ()
    left_out: tuple[str, ...] = ()


def read_metadata(data: bytes) -> Metadata:
    """What the content of a picture file says; nothing, where it is none."""
    try:
        header = read_header(data)
        read = {"PNG": _png, "JPEG": _jpeg, "WebP": _webp, "TIFF": _tiff, "BMP": _bmp}[header.format]
        found = read(data)
    except (MalformedPictureError, struct.error, IndexError):
        return Metadata()
    if header.format == "TIFF":
        return found
    if found.resolution is None and found.exif:
        found = replace(found, resolution=exif_resolution(found.exif))
    turned = header.orientation >= 5
    across = found.resolution[::-1] if turned and found.resolution else found.resolution
    return replace(found, exif=upright(found.exif, turned=turned), resolution=across)


def _png(data: bytes) -> Metadata:
    found = Metadata()
    kept: list[tuple[str, bytes]] = []
    position = 8
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        name, body = kind.decode("latin-1"), data[position + 8 : position + 8 + length]
        if name == "iCCP":
            icc = _inflate(body.partition(b"\0")[2][1:])
            found = replace(found, icc=icc) if icc else _without(found, "a colour profile that cannot be unpacked")
        elif name == "eXIf":
            found = replace(found, exif=body)
        elif name == "pHYs" and length == 9 and body[8] == 1 and all(sides := struct.unpack(">II", body[:8])):
            found = replace(found, resolution=(sides[0], sides[1]))
        elif name in _KEPT_OF_PNG and name not in dict(kept):
            kept.append((name, body))
        elif name == "IEND":
            break
        position += 12 + length
    return replace(found, chunks=tuple(kept))


def _jpeg(data: bytes) -> Metadata:
    found = Metadata()
    parts: dict[int, tuple[int, bytes]] = {}
    position = 2
    while True:
        marker, position = next_marker(data, position)
        if marker in (0xDA, 0xD9):
            break
        length = struct.unpack_from(">H", data, position)[0]
        body = data[position + 2 : position + length]
        if marker == 0xE1 and body[:6] == b"Exif\0\0":
            found = replace(found, exif=body[6:])
        elif marker == 0xE2 and body[:12] == b"ICC_PROFILE\0":  # ICC.1, B.4: part k of n, from 1
            parts[body[12]] = (body[13], body[14:])
        elif marker == 0xE0 and body[:5] == b"JFIF\0":
            unit, across, down = struct.unpack_from(">BHH", body, 7)
            found = replace(found, resolution=resolution(across, down, {1: "inch", 2: "cm"}.get(unit, "")))
        position += length
    if not parts:
        return found
    if any(of != len(parts) for of, _ in parts.values()) or sorted(parts) != list(range(1, len(parts) + 1)):
        return _without(found, "a colour profile of which parts are missing")
    return replace(found, icc=b"".join(parts[index][1] for index in sorted(parts)))


def _webp(data: bytes) -> Metadata:
    found, position = Metadata(), 12
    while position + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + length]
        if name == b"ICCP":
            found = replace(found, icc=body)
        elif name == b"EXIF":
            found = replace(found, exif=body.removeprefix(b"Exif\0\0"))
        position += 8 + length + length % 2
    return found


def _tiff(data: bytes) -> Metadata:
    order = "<" if data[:2] == b"II" else ">"
    found = Metadata()
    for entry in directory(data, order, struct.unpack_from(order + "I", data, 4)[0]):
        if entry.tag == COLOUR_PROFILE and entry.kind == 7 and entry.count > 4:
            found = replace(found, icc=data[entry.value : entry.value + entry.count])
        elif entry.tag == EXIF_DIRECTORY:
            found = _without(found, "EXIF, which is not carried over from TIFF")
    return replace(found, resolution=exif_resolution(data, turn=True))


def _bmp(data: bytes) -> Metadata:
    across, down = struct.unpack_from("<ii", data, 38)
    return Metadata(resolution=(across, down) if across > 0 and down > 0 else None)


def _inflate(packed: bytes) -> bytes:
    """The profile of an iCCP chunk; empty where it is damaged or too large."""
    unpacker = zlib.decompressobj()
    try:
        icc = unpacker.decompress(packed, MAX_PROFILE)
    except zlib.error:
        return b""
    return icc if unpacker.eof else b""


def _without(found: Metadata, what: str) -> Metadata:
    return replace(found, left_out=(*found.left_out, what))


def fitting(metadata: Metadata, photometric: str, scale: int = 1) -> Metadata:
    """What of `metadata` holds for a picture of this kind (`grey` or `RGB`), `scale` times as wide and high."""
    channels = 1 if photometric == GREY.photometric else 3
    chunks = tuple((name, body) for name, body in metadata.chunks if name != "sBIT" or len(body) == channels)
    per_metre = metadata.resolution and (metadata.resolution[0] * scale, metadata.resolution[1] * scale)
    found = replace(metadata, chunks=chunks, resolution=per_metre)
    if not metadata.icc:
        return found
    wrong = _wrong_profile(metadata.icc, photometric)
    size = int.from_bytes(metadata.icc[:4], "big")
    return _without(replace(found, icc=b""), wrong) if wrong else replace(found, icc=metadata.icc[:size])


def _wrong_profile(icc: bytes, photometric: str) -> str:
    """Why a profile cannot go with such a picture (ICC.1, 7.2: size, colour space, signature); empty when it can."""
    if len(icc) < 132 or icc[36:40] != b"acsp" or not 132 <= int.from_bytes(icc[:4], "big") <= len(icc):
        return "a colour profile that is damaged"
    space = icc[16:20].decode("latin-1").strip()
    wanted = "GRAY" if photometric == GREY.photometric else "RGB"
    return "" if space == wanted else f"a colour profile for {space}, which a {photometric} picture cannot have"


def encode_with(image: Levels, metadata: Metadata, name: str) -> bytes:
    """The picture as PNG, in its own depth, with its metadata; pixels are the same as without.

    Args:
        image: uint8 [H,W,3] RGB, or uint8 or uint16 [H,W] grey; only read.
        metadata: What to write beside; what does not fit the picture (see `fitting`) is left out.
        name: What messages call it.

    Raises:
        PictureError: It cannot be written as PNG.
    """
    from edgeenh.pictures import encode_frame

    content = encode_frame(image, ".png", name)
    chunks = b"".join(_chunk(*chunk) for chunk in _chunks(fitting(metadata, photometric_of(image))))
    return content[:_SIGNATURE_AND_IHDR] + chunks + content[_SIGNATURE_AND_IHDR:]


def _chunks(metadata: Metadata) -> Iterator[tuple[str, bytes]]:
    """In an order that PNG allows: all of them stand before the pixels."""
    yield from metadata.chunks
    if metadata.icc:
        yield "iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)
    if metadata.resolution and max(metadata.resolution) < 1 << 31:
        yield "pHYs", struct.pack(">IIB", *metadata.resolution, 1)
    if metadata.exif:
        yield "eXIf", metadata.exif


def _chunk(name: str, body: bytes) -> bytes:
    named = name.encode("latin-1") + body
    return struct.pack(">I", len(body)) + named + struct.pack(">I", zlib.crc32(named))
