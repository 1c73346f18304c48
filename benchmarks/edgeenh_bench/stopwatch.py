"""The parts of a run, and what a result says of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edgeenh.backends.laps import PARTS

Laps = Mapping[str, int]
"""Name of a part (`edgeenh.backends.laps.PARTS`) → nanoseconds."""

Parts = Mapping[str, float]
"""The same in milliseconds. A part that was not told is in neither."""

REST = "rest"
"""What no part accounts for: the calls themselves, and a wait that nobody told of."""


class Stopwatch:
    """Adds up the laps of one run after another; used by one thread.

    Args:
        now_ns: The clock that also times the whole run, so that the parts never exceed it.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._spent: dict[str, int] = {}
        self._last = 0

    def start(self) -> None:
        """A run begins."""
        self._spent = {}
        self._last = self._now_ns()

    def lap(self, part: str) -> None:
        """`part` has ended; what went by since the last lap is its."""
        now = self._now_ns()
        self._spent[part] = self._spent.get(part, 0) + now - self._last
        self._last = now

    @property
    def laps(self) -> Laps:
        """The parts since `start`; not changed by what comes after."""
        return self._spent


def in_milliseconds(laps: Laps | None) -> Parts:
    """The parts of a run; none where it told none."""
    return {part: spent / 1e6 for part, spent in laps.items()} if laps else {}


def split_json(latencies_ms: Sequence[float], parts_ms: Sequence[Parts]) -> dict[str, Any] | None:
    """What a row says of its frames' parts, in milliseconds; None where nothing was told.

    Args:
        latencies_ms: Of every frame, from end to end.
        parts_ms: Of the same frames in the same order.

    Returns:
        `mean` and `p50` by part, and `raw`, frame by frame; null for a part that the backend does not have or cannot tell from another. The
        means of the parts and of `rest` add up to that of `end_to_end`; medians do not add up.

    Raises:
        ValueError: There are not as many parts as latencies.
    """
    told = set[str]().union(*parts_ms)
    if not told:
        return None
    raw: dict[str, list[float] | None] = {
        name: [parts.get(name, 0.0) for parts in parts_ms] if name in told else None for name in PARTS
    }
    raw[REST] = [whole - math.fsum(parts.values()) for whole, parts in zip(latencies_ms, parts_ms, strict=True)]
    columns = raw | {"end_to_end": list(latencies_ms)}
    return {
        "mean": {name: values and round(statistics.fmean(values), 4) for name, values in columns.items()},
        "p50": {name: values and round(statistics.median(values), 4) for name, values in columns.items()},
        "raw": {name: values and [round(value, 4) for value in values] for name, values in raw.items()},
    }
