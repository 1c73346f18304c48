"""Cheap checks of every enhanced frame: is it a picture of this input at all?

All checks look at some ten thousand values spread over the frame, a few tens of microseconds. They are made to catch a
backend that broke, not a model that is a little off; that is the drift gate's work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.pixels import top_of

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

ROWS = 64
"""At least so many rows are sampled, in a frame that has them."""

VALUES = 192
"""At least so many values of each sampled row; of colour a third of them of each channel."""

NOISE = 8
"""Input levels of 255 that differ by no more than this may become one output level; a covered lens is not a fault."""


class FrameHealth:
    """Judges the outputs of one stream, in order. Keeps samples only, never a frame. Used by one thread."""

    def __init__(self) -> None:
        self._unwritten: Levels | None = None
        self._last_input: Levels | None = None
        self._last_output: Levels | None = None

    def arm(self, image: Levels, out: Levels, bits: int = 8) -> None:
        """Mark `out` before the enhancer writes to it, so that an output that was never written is recognised.

        Args:
            image: The input, as `Frame` holds it; only read.
            out: The output's memory, of the same kind; its sampled values are overwritten with some far from the input's.
            bits: The frame's.
        """
        # Half the range away from the input: the model is bounded, so it cannot produce this value by itself.
        unwritten: Levels = _sample(image) ^ image.dtype.type(1 << (bits - 1))
        _sample(out)[...] = unwritten
        self._unwritten = unwritten

    def verdict(self, image: Levels, enhanced: Levels, bits: int = 8) -> str:
        """What is wrong with `enhanced`, in words for a person; empty when nothing is.

        An output is unhealthy when it was not written after `arm`, when it is one colour although the input is not, or
        when it is the previous output again although the input changed.

        Args:
            image: The input, as `Frame` holds it; only read.
            enhanced: The output, likewise.
            bits: The frame's.
        """
        before, after = _sample(image).copy(), _sample(enhanced).copy()
        unwritten, self._unwritten = self._unwritten, None
        if unwritten is not None and np.array_equal(after, unwritten):
            return "the backend did not write its output"
        noise = NOISE * top_of(bits) // 255
        problem = self._stale(before, after, noise) or _constant(before, after, enhanced, noise)
        self._last_input, self._last_output = before, after
        return problem

    def _stale(self, before: Levels, after: Levels, noise: int) -> str:
        if self._last_input is None or self._last_output is None:
            return ""
        if (before.shape, before.dtype) != (self._last_input.shape, self._last_input.dtype):
            return ""
        if not np.array_equal(after, self._last_output):
            return ""
        change = int(np.abs(before.astype(np.int32) - self._last_input).max())
        if change <= noise:
            return ""
        return f"the output is the previous one again although the input changed by up to {change} levels"


def _sample(image: Levels) -> Levels:
    """A view of `image`: values of some rows, of [h,w,3] channels in turn (the step is one more than a multiple of 3)."""
    height, width = image.shape[:2]
    step = width // VALUES * 3 + 1 if _channels(image) == 3 else max(1, width // VALUES)
    return image.reshape(height, -1)[:: max(1, height // ROWS), ::step]


def _channels(image: NDArray[Any]) -> int:
    return image.shape[2] if image.ndim == 3 else 1


def _constant(before: Levels, after: Levels, enhanced: Levels, noise: int) -> str:
    channels = _channels(enhanced)
    flat = all((after[:, channel::channels] == after[0, channel]).all() for channel in range(channels))
    if not flat or max(int(np.ptp(before[:, channel::channels])) for channel in range(channels)) <= noise:
        return ""
    # The sample may have missed the only detail of the picture: look at all of it before calling it broken.
    if (enhanced != enhanced[0, 0]).any():
        return ""
    return f"the output is one colour, {tuple(enhanced[0, 0].reshape(-1).tolist())}, although the input is not"
