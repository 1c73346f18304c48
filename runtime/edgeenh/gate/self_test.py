"""What can be proven of an engine without a reference: three things that hold for every model by construction.

* At strength 0 the graph adds nothing, so every value of every channel comes back bit for bit: not moved, not swapped,
  not stale, not rounded.
* No value changes by more than cap of the full range, and one that is 0 or full by no more than s · cap at strength s. Below half
  the range a saturated colour stays what it is: on the red patch red is the largest channel, on the green one green, on the
  blue one blue, whatever the model does to the tone. The strength is chosen so.
* The same frame gives the same picture, also with another in between. Engines may differ here (NVIDIA's reduce in
  another order from run to run), so a difference is stated, and fails only where it exceeds `MAX_REPEAT`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edgeenh.metrics import DATA_RANGE
from edgeenh.padding import upscale
from edgeenh.pixels import RGB

if TYPE_CHECKING:
    from edgeenh.pixels import Levels, Pixels

Enhance = Callable[["Levels", float], "Levels"]
"""An engine: a frame and a strength to a picture of the same kind."""

PATCH_CHANGE = 0.4
"""Largest change of a value on the colour patches, where 1 is the full range: below half, so that the order holds."""

MAX_REPEAT = 1
"""Steps of 8 bits by which the same frame may come back otherwise."""

COLOURS = ("red", "green", "blue")


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What an engine's self-test found.

    Attributes:
        faults: One line per fault; empty when there is none.
        repeat_max_abs: Largest difference between two pictures of one frame; 0 = byte for byte the same. None when it
            was not come to.
    """

    faults: tuple[str, ...] = ()
    repeat_max_abs: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The findings as JSON values."""
        return {"faults": list(self.faults), "same_frame_twice_max_abs": self.repeat_max_abs}


def self_test(enhance: Enhance, pixels: Pixels, size: tuple[int, int], cap: float, scale: int = 1) -> SelfTest:
    """Test an engine.

    Args:
        enhance: The engine.
        pixels: What its pictures are.
        size: (height, width) of the frames to give it.
        cap: Largest change of a value at strength 1, where 1 is the full range.
        scale: How many times that size the engine gives; strength 0 is then the frame enlarged by bilinear interpolation,
            within one step, since a value between two whole numbers may be rounded either way.

    Raises:
        InferenceFailed: The engine failed on a frame.
    """
    ramps = list(every_value(size, pixels))
    patches = colour_patches(size) if pixels == RGB else ramps[0]
    strength = min(1.0, PATCH_CHANGE / cap)
    faults = [_identity(ramp, enhance(ramp, 0.0), scale) for ramp in ramps]
    first = enhance(patches, strength).copy()
    if pixels == RGB:
        faults += _order(first, upscale(patches, scale))
    grain = np.random.default_rng(0).integers(0, pixels.top, pixels.shape(*size), ramps[0].dtype, endpoint=True)
    faults.append(_identity(grain, enhance(grain, 0.0), scale))
    again = enhance(patches, strength)
    repeat = int(cv2.absdiff(first, again).max()) if first.shape == again.shape and first.dtype == again.dtype else None
    if repeat is not None and repeat > MAX_REPEAT * pixels.top / DATA_RANGE:
        faults.append(f"the same frame came back otherwise, by up to {repeat} of {pixels.top}")
    return SelfTest(tuple(dict.fromkeys(fault for fault in faults if fault)), repeat)


def every_value(size: tuple[int, int], pixels: Pixels) -> Iterator[Levels]:
    """Pictures [H,W,C] that hold each value of their kind in each channel: colour one, grey as many as its size asks for."""
    height, width = size
    if pixels == RGB:
        ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
        tile = np.stack([ramp, ramp.T, 255 - ramp], axis=2)
        yield np.ascontiguousarray(np.tile(tile, (-(-height // 16), -(-width // 16), 1))[:height, :width])
        return
    for start in range(0, pixels.top + 1, width * height):
        values = (start + np.arange(width * height)) % (pixels.top + 1)
        yield values.astype(np.uint16).reshape(pixels.shape(height, width))


def colour_patches(size: tuple[int, int]) -> Levels:
    """uint8 [H,W,3]: a third of the width pure red, a third pure green, a third pure blue."""
    picture = np.zeros((*size, 3), np.uint8)
    for channel, columns in enumerate(_thirds(size[1])):
        picture[:, columns, channel] = 255
    return picture


def _thirds(width: int) -> Iterator[slice]:
    edges = [width * third // 3 for third in range(4)]
    yield from (slice(left, right) for left, right in itertools.pairwise(edges))


def _identity(frame: Levels, back: Levels, scale: int) -> str:
    given = upscale(frame, scale)
    if back.shape != given.shape or back.dtype != given.dtype:
        return f"at strength 0 a {given.dtype} {list(given.shape)} comes back as {back.dtype} {list(back.shape)}"
    changed = np.argwhere(cv2.absdiff(back, given).reshape(given.shape) > (scale > 1))
    if not len(changed):
        return ""
    y, x, channel = changed[0]
    where = f"x={x}, y={y}" + (f", {'RGB'[channel]}" if given.shape[2] == 3 else "")
    return f"strength 0 changes {len(changed)} values (first at {where}), expected {'the input bit for bit' if scale == 1 else 'the input enlarged'}"


def _order(back: Levels, patches: Levels) -> Iterator[str]:
    """Patches whose own channel is not the largest; so written that NaN fails."""
    if back.shape != patches.shape:
        return
    for channel, columns in enumerate(_thirds(patches.shape[1])):
        mean = back[:, columns].mean(axis=(0, 1))
        others = np.delete(mean, channel).max()
        if not (mean[channel] > others):
            shown = ", ".join(f"{value:.0f}" for value in mean)
            yield f"a {COLOURS[channel]} patch comes back as RGB {shown}, expected {COLOURS[channel]} the largest: the channels are in another order"
