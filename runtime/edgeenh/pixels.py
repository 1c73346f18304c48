"""What pictures are made of: the two kinds that a bundle can be for, and whole numbers to 0…1 and back, exactly.

    kind    frames, golden frames, files            the graph's `image` and `enhanced`
    RGB     uint8 [H,W,3], 8 bits                   uint8 [1,H,W,3], 0…255
    grey    uint8 or uint16 [H,W], 8 to 16 bits     float32 [1,H,W,1], 0…1

A grey value v of a picture with n bits is v / (2ⁿ − 1) in the graph, rounded to float32. That has 24 binary digits, so
the way back, multiplied and rounded to the nearest whole number, finds v again for every v and every n up to 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Levels = NDArray[Any]
    """A picture in whole numbers, as frames hold it: uint8 or uint16."""

MIN_BITS, MAX_BITS = 8, 16


@dataclass(frozen=True, slots=True)
class Pixels:
    """What the pictures of a bundle are.

    Attributes:
        photometric: `RGB`, or `grey`: one channel, 0 is black.
        dtype: Type of the graph's values, in NumPy's word.
        channels: Channels of the graph's pictures, the last of their dimensions.
        scale: What full brightness is in the graph: 255 or 1.
        bits: Fewest and most bits per value of the frames that are taken.
    """

    photometric: str
    dtype: str
    channels: int
    scale: int
    bits: tuple[int, int]

    @property
    def top(self) -> int:
        """Full brightness of golden frames, and so the data range of every measure: 255 or 65535."""
        return top_of(self.bits[1])

    def shape(self, height: int, width: int) -> tuple[int, int, int]:
        """Shape of one of the graph's pictures, without the batch."""
        return height, width, self.channels

    def describe(self) -> str:
        """The graph's picture in a few words, e.g. `uint8 [1,H,W,3]`."""
        return f"{self.dtype} [1,H,W,{self.channels}]"

    def to_json(self) -> dict[str, Any]:
        """What the manifest says under `image`."""
        values: dict[str, Any] = {
            "dtype": self.dtype,
            "layout": "NHWC",
            "channels": self.channels,
            "colour_order": self.photometric,
            "range": [0, self.scale],
        }
        return values if self.bits == (8, 8) else {**values, "bits": list(self.bits)}


RGB = Pixels("RGB", "uint8", 3, 255, (8, 8))
GREY = Pixels("grey", "float32", 1, 1, (MIN_BITS, MAX_BITS))
KINDS = (RGB, GREY)


def scaled_shape(shape: tuple[int, ...], scale: int) -> tuple[int, ...]:
    """Shape of what a model of so many times the size makes of a frame of `shape` [H,W] or [H,W,C]."""
    return shape[0] * scale, shape[1] * scale, *shape[2:]


def top_of(bits: int) -> int:
    """Full brightness of a picture with so many bits per value."""
    return (1 << bits) - 1


def photometric_of(image: NDArray[Any]) -> str:
    """`RGB` or `grey` by type and shape (uint8 [H,W,3]; uint8 or uint16 [H,W] or [H,W,1]); empty when it is neither."""
    if image.dtype == "uint8" and image.ndim == 3 and image.shape[2] == 3:
        return RGB.photometric
    plane = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1)
    return GREY.photometric if plane and image.dtype in ("uint8", "uint16") else ""


def to_unit(levels: Levels, bits: int) -> NDArray[np.float32]:
    """A grey picture as the graph takes it.

    Args:
        levels: uint8 or uint16, [H,W] or [H,W,1], 0…2^bits − 1; only read.
        bits: 8 to 16.

    Returns:
        A new array, float32 [H,W,1], 0…1, C-contiguous.
    """
    import numpy as np

    unit = np.empty((*levels.shape[:2], 1), np.float32)
    np.divide(levels.reshape(unit.shape), np.float32(top_of(bits)), out=unit, dtype=np.float32)
    return unit


def from_unit(unit: NDArray[np.float32], bits: int, levels: Levels) -> None:
    """The way back: the nearest whole number, half to even.

    Args:
        unit: float32 [H,W,1], 0…1; only read.
        bits: As in `to_unit`.
        levels: uint8 or uint16, [H,W] or [H,W,1], overwritten whole.
    """
    import numpy as np

    scaled = np.multiply(unit, np.float32(top_of(bits)))
    np.rint(scaled, out=scaled)
    np.copyto(levels, scaled.reshape(levels.shape), casting="unsafe")
