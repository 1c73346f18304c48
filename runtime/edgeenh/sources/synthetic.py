"""Frames that are computed: the same on every machine, moving, and never out of stock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import UsageError
from edgeenh.frames import Frame
from edgeenh.sources.base import BaseSource

if TYPE_CHECKING:
    from edgeenh.stream.clock import Clock

STEP = 4
"""Pixels that the pattern moves from one frame to the next."""

MAX_SIDE = 8192


class SyntheticSource(BaseSource):
    """A textured pattern that moves to the left; frame k is the same on every machine and in every run.

    Args:
        width: Frame width in pixels, 16 to 8192.
        height: Frame height in pixels, 16 to 8192.
        fps: The rate at which a live stream shows the frames, above 0 and at most 1000.
        clock: What stamps the frames.

    Raises:
        UsageError: Size or rate is outside its range.
    """

    def __init__(self, width: int, height: int, fps: float, clock: Clock) -> None:
        super().__init__(f"synthetic:{width}x{height}@{fps:g}", clock)
        if not (16 <= width <= MAX_SIDE and 16 <= height <= MAX_SIDE):
            raise UsageError(
                f"{self.id} is {width}×{height} pixels, expected 16×16 to {MAX_SIDE}×{MAX_SIDE}: give another size"
            )
        if not 0 < fps <= 1000:
            raise UsageError(
                f"{self.id} has {fps:g} frames per second, expected above 0 and at most 1000: give another rate"
            )
        self.size, self.fps = (width, height), fps
        self._pattern = pattern(width, height)

    def read(self) -> Frame | None:
        """The next frame: uint8 [H,W,3] RGB in memory of its own; None only after `interrupt`."""
        if self._interrupted.is_set():
            return None
        shift = self._sequence * STEP % self._pattern.shape[1]
        image = np.concatenate((self._pattern[:, shift:], self._pattern[:, :shift]), axis=1)
        return self._frame(image, self._clock.now_ns())


def pattern(width: int, height: int) -> NDArray[np.uint8]:
    """A dim, warm texture with edges and gradients, made with integers only, so that it is the same on every machine.

    Returns:
        uint8 [height,width,3] RGB, a new array.
    """
    y, x = np.mgrid[:height, :width].astype(np.int64)
    blocks = (x // 32 * 7 + y // 32 * 13) % 5 * 12
    waves = (x * x // 96 + y * y // 64) % 64
    ramp = 40 + x * 60 // width + y * 30 // height
    light = ramp + blocks + waves // 4
    return np.stack([light + 20, light, light * 3 // 4], axis=-1).clip(0, 255).astype(np.uint8)


def parse_synthetic(spec: str, clock: Clock) -> SyntheticSource:
    """Open `synthetic:WxH@fps`.

    Raises:
        UsageError: `spec` is not of this form, or outside the ranges of `SyntheticSource`.
    """
    match = re.fullmatch(r"synthetic:([0-9]{1,5})x([0-9]{1,5})@([0-9]{1,4}(?:\.[0-9]{1,3})?)", spec)
    if match is None:
        raise UsageError(
            f"{spec!r} is not a synthetic source, expected synthetic:WIDTHxHEIGHT@FPS, e.g. synthetic:1280x720@30"
        )
    return SyntheticSource(int(match[1]), int(match[2]), float(match[3]), clock)
