"""What cameras on Video4Linux send, made into frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from edgeenh.errors import SourceError
from edgeenh.pixels import GREY, RGB
from edgeenh.sources.colour import to_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.pixels import Levels


@dataclass(frozen=True, slots=True)
class V4l2Format:
    """One pixel format.

    Attributes:
        word: What the user writes for it.
        photometric: What frames of it are: `RGB` or `grey`.
        bits: Bits per value that carry something.
        decode: From bytes, width, height and bytes per line to the picture: uint8 [H,W,3] RGB, or uint8 or uint16
            [H,W], in memory of its own. Raises `SourceError` where bytes are missing.
    """

    word: str
    photometric: str
    bits: int
    decode: Callable[[bytes, int, int, int], Levels]


def jpeg_is_whole(data: bytes) -> bool:
    """Whether a JPEG begins and ends as one does (ITU-T T.81, B.1.1.3: SOI, EOI), zero bytes behind it apart.

    A frame that lost its end over USB is decoded by every library without a word, grey where nothing came.
    """
    return data[:2] == b"\xff\xd8" and data.rstrip(b"\0")[-2:] == b"\xff\xd9"


def decode_jpeg(data: bytes, width: int, height: int, line: int = 0) -> NDArray[np.uint8]:  # noqa: ARG001 (one form for all)
    """A whole JPEG of that size as uint8 [H,W,3] RGB, in memory of its own; width and height 0 = of any size.

    Raises:
        SourceError: It is cut short, damaged, or of another size.
    """
    if not jpeg_is_whole(data):
        raise SourceError(
            f"a JPEG frame of {len(data)} bytes was cut short: check the cable, or ask for a smaller size"
        )
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise SourceError(f"a JPEG frame of {len(data)} bytes cannot be decoded: check the cable")
    if width and bgr.shape[:2] != (height, width):
        raise SourceError(f"a JPEG frame is {bgr.shape[1]}x{bgr.shape[0]}, expected {width}x{height}")
    return to_rgb(bgr)


def _rows(data: bytes, width: int, height: int, line: int, sample: int) -> NDArray[np.uint8]:
    line = max(line, width * sample)
    needed = line * (height - 1) + width * sample
    if len(data) < needed:
        raise SourceError(f"a frame has {len(data)} bytes, expected {needed}: it was cut short; check the cable")
    raw = np.zeros(line * height, np.uint8)
    given = min(len(data), len(raw))
    raw[:given] = np.frombuffer(data, np.uint8, given)
    return np.ascontiguousarray(raw.reshape(height, line)[:, : width * sample])


def _yuv422(code: int) -> Callable[[bytes, int, int, int], Levels]:
    def decode(data: bytes, width: int, height: int, line: int) -> Levels:
        # BT.601 in limited range: what the kernel says a camera sends that says nothing else.
        return cast("Levels", cv2.cvtColor(_rows(data, width, height, line, 2).reshape(height, width, 2), code))

    return decode


def _grey8(data: bytes, width: int, height: int, line: int) -> Levels:
    return _rows(data, width, height, line, 1)


def _grey16(data: bytes, width: int, height: int, line: int) -> Levels:
    return _rows(data, width, height, line, 2).view("<u2").astype(np.uint16, copy=False)


FORMATS = {
    "MJPG": V4l2Format("mjpeg", RGB.photometric, 8, decode_jpeg),
    "YUYV": V4l2Format("yuyv", RGB.photometric, 8, _yuv422(cv2.COLOR_YUV2RGB_YUYV)),
    "UYVY": V4l2Format("uyvy", RGB.photometric, 8, _yuv422(cv2.COLOR_YUV2RGB_UYVY)),
    "Y16 ": V4l2Format("grey16", GREY.photometric, 16, _grey16),
    "Y12 ": V4l2Format("grey12", GREY.photometric, 12, _grey16),
    "Y10 ": V4l2Format("grey10", GREY.photometric, 10, _grey16),
    "GREY": V4l2Format("grey8", GREY.photometric, 8, _grey8),
}
"""By the kernel's four letters, the ones to prefer first."""


SHOWN = 8
"""So many of the formats on offer are named in a message."""


def choose_fourcc(name: str, offered: list[str], current: str, word: str, photometric: str) -> str:
    """The pixel format to use, by its four letters; the one that is set stays where it fits.

    Raises:
        SourceError: The camera has no such format, or none for such a model.
    """
    fitting = [key for key, entry in FORMATS.items() if entry.photometric == photometric and key in offered]
    wanted = [key for key in fitting if FORMATS[key].word == word]
    if wanted:
        return wanted[0]
    if word or not fitting:
        kind = "grey" if photometric == GREY.photometric else "colour"
        usable = ", ".join(FORMATS[key].word for key in fitting) or "none"
        asked = f"does not give {word}" if word else "gives nothing"
        raise SourceError(
            f"{name} {asked} that a model for {kind} takes, expected one of {usable}: choose it with format= (it offers "
            f"{', '.join(offered[:SHOWN]) or 'nothing'}{' and more' if len(offered) > SHOWN else ''})"
        )
    return current if current in fitting else fitting[0]
