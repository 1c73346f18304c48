"""Pixel formats of machine vision cameras, by the names of GenICam's Pixel Format Naming Convention, made into frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from edgeenh.errors import SourceError
from edgeenh.pixels import GREY, RGB
from edgeenh.sources.packed import PACKINGS, unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.pixels import Levels

_BAYER = {
    "BayerRG8": cv2.COLOR_BayerRGGB2RGB,
    "BayerGB8": cv2.COLOR_BayerGBRG2RGB,
    "BayerGR8": cv2.COLOR_BayerGRBG2RGB,
    "BayerBG8": cv2.COLOR_BayerBGGR2RGB,
}


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How a camera's bytes become a frame.

    Attributes:
        photometric: What the frame then is: `RGB` or `grey`.
        bits: Bits per value that carry something.
        decode: From bytes, width, height and the bytes that fill up each row, to the picture: uint8 [H,W,3] RGB, or
            uint8 or uint16 [H,W]; C-contiguous, and sharing memory with the bytes where they are the picture already.
    """

    photometric: str
    bits: int
    decode: Callable[[bytes, int, int, int], Levels]


def _plane(data: bytes, width: int, height: int, fill: int, sample: int, channels: int = 1) -> NDArray[np.uint8]:
    """The rows of an unpacked picture without what fills them up: uint8 [H,W·channels·sample]."""
    row = width * channels * sample
    needed = (row + fill) * height - fill
    if len(data) < needed:
        raise SourceError(f"a picture of {width}x{height} has {len(data)} bytes, expected {needed}: it was cut short")
    raw = np.frombuffer(data, np.uint8, needed)
    if fill:
        raw = np.concatenate((raw, np.zeros(fill, np.uint8)))
    return np.ascontiguousarray(raw.reshape(height, row + fill)[:, :row])


def _grey8(data: bytes, width: int, height: int, fill: int) -> Levels:
    return _plane(data, width, height, fill, 1)


def _grey16(data: bytes, width: int, height: int, fill: int) -> Levels:
    return _plane(data, width, height, fill, 2).view("<u2").astype(np.uint16, copy=False)


def _rgb8(data: bytes, width: int, height: int, fill: int) -> Levels:
    return _plane(data, width, height, fill, 1, 3).reshape(height, width, 3)


def _bgr8(data: bytes, width: int, height: int, fill: int) -> Levels:
    return cast("Levels", cv2.cvtColor(_rgb8(data, width, height, fill), cv2.COLOR_BGR2RGB))


def _bayer(code: int) -> Callable[[bytes, int, int, int], Levels]:
    def decode(data: bytes, width: int, height: int, fill: int) -> Levels:
        return cast("Levels", cv2.cvtColor(_plane(data, width, height, fill, 1), code))

    return decode


def _packed(name: str) -> Callable[[bytes, int, int, int], Levels]:
    def decode(data: bytes, width: int, height: int, fill: int) -> Levels:
        if fill:
            raise SourceError(f"{name} with {fill} bytes behind every row is not read: choose Mono8 or Mono16")
        return unpack(data, name, width, height)

    return decode


FORMATS: dict[str, PixelFormat] = {
    "Mono16": PixelFormat(GREY.photometric, 16, _grey16),
    "Mono14": PixelFormat(GREY.photometric, 14, _grey16),
    "Mono12": PixelFormat(GREY.photometric, 12, _grey16),
    **{name: PixelFormat(GREY.photometric, packing.bits, _packed(name)) for name, packing in PACKINGS.items()},
    "Mono10": PixelFormat(GREY.photometric, 10, _grey16),
    "Mono8": PixelFormat(GREY.photometric, 8, _grey8),
    "RGB8": PixelFormat(RGB.photometric, 8, _rgb8),
    "BGR8": PixelFormat(RGB.photometric, 8, _bgr8),
    **{name: PixelFormat(RGB.photometric, 8, _bayer(code)) for name, code in _BAYER.items()},
}
"""By name, the ones to prefer first: whatever carries most."""


def choose_format(name: str, offered: list[str], current: str, wanted: str, photometric: str) -> str:
    """The pixel format to use.

    Args:
        name: What the camera is called, for the message.
        offered: What it can send.
        current: What it is set to; kept where it fits.
        wanted: What the user asked for; empty = whatever fits.
        photometric: `RGB` or `grey`: what the frames must be.

    Raises:
        SourceError: The camera has no such format, or none that fits.
    """
    fitting = [key for key, entry in FORMATS.items() if entry.photometric == photometric and key in offered]
    if wanted and wanted in fitting:
        return wanted
    kind = "grey" if photometric == GREY.photometric else "colour"
    if wanted:
        raise SourceError(
            f"{name} cannot give {wanted} to a model for {kind}, expected one of {', '.join(fitting) or 'none'}: "
            f"the camera offers {', '.join(offered)}"
        )
    if not fitting:
        raise SourceError(
            f"{name} offers {', '.join(offered)}, none of which is {kind} and read here: use a model for "
            f"{'colour' if kind == 'grey' else 'grey'} pictures, or another camera"
        )
    return current if current in fitting else fitting[0]
