"""Cheap checks of every enhanced frame: is it a picture of this input at all?

All checks look at some ten thousand values spread over the frame, a few tens of microseconds. They are made to catch a
backend that broke, not a model that is a little off; that is the drift gate's work.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROWS = 64
"""At least so many rows are sampled, in a frame that has them."""

VALUES = 192
"""At least so many values of each sampled row, a third of them of each channel."""

NOISE = 8
"""Input levels that differ by no more than this may become one output level; a covered lens is not a fault."""


class FrameHealth:
    """Judges the outputs of one stream, in order. Keeps samples only, never a frame. Used by one thread."""

    def __init__(self) -> None:
        self._unwritten: NDArray[np.uint8] | None = None
        self._last_input: NDArray[np.uint8] | None = None
        self._last_output: NDArray[np.uint8] | None = None

    def arm(self, image: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        """Mark `out` before the enhancer writes to it, so that an output that was never written is recognised.

        Args:
            image: The input, uint8 [H,W,3], C-contiguous; only read.
            out: The output's memory, of the same kind; its sampled values are overwritten with some far from the input's.
        """
        # Half the range away from the input: the model is bounded, so it cannot produce this value by itself.
        unwritten = _sample(image) ^ np.uint8(0x80)
        _sample(out)[...] = unwritten
        self._unwritten = unwritten

    def verdict(self, image: NDArray[np.uint8], enhanced: NDArray[np.uint8]) -> str:
        """What is wrong with `enhanced`, in words for a person; empty when nothing is.

        An output is unhealthy when it was not written after `arm`, when it is one colour although the input is not, or
        when it is the previous output again although the input changed.

        Args:
            image: The input, uint8 [H,W,3], C-contiguous; only read.
            enhanced: The output, likewise.
        """
        before, after = _sample(image).copy(), _sample(enhanced).copy()
        unwritten, self._unwritten = self._unwritten, None
        if unwritten is not None and np.array_equal(after, unwritten):
            return "the backend did not write its output"
        problem = self._stale(before, after) or _constant(before, after, enhanced)
        self._last_input, self._last_output = before, after
        return problem

    def _stale(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> str:
        if self._last_input is None or self._last_output is None or before.shape != self._last_input.shape:
            return ""
        if not np.array_equal(after, self._last_output):
            return ""
        change = int(np.abs(before.astype(np.int16) - self._last_input).max())
        if change <= NOISE:
            return ""
        return f"the output is the previous one again although the input changed by up to {change} levels"


def _sample(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A view of `image` [h,w,3]: values of some rows, channels in turn (the step is one more than a multiple of 3)."""
    height, width = image.shape[:2]
    return image.reshape(height, width * 3)[:: max(1, height // ROWS), :: width // VALUES * 3 + 1]


def _constant(before: NDArray[np.uint8], after: NDArray[np.uint8], enhanced: NDArray[np.uint8]) -> str:
    flat = all((after[:, channel::3] == after[0, channel]).all() for channel in range(3))
    if not flat or max(int(np.ptp(before[:, channel::3])) for channel in range(3)) <= NOISE:
        return ""
    # The sample may have missed the only detail of the picture: look at all of it before calling it broken.
    if (enhanced != enhanced[0, 0]).any():
        return ""
    return f"the output is one colour, {tuple(int(value) for value in enhanced[0, 0])}, although the input is not"
