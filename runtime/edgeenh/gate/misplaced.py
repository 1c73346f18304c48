"""Right pixels in the wrong place: channels in another order, a picture moved by some pixels, the previous picture again.

Those are faults, not drift: no tolerance lets them pass, and where a picture is smooth its PSNR may not even be low.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgeenh.drift import Drift
from edgeenh.metrics import DATA_RANGE

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

REACH = 4
"""Pixels that a picture may have been moved by to be recognised."""

WINDOW = 128
"""Side in pixels of the part that is moved about; it lies around the worst patch, where a moved edge shows most."""

MUCH_NEARER = 10.0
"""A picture is misplaced when its squared error in another place, or order, is at most one part in so many."""

CHANGED = 8
"""Steps of 8 bits by which a reference must differ from the one before for an equal output to be stale."""


class Staleness:
    """Tells an output that is the previous one again although the input changed. Keeps the last pair.

    Args:
        data_range: What full brightness is.
    """

    def __init__(self, data_range: int) -> None:
        self._changed = CHANGED * data_range / DATA_RANGE
        self._last: tuple[Levels, Levels] | None = None

    def see(self, reference: Levels, candidate: Levels) -> str:
        """What is wrong with `candidate`, the next picture; empty when nothing is."""
        last, self._last = self._last, (reference.copy(), candidate.copy())
        if last is None or last[1].shape != candidate.shape or not np.array_equal(last[1], candidate):
            return ""
        change = int(cv2.absdiff(last[0], reference).max())
        if change <= self._changed:
            return ""
        return f"the output is the previous picture again, where the reference changed by up to {change}"


def misplacement(reference: Levels, candidate: Levels, drift: Drift) -> str:
    """How `candidate` is misplaced, as one line; empty when it is not. Both as `edgeenh.drift.measure` takes them."""
    if drift.max_abs <= 1:
        return ""
    area = _around(drift, reference.shape[:2])
    as_it_is = cv2.norm(reference[area], candidate[area], cv2.NORM_L2SQR)
    for what, explained, own in itertools.chain(
        _reordered(reference[area], candidate[area]), _moved(reference, candidate, area)
    ):
        # the second: a picture too flat for its place to matter cannot tell
        if 0 < as_it_is <= own * 2 and explained * MUCH_NEARER <= as_it_is:
            return what
    return ""


Explanation = tuple[str, float, float]
"""What would have happened; the squared error that it leaves; and what it would do to the reference itself."""


def _around(drift: Drift, size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns around the worst patch; not the border, where a moved picture shows what it was filled with."""
    patch, parts = drift.worst_patch, []
    for at, side in zip((patch.y, patch.x), size, strict=True):
        last = max(side - REACH - WINDOW, REACH)
        start = min(max(at + (patch.size - WINDOW) // 2, REACH), last)
        parts.append(slice(start, min(start + WINDOW, side - REACH)))
    return parts[0], parts[1]


def _reordered(near: Levels, here: Levels) -> Iterator[Explanation]:
    """Every other order of the channels."""
    if near.shape[2] != 3:
        return
    for order in list(itertools.permutations(range(3)))[1:]:
        found = "".join("RGB"[order.index(channel)] for channel in range(3))
        what = f"the channels come back in the order {found}, expected RGB"
        yield what, _distance(near, here[..., list(order)]), _distance(near, near[..., list(order)])


def _moved(reference: Levels, candidate: Levels, area: tuple[slice, slice]) -> Iterator[Explanation]:
    """Every other place within `REACH`."""
    rows, columns = area
    for down, right in itertools.product(range(-REACH, REACH + 1), repeat=2):
        if (down, right) == (0, 0):
            continue
        there = slice(rows.start + down, rows.stop + down), slice(columns.start + right, columns.stop + right)
        what = f"the picture is moved by x={right:+d}, y={down:+d} pixels"
        yield what, _distance(reference[area], candidate[there]), _distance(reference[area], reference[there])


def _distance(one: Levels, other: Levels) -> float:
    return float(cv2.norm(np.ascontiguousarray(one), np.ascontiguousarray(other), cv2.NORM_L2SQR))
