"""Cheap checks of every enhanced frame: is it a picture of this input at all?

All checks look at some ten thousand values spread over the frame, of the input and of the output; what is asked of them is asked of OpenCV, one
call each, since between two frames a dozen small loops have left the caches. They are made to catch a backend that broke, not a model
that is a little off; that is the drift gate's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.pixels import top_of

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.pixels import Levels

ROWS = 64
"""At least so many rows are sampled, in a frame that has them."""

VALUES = 192
"""About so many values of each sampled row; of colour a third of them of each channel."""

MARKED = 8
"""One of so many sampled rows, and the last, is marked in the memory of an output: where a mark still stands, nothing was written."""

ROUNDED = 0.5
"""Standard deviation below which a sample may be one colour: that of equal values comes out as 1e-8 to 1e-3, and all is looked at then."""

NOISE = 8
"""Input levels of 255 that differ by no more than this may become one output level; a covered lens is not a fault."""


TOLERANCE = 4 / 255
"""What rounding in any precision may add to a change, as a share of the range."""

WIDER = 0.5
"""By so much of the cap the golden band is widened: a few golden frames do not show all that frames can be. Measured with
`dental-n`: golden frames shift by up to 40 levels of 255, 65 other pictures by up to 101; the widened band ends at 116."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the model of a bundle can do to a frame at strength 1, as shares of the range.

    Attributes:
        cap: The largest change of any value.
        low, high: The band of each channel's mean change: what the golden frames and no change at all span, widened.
    """

    cap: float
    low: tuple[float, ...]
    high: tuple[float, ...]

    def share(self, strength: float) -> float:
        """The part of these bounds that holds at a strength 0…1, itself 0…1 and never below the strength.

        A model adds `strength · change` and clamps, and its cap bounds what is left after the clamp. A change that the clamp
        cuts off at full strength shows at half: the gain of light that takes x to white at strength 1 reaches `cap / (1 − cap)`
        of x, so at strength s the largest change is `1 − 1/(1 + s·cap/(1 − cap))`.
        """
        return strength / (1 - self.cap * (1 - strength)) if strength else 0.0


@lru_cache(4)
def bounds_of(bundle: Bundle) -> Bounds:
    """The bounds by a bundle's own word and its golden frames; remembered for the last bundles."""
    cap, top = bundle.manifest.generator.cap, bundle.manifest.pixels.top
    means = [(after.mean((0, 1)) - before.mean((0, 1))) / top for _, before, after in bundle.golden()]
    shifts = np.vstack([*means, np.zeros(bundle.manifest.pixels.channels)])
    low, high = shifts.min(0) - WIDER * cap, shifts.max(0) + WIDER * cap
    return Bounds(cap, tuple(map(float, low)), tuple(map(float, high)))


class FrameHealth:
    """Judges the outputs of one stream, in order. Keeps samples only, never a frame. Used by one thread."""

    def __init__(self) -> None:
        self._mark: Levels | None = None
        self._last_input: Levels | None = None
        self._last_output: Levels | None = None

    def arm(self, image: Levels, out: Levels, bits: int = 8) -> None:
        """Mark `out` before the enhancer writes to it, so that an output that was never written is recognised.

        Args:
            image: The input, as `Frame` holds it; only read.
            out: The output's memory, of the same kind; some of its values are overwritten with some far from the input's.
            bits: The frame's.
        """
        self._mark = unwritten_mark(image, out, bits)

    def verdict(
        self,
        image: Levels,
        enhanced: Levels,
        bits: int = 8,
        bounds: Bounds | None = None,
        strength: float = 1.0,
    ) -> str:
        """What is wrong with `enhanced`, in words for a person; empty when nothing is.

        An output is unhealthy when it was not written after `arm`, when it is one colour although the input is not,
        when it is the previous output again although the input changed, or when it is further from the input, in a
        value or in the mean of a channel, than the model can go. Whole numbers are finite; that the grey values of a
        graph were, before they became whole numbers, is checked where they do (`edgeenh.slots`).

        Args:
            image: The input, as `Frame` holds it; only read.
            enhanced: The output, likewise.
            bits: The frame's.
            bounds: The model's; None = not known.
            strength: The frame's, 0…1.
        """
        mark, self._mark = self._mark, None
        # Only now, and not in `arm`: the enhancer has just read the input, so it is in the cache.
        before, after = _sample(image), _sample(enhanced)
        if mark is not None and (unwritten := _unwritten(after, mark)):
            return unwritten
        noise = NOISE * top_of(bits) // 255
        mean, deviation = cv2.meanStdDev(after)
        problem = self._stale(before, after, noise)
        if not problem and float(deviation.max()) < ROUNDED:
            problem = _constant(before, enhanced, noise)
        if bounds is not None and not problem:
            shifts = (mean - cv2.meanStdDev(before)[0]).ravel()
            problem = _too_far(_furthest(before, after), shifts, bounds, strength, top_of(bits))
        self._last_input, self._last_output = before, after
        return problem

    def _stale(self, before: Levels, after: Levels, noise: int) -> str:
        if self._last_input is None or self._last_output is None:
            return ""
        if (before.shape, before.dtype) != (self._last_input.shape, self._last_input.dtype):
            return ""
        if _furthest(after, self._last_output):
            return ""
        change = _furthest(before, self._last_input)
        if change <= noise:
            return ""
        return f"the output is the previous one again although the input changed by up to {change:.0f} levels"


