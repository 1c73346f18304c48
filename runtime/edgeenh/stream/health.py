"""Cheap checks of every enhanced frame: is it a picture of this input at all?

All checks look at a grid of about 64 × 64 pixels or more, a few tens of microseconds per frame. They are made to
catch a backend that broke, not a model that is a little off; that is the drift gate's work.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GRID = 64
"""At least this many sampled rows and columns, in a frame that has them."""

NOISE = 8
"""Input levels that differ by no more than this may become one output level; a covered lens is not a fault."""


class FrameHealth:
    """Judges the outputs of one stream, in order. Keeps samples only, never a frame. Used by one thread."""

    def __init__(self) -> None:
        self._last_input: NDArray[np.uint8] | None = None
        self._last_output: NDArray[np.uint8] | None = None

    def arm(self, image: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        """Mark `out` before the enhancer writes to it, so that an output that was never written is recognised.

        Args:
            image: The input, uint8 [H,W,3]; only read.
            out: The output's memory, the same shape; its sampled pixels are overwritten with values far from the
                input's.
        """
        # Half the range away from the input: the model is bounded, so it cannot produce this value by itself.
        _sample(out)[...] = _sample(image) ^ 0x80

    def verdict(self, image: NDArray[np.uint8], enhanced: NDArray[np.uint8]) -> str:
        """What is wrong with `enhanced` (uint8 [H,W,3], both only read), in words for a person; empty when nothing is.

        An output is unhealthy when it was not written, when it is one colour although the input is not, or when it
        is the previous output again although the input changed.
        """
        before, after = _sample(image), _sample(enhanced).copy()
        if np.array_equal(after, before ^ 0x80):
            return "the backend did not write its output"
        problem = self._stale(before, after) or _constant(before, after, enhanced)
        self._last_input, self._last_output = before.copy(), after
        return problem

    def _stale(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> str:
        if self._last_input is None or self._last_output is None or before.shape != self._last_input.shape:
            return ""
        if not np.array_equal(after, self._last_output):
            return ""
        change = int(np.abs(before.astype(np.int16) - self._last_input).max())
        return (
            f"the output is the previous one again although the input changed by up to {change} levels"
            if change > NOISE
            else ""
        )


def _sample(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A view of `image` [h,w,3]: a grid of its pixels."""
    height, width = image.shape[:2]
    return image[:: max(1, height // GRID), :: max(1, width // GRID)]


def _constant(before: NDArray[np.uint8], after: NDArray[np.uint8], enhanced: NDArray[np.uint8]) -> str:
    if (
        after.size == 0
        or (after != after[0, 0]).any()
        or (before.max(axis=(0, 1)) - before.min(axis=(0, 1))).max() <= NOISE
    ):
        return ""
    # The grid may have missed the only detail of the picture: look at all of it before calling it broken.
    if (enhanced != enhanced[0, 0]).any():
        return ""
    return f"the output is one colour, {tuple(int(v) for v in enhanced[0, 0])}, although the input is not"
