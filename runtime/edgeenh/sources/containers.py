"""Whether a video file is all there, read from the lengths in its container; no frame is decoded.

FFmpeg ends in silence where a file was cut. The container knows better: MP4 and MOV are a row of boxes with lengths
(ISO/IEC 14496-12, 4.2), AVI a RIFF chunk with a length, Matroska and WebM a segment with a length (RFC 8794, RFC
9559).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"


@dataclass(frozen=True, slots=True)
class Container:
    """What the container's lengths say.

    Attributes:
        bytes: The file's length.
        cut: True when the file is shorter than its own lengths demand; False also where the format cannot tell.
        exact: True when the number of frames in the header is a count, not an estimate from duration × rate.
    """

    bytes: int
    cut: bool
    exact: bool


def read_container(path: Path) -> Container:
    """Read the lengths in the container of `path`.

    Raises:
        OSError: The file cannot be read.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"):
            return Container(length, _boxes_are_cut(file, length), exact=True)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            # 0 is what a writer leaves that was stopped before the end.
            declared = struct.unpack_from("<I", head, 4)[0]
            return Container(length, declared == 0 or declared + 8 > length, exact=True)
        if head[:4] == _EBML:
            return Container(length, _segment_is_cut(file, length), exact=False)
    return Container(length, cut=False, exact=False)


def _boxes_are_cut(file: BinaryIO, length: int) -> bool:
    """Walk the top-level boxes; cut when one ends after the file, or without an index (`moov`, or fragments `moof`)."""
    position, kinds = 0, set()
    while position + 8 <= length:
        file.seek(position)
        head = file.read(16)
        size = struct.unpack_from(">I", head)[0]
        kinds.add(head[4:8])
        if size == 1 and len(head) == 16:
            size = struct.unpack_from(">Q", head, 8)[0]
        elif size == 0:  # until the end of the file
            size = length - position
        if size < 8:
            return False  # not a box: some other format, leave the judgement to the decoder
        position += size
    return position > length or not kinds & {b"moov", b"moof"}


def _segment_is_cut(file: BinaryIO, length: int) -> bool:
    file.seek(4)
    size, width = _ebml_size(file.read(8))
    position = 4 + width + size
    if position > length:
        return True
    file.seek(position)
    head = file.read(12)
    if head[:4] != _SEGMENT:
        return False
    size, width = _ebml_size(head[4:])
    unknown = size == (1 << 7 * width) - 1  # a live recording never learned its length
    return not unknown and position + 4 + width + size > length


def _ebml_size(data: bytes) -> tuple[int, int]:
    """A variable-length integer of RFC 8794: value and width in bytes; (0, 1) where there is none."""
    if not data or data[0] == 0:
        return 0, 1
    width = 9 - data[0].bit_length()
    value = int.from_bytes(data[:width], "big") & ((1 << 7 * width) - 1)
    return value, width
