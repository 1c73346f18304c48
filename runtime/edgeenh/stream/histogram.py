"""Durations in a fixed amount of memory, with a known error: the log-linear histogram that HdrHistogram made known.

Times are counted in whole microseconds. Below 1024 µs each has a counter of its own; above, every doubling is divided into
512 equal steps, so that a step is at most 1/512 of the values in it, and its middle is off by less than 1/1024 (0.1 %).
Everything up to `HIGHEST_US` (19 hours) has its counter; longer times are in the last one, and in `max`. Memory
is 14 thousand counters of 8 bytes, all of it taken at the start.

The libraries were looked at: `hdrhistogram` 0.10.8 is alive and Apache-2.0, and needs setuptools and pbr at run time, which
the base install shall not have. These are its ideas in sixty lines, without its code.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from itertools import accumulate

LINEAR_BITS = 10
LINEAR = 1 << LINEAR_BITS
STEPS = LINEAR // 2
HIGHEST_US = (1 << 36) - 1
_SIZE = LINEAR + STEPS * (36 - LINEAR_BITS)

RELATIVE_ERROR = 1 / LINEAR
"""A quantile is off by at most this share of itself, or by half a microsecond."""


class Histogram:
    """Counts durations; used by one thread at a time, read by any.

    Attributes:
        count: How many durations.
        total_us: Their sum, exact.
        max_us, min_us: Exact; 0 while there is none.
    """

    def __init__(self) -> None:
        self._counts = array("q", bytes(8 * _SIZE))
        self.count = self.total_us = self.max_us = self.min_us = 0

    def add(self, nanoseconds: int) -> None:
        """Add one duration; a negative one counts as 0."""
        us = max(0, (nanoseconds + 500) // 1000)
        self._counts[_index(us)] += 1
        self.min_us = min(self.min_us, us) if self.count else us
        self.max_us = max(self.max_us, us)
        self.total_us += us
        self.count += 1

    def quantile(self, share: float) -> float | None:
        """The duration in milliseconds that this share (0…1) of all does not exceed (nearest rank); None when there is none.

        Off by at most `RELATIVE_ERROR` of itself, and exact at both ends.
        """
        counts = list(accumulate(self._counts))
        if not counts[-1]:
            return None
        rank = max(1, math.ceil(share * counts[-1]))
        us = _middle(bisect_left(counts, rank))
        return min(max(us, self.min_us), self.max_us) / 1000

    def at_most(self, bounds_ms: tuple[float, ...]) -> list[int]:
        """For each bound in milliseconds, ascending: how many durations were not longer (to one step of the histogram)."""
        counts = list(accumulate(self._counts))
        return [counts[_index(round(bound * 1000))] for bound in bounds_ms]


def _index(us: int) -> int:
    if us < LINEAR:
        return us
    us = min(us, HIGHEST_US)
    shift = us.bit_length() - LINEAR_BITS
    return LINEAR + (shift - 1) * STEPS + (us >> shift) - STEPS


def _middle(index: int) -> float:
    """The middle of a counter's durations, in microseconds."""
    if index < LINEAR:
        return index
    shift, step = divmod(index - LINEAR, STEPS)
    low = (step + STEPS) << (shift + 1)
    return low + ((1 << (shift + 1)) - 1) / 2