def unwritten_mark(image: Levels, out: Levels, bits: int) -> Levels:
    """Write values to `out`, where some of the samples are taken, that no model can make of `image`.

    By turns they are half the range and a quarter of it away from the input, and a model sets a smooth curve.

    Returns:
        The values, as the rows of a sample that `_marked` picks.
    """
    mark = _triples(_marked(_spread(image)), image)
    mark[:, ::2] ^= image.dtype.type(1 << (bits - 1))
    mark[:, 1::2] ^= image.dtype.type(1 << (bits - 2))
    _marked(_spread(out))[...] = mark.reshape(len(mark), -1)
    return mark


def _marked(rows: Levels) -> Levels:
    """Every `MARKED`th of the sampled rows, so that the last is one of them."""
    return rows[(len(rows) - 1) % MARKED :: MARKED]


def _unwritten(after: Levels, mark: Levels) -> str:
    """What to say where marks still stand: a whole row of them, since single values may be what was made of the input."""
    stand = (_marked(after) == mark).all((1, 2))
    if stand.all():
        return "the backend did not write its output"
    return "the backend did not write all of its output" if stand.any() else ""


def _sample(image: Levels) -> Levels:
    """Values of some rows, a new array [rows,n,C]: of three channels in turn, so that n triples hold 3·n places of a row."""
    return _triples(_spread(image), image)


def _triples(values: Levels, image: Levels) -> Levels:
    """A copy of values of `_spread` as [rows,n,C]."""
    return values.copy().reshape(len(values), -1, _channels(image))


def _spread(image: Levels) -> Levels:
    """A view of `image`: the sampled values, as many of each channel; of colour the step is one more than a multiple of 3."""
    (height, width), channels = image.shape[:2], _channels(image)
    step = width // VALUES * 3 + 1 if channels == 3 else max(1, width // VALUES)
    rows = image.reshape(height, -1)[:: max(1, height // ROWS), ::step]
    return rows[:, : rows.shape[1] // channels * channels]


def _channels(image: NDArray[Any]) -> int:
    return image.shape[2] if image.ndim == 3 else 1


def _furthest(one: Levels, other: Levels) -> float:
    """The largest difference of two samples of one shape and type."""
    return float(cv2.norm(one, other, cv2.NORM_INF))


def _constant(before: Levels, enhanced: Levels, noise: int) -> str:
    """What to say of an output whose sample is one colour."""
    if int(np.ptp(before, axis=(0, 1)).max()) <= noise:
        return ""
    # The sample may have missed the only detail of the picture: look at all of it before calling it broken.
    if (enhanced != enhanced[0, 0]).any():
        return ""
    return f"the output is one colour, {tuple(enhanced[0, 0].reshape(-1).tolist())}, although the input is not"


def _too_far(most: float, shifts: NDArray[Any], bounds: Bounds, strength: float, top: int) -> str:
    """What to say of an output whose values are up to `most` levels away, and whose channels' means by `shifts`."""
    share = bounds.share(strength)
    allowed = (bounds.cap * share + TOLERANCE) * top
    if most > allowed:
        return f"a value changed by {most:.0f} levels, and the model changes none by more than {allowed:.0f}"
    for channel, shift in enumerate(shifts.tolist()):
        low, high = ((bound * share) * top for bound in (bounds.low[channel], bounds.high[channel]))
        if not low - TOLERANCE * top <= shift <= high + TOLERANCE * top:
            name = "RGB"[channel] if len(shifts) == 3 else "grey"
            return f"the mean of {name} shifted by {shift:.0f} levels, outside the band of {low:.0f} to {high:.0f}"
    return ""
