"""What a picture file says of itself, read from its first bytes without decoding; and whether its last bytes are there.

One reader per format, each a walk over the format's own blocks with every length checked: PNG (W3C PNG 3rd edition),
JPEG (ITU-T T.81 annex B), TIFF 6.0, WebP (RFC 9649) and BMP. Orientation is the EXIF tag 274 wherever the format can
carry EXIF.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

_DAMAGED = "the file is truncated or damaged; get it again from its source"

_MAX_BLOCKS = 65_536
"""More than any writer makes of the largest file that is read; what has more is made to keep the reader busy."""

_TOO_MANY = f"holds more than {_MAX_BLOCKS:,} blocks, which no camera or program writes: {_DAMAGED}"


class MalformedPictureError(Exception):
    """The bytes are not a complete picture file; the message continues a sentence that begins with the file's name."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture file says it holds.

    Attributes:
        format: `PNG`, `JPEG`, `TIFF`, `WebP` or `BMP`.
        width: Pixels per row as the decoder gives them: as stored, for TIFF already upright.
        height: Rows, likewise.
        bits: Bits per channel; the largest where channels differ.
        colour: `RGB`, `grey`, `palette`, `CMYK`, `non-RGB colour`, or one of the first three `with
            transparency`; or a grey of TIFF's that is not 0 = black in whole numbers: `white-is-zero grey`, `signed or
            floating-point grey`.
        pictures: Pictures, pages or animation frames in the file; 2 stands for more than one.
        orientation: EXIF orientation left to undo after decoding, 1…8; 1 where none is given, and for TIFF, which OpenCV
            turns upright whatever it is asked.
    """

    format: str
    width: int
    height: int
    bits: int
    colour: str
    pictures: int = 1
    orientation: int = 1


def read_header(data: bytes) -> Header:
    """Read the header of a PNG, JPEG, TIFF, WebP or BMP file, and check that the file is complete.

    Raises:
        MalformedPictureError: It is none of these, or truncated, or its blocks contradict each other.
    """
    for magic, read in _READERS:
        if magic.match(data):
            try:
                return read(data)
            except (struct.error, IndexError) as exc:
                raise MalformedPictureError(f"ends in the middle of its header: {_DAMAGED}") from exc
    found = "is empty" if not data else f"begins with {data[:8].hex(' ')}"
    raise MalformedPictureError(
        f"{found}, expected a PNG, JPEG, TIFF, WebP or BMP picture: convert it to one of these first"
    )


def _png(data: bytes) -> Header:
    width, height, bits, kind, *_ = struct.unpack_from(">IIBBBBB", data, 16)
    colours = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with transparency", 6: "RGB with transparency"}
    colour = colours.get(kind, "non-RGB colour")
    position, pictures, orientation = 8, 1, 1
    for _ in range(_MAX_BLOCKS):
        length, name = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        if len(body) != length or struct.unpack_from(">I", data, position + 8 + length)[0] != zlib.crc32(name + body):
            raise MalformedPictureError(f"has a damaged PNG block at byte {position}: {_DAMAGED}")
        if name == b"tRNS" and not colour.endswith("transparency"):
            colour += " with transparency"
        elif name == b"acTL" and struct.unpack(">I", body[:4])[0] > 1:
            pictures = 2
        elif name == b"eXIf":
            orientation = _exif_orientation(body)
        elif name == b"IEND":
            break
        position += 12 + length
    else:
        raise MalformedPictureError(_TOO_MANY)
    if kind == 3:
        colour, bits = (
            colour.replace("palette", "RGB"),
            8,
        )  # the entries of a PNG palette are 8-bit RGB, whatever the width of the index
    return Header("PNG", width, height, bits, colour, pictures, orientation)


_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # in a scan, FF 00 is a data byte and FF D0…D7 a restart


def _jpeg(data: bytes) -> Header:
    found: Header | None = None
    orientation, position = 1, 2
    for _ in range(_MAX_BLOCKS):
        marker, position = next_marker(data, position)
        if marker == 0xD9:
            break
        length = struct.unpack_from(">H", data, position)[0]
        body = data[position + 2 : position + length]
        if length < 2 or len(body) != length - 2:
            raise MalformedPictureError(f"has a JPEG block of the wrong length at byte {position}: {_DAMAGED}")
        position += length
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width, channels = struct.unpack_from(">BHHB", body)
            colour = {1: "grey", 3: "RGB", 4: "CMYK"}.get(channels, "non-RGB colour")
            found = Header("JPEG", width, height, bits, colour)
        elif marker == 0xE1 and body[:6] == b"Exif\0\0":
            orientation = _exif_orientation(body[6:])
        elif marker == 0xDA:
            end = _SCAN_END.search(data, position)
            if end is None:
                raise MalformedPictureError(f"ends without the end-of-image marker of JPEG: {_DAMAGED}")
            position = end.start()
    else:
        raise MalformedPictureError(_TOO_MANY)
    if found is None:
        raise MalformedPictureError(f"has no JPEG frame header: {_DAMAGED}")
    return Header("JPEG", found.width, found.height, found.bits, found.colour, 1, orientation)


_NOT_PADDING = re.compile(rb"[^\xff]")


def next_marker(data: bytes, position: int) -> tuple[int, int]:
    """The marker at `position` and where its block begins; FF bytes before it are padding."""
    if data[position] != 0xFF:
        raise MalformedPictureError(f"has no JPEG marker at byte {position} where one must be: {_DAMAGED}")
    end = _NOT_PADDING.search(data, position)
    if end is None:
        raise MalformedPictureError(f"ends in the middle of its header: {_DAMAGED}")
    return data[end.start()], end.start() + 1


def _tiff(data: bytes) -> Header:
    order = "<" if data[:2] == b"II" else ">"
    tags, following = _read_ifd(data, order, struct.unpack_from(order + "I", data, 4)[0])
    offsets, lengths = tags.get(273) or tags.get(324, ()), tags.get(279) or tags.get(325, ())
    if not offsets or len(offsets) != len(lengths):
        raise MalformedPictureError(f"does not say where its TIFF pixels are: {_DAMAGED}")
    if any(offset + length > len(data) for offset, length in zip(offsets, lengths, strict=True)):
        raise MalformedPictureError(f"ends before its last TIFF strip: {_DAMAGED}")
    channels = tags.get(277, (1,))[0]
    # OpenCV turns white-is-zero round in 8 bits and not in 16, so it goes by a name of its own
    colour = {0: "white-is-zero grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "RGB"}.get(
        tags.get(262, (0,))[0], "non-RGB colour"
    )
    if 338 in tags or channels > {"white-is-zero grey": 1, "grey": 1, "palette": 1, "CMYK": 4}.get(colour, 3):
        colour = colour + " with transparency" if colour in ("grey", "RGB", "palette") else "non-RGB colour"
    if tags.get(339, (1,))[0] != 1:
        colour = "signed or floating-point grey" if channels == 1 else "non-RGB colour"
    width, height = tags.get(256, (0,))[0], tags.get(257, (0,))[0]
    if _orientation(tags) >= 5:
        width, height = height, width
    return Header("TIFF", width, height, max(tags.get(258, (1,))), colour, 2 if following else 1)


def _webp(data: bytes) -> Header:
    size = 8 + struct.unpack_from("<I", data, 4)[0]
    if size > len(data):
        raise MalformedPictureError(
            f"holds {len(data)} bytes, expected the {size} that its WebP header says: {_DAMAGED}"
        )
    width = height = 0
    alpha, pictures, orientation, position = False, 1, 1, 12
    for _ in range(_MAX_BLOCKS):
        if position >= size - 1:
            break
        name, length = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + length]
        if len(body) != length:
            raise MalformedPictureError(f"has a WebP block of the wrong length at byte {position}: {_DAMAGED}")
        if name == b"VP8 ":
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
        elif name == b"VP8L":
            fields = struct.unpack_from("<I", body, 1)[0]
            width, height = (fields & 0x3FFF) + 1, (fields >> 14 & 0x3FFF) + 1
            alpha = alpha or bool(fields >> 28 & 1)
        elif name == b"VP8X":
            alpha, pictures = bool(body[0] & 0x10), 2 if body[0] & 0x02 else 1
            width, height = (1 + int.from_bytes(body[at : at + 3], "little") for at in (4, 7))
        elif name == b"ALPH":
            alpha = True
        elif name == b"EXIF":
            orientation = _exif_orientation(body.removeprefix(b"Exif\0\0"))
        position += 8 + length + length % 2
    else:
        raise MalformedPictureError(_TOO_MANY)
    return Header("WebP", width, height, 8, "RGB with transparency" if alpha else "RGB", pictures, orientation)


def _bmp(data: bytes) -> Header:
    start, head, width, height, _, depth, compression = struct.unpack_from("<IIiiHHI", data, 10)
    if head < 40:
        raise MalformedPictureError(
            "is a BMP of the kind before Windows 3, expected a later one: convert it to PNG first"
        )
    height = abs(height)  # negative: rows from the top
    colour = {24: "RGB", 32: "RGB", 16: "non-RGB colour"}.get(depth, "palette")
    if compression == 3 and depth == 32:  # with channel masks, of which one can be for transparency
        colour = "RGB with transparency"
    elif compression:
        colour = "non-RGB colour"
    if compression in (0, 3) and start + (width * depth + 31) // 32 * 4 * height > len(data):
        raise MalformedPictureError(f"ends before its last BMP row: {_DAMAGED}")
    return Header("BMP", width, height, 8, colour)


_TAGS = frozenset({256, 257, 258, 262, 273, 274, 277, 279, 324, 325, 338, 339})
"""The TIFF tags used here; others are skipped unread, and of a repeated tag the first counts."""


def _exif_orientation(exif: bytes) -> int:
    """Orientation in an EXIF block, which is a TIFF file of its own; a block that cannot be read says nothing."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        tags, _ = _read_ifd(exif, order, struct.unpack_from(order + "I", exif, 4)[0])
    except (struct.error, MalformedPictureError):
        return 1
    return _orientation(tags)


def _orientation(tags: dict[int, tuple[int, ...]]) -> int:
    value = tags.get(274, (1,))[0]
    return value if 1 <= value <= 8 else 1


def _read_ifd(data: bytes, order: str, start: int) -> tuple[dict[int, tuple[int, ...]], int]:
    """The integer tags of one image file directory, and where the next directory is (0 = none)."""
    tags: dict[int, tuple[int, ...]] = {}
    entries = struct.unpack_from(order + "H", data, start)[0]
    for position in range(start + 2, start + 2 + 12 * entries, 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, position)
        letter = {1: "B", 3: "H", 4: "I"}.get(kind)
        if letter is None or count == 0 or tag not in _TAGS or tag in tags:
            continue
        if count > len(data):
            raise MalformedPictureError(
                f"has a TIFF tag {tag} with {count} values, more than the file holds: {_DAMAGED}"
            )
        layout = f"{order}{count}{letter}"
        inside = struct.calcsize(layout) <= 4
        tags[tag] = struct.unpack_from(
            layout, data, position + 8 if inside else struct.unpack_from(order + "I", data, position + 8)[0]
        )
    return tags, struct.unpack_from(order + "I", data, start + 2 + 12 * entries)[0]


_READERS: tuple[tuple[re.Pattern[bytes], Callable[[bytes], Header]], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n....IHDR", re.DOTALL), _png),
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"II\*\0|MM\0\*"), _tiff),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
    (re.compile(rb"BM"), _bmp),
)
