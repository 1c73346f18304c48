"""The file of one exposure in a spool: everything of the frame, and a digest of all of it. Pure; no disk.

edgeenh-exposure 1                  what it is, and the version of this layout
<64 hexadecimal digits>             SHA-256 of every byte that follows this line
{"id": …, "shape": …, …}            the frame without its pixels, as JSON in one line
<attributes>                        as the frame has them; their length stands in the line before
<pixels>                            C order, little-endian
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np

from edgeenh.frames import Exposure, Frame

VERSION = 1
_WORD = b"edgeenh-exposure "
HEAD = 65_536
"""The first lines of an entry are never longer than so many bytes."""

_KINDS = "buif"
"""Kinds of NumPy's types that an image may be of: also what no model takes is kept."""


class DamagedError(Exception):
    """These bytes are not an exposure as it was written."""


class VersionError(Exception):
    """These bytes are an exposure of another version of this layout."""


def pack(frame: Frame, exposure: Exposure) -> list[bytes | memoryview]:
    """The parts of the file, to be written one after another; the last is the frame's own memory."""
    body = _bytes(frame)
    head = {
        "id": exposure.id,
        "captured_at": exposure.captured_at,
        "sha256": exposure.sha256,
        "source": frame.source,
        "sequence": frame.sequence,
        "label": frame.label,
        "photometric": frame.photometric,
        "bits": frame.bits,
        "shape": list(frame.image.shape),
        "dtype": frame.image.dtype.name,
        "attributes": len(frame.attributes),
    }
    line = json.dumps(head, ensure_ascii=True).encode() + b"\n"
    digest = hashlib.sha256(line)
    digest.update(frame.attributes)
    digest.update(body)
    return [_WORD + b"%d\n" % VERSION + digest.hexdigest().encode() + b"\n", line, frame.attributes, body]


def pixels_sha256(frame: Frame) -> str:
    """SHA-256 of the frame's pixels in C order, little-endian."""
    return hashlib.sha256(_bytes(frame)).hexdigest()


def _bytes(frame: Frame) -> memoryview:
    """The pixels in C order, little-endian; the frame's own memory where it is so already."""
    pixels = np.ascontiguousarray(frame.image).astype(frame.image.dtype.newbyteorder("<"), copy=False)
    return pixels.reshape(-1).view(np.uint8).data


def unpack_head(data: bytes, now_ns: int) -> Frame:
    """The frame without its pixels (an image of no bytes), from at least the first `HEAD` bytes of the file.

    Args:
        data: The bytes.
        now_ns: What `captured_ns` shall be: the clock that stamped the frame is gone.

    Raises:
        DamagedError, VersionError: They are no such thing.
    """
    word, _, rest = data.partition(b"\n")
    if not word.startswith(_WORD):
        raise DamagedError("it does not begin as an exposure")
    if word != _WORD + b"%d" % VERSION:
        raise VersionError(f"it is of version {word[len(_WORD) :][:20]!r}, expected {VERSION}")
    _digest, _, rest = rest.partition(b"\n")
    line, newline, _pixels = rest.partition(b"\n")
    if not newline:
        raise DamagedError("its first lines are not whole")
    return _frame(_document(line), now_ns)[0]


def unpack(data: bytes, now_ns: int) -> Frame:
    """The frame, every byte of it as it was written; the image is in memory of its own.

    Raises:
        DamagedError: The digest says that some byte is another one.
        VersionError: It is of another version.
    """
    unpack_head(data, now_ns)
    _word, digest, rest = data.split(b"\n", 2)
    found = hashlib.sha256(rest).hexdigest().encode()
    if found != digest:
        raise DamagedError(f"its SHA-256 is {found.decode()[:12]}…, expected {digest.decode(errors='replace')[:12]}…")
    line, _, body = rest.partition(b"\n")
    head = _document(line)
    frame, shape, dtype = _frame(head, now_ns)
    split = int(head.get("attributes", 0))
    attributes, pixels = body[:split], body[split:]
    if len(pixels) != int(np.prod(shape, dtype=np.int64)) * dtype.itemsize:
        raise DamagedError(f"it holds {len(pixels)} bytes of pixels, expected {list(shape)} of {dtype.name}")
    image = np.frombuffer(bytearray(pixels), dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(shape)
    return replace(frame, image=image, attributes=attributes)


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line.decode("utf-8"))  # of bytes json would guess the encoding, and load its codec
    except (ValueError, RecursionError) as exc:
        raise DamagedError("its description is not JSON") from exc
    if not isinstance(document, dict):
        raise DamagedError("its description is no JSON object")
    return document


def _frame(head: dict[str, Any], now_ns: int) -> tuple[Frame, tuple[int, ...], np.dtype[Any]]:
    try:
        shape = tuple(int(side) for side in head["shape"])
        dtype = np.dtype(str(head["dtype"]))
        if not 1 <= len(shape) <= 4 or min(shape) < 0 or dtype.kind not in _KINDS:
            raise ValueError(f"{list(shape)} of {dtype}")
        exposure = Exposure(str(head["id"]), str(head["captured_at"]), str(head["sha256"]), replayed=True)
        frame = Frame(
            np.empty((0, *shape[1:]), dtype),
            str(head["source"]),
            int(head["sequence"]),
            now_ns,
            str(head["label"]),
            str(head["photometric"]),
            int(head["bits"]),
            exposure,
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise DamagedError(f"its description is not understood ({exc})") from exc
    return frame, shape, dtype
