"""How long frames took, with percentiles only where the count of frames supports them."""

from __future__ import annotations

import math
from array import array
from typing import Any

from edgeenh.frames import EnhancedFrame

NEEDED = {"p50": 1, "p90": 64, "p99": 662}
"""Frames a percentile needs: the smallest n with P(Binomial(n, 1 − p) ≤ 1) ≤ 0.01 (MLPerf inference rules, early
stopping); the median is
always shown."""

_SHARE = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


class Latencies:
    """Durations of frames, in bounded memory.

    Beyond `capacity` frames the oldest make room for the percentiles, while `n` and `max` cover all of them.

    Args:
        capacity: How many durations are kept.
    """

    def __init__(self, capacity: int = 65_536) -> None:
        self._kept = array("d", bytes(8 * capacity))  # all of it now: memory that grows for an hour looks like a leak
        self._capacity = capacity
        self._count = 0
        self._max = -math.inf

    def add(self, milliseconds: float) -> None:
        """Add one frame."""
        self._kept[self._count % self._capacity] = milliseconds
        self._count += 1
        self._max = max(self._max, milliseconds)

    def to_json(self) -> dict[str, Any]:
        """`{p50, p90, p99, max, n, missing}` in milliseconds; percentiles are nearest-rank.

        A percentile that the count does not earn is null, and `missing` says how many frames more it needs.
        """
        ordered = sorted(self._kept[: self._count])
        enough = {name: self._count >= needed for name, needed in NEEDED.items()}
        return {
            **{name: round(_nearest_rank(ordered, _SHARE[name]), 3) if enough[name] else None for name in NEEDED},
            "max": round(self._max, 3) if self._count else None,
            "n": self._count,
            "missing": {name: needed - self._count for name, needed in NEEDED.items() if not enough[name]},
        }


def _nearest_rank(ordered: list[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Figures:
    """How fast a stream is: time in the enhancer, age when handed over, rate. Used under the stream's lock.

    Args:
        started_ns: When the stream began, by its clock.
    """

    def __init__(self, started_ns: int) -> None:
        self.started_ns = started_ns
        self._last_ns = started_ns
        self._shown = 0
        self._latency, self._age = Latencies(), Latencies()

    def add(self, result: EnhancedFrame, now_ns: int) -> None:
        """The frame was handed over at `now_ns`."""
        self._shown += 1
        self._last_ns = now_ns
        self._age.add((now_ns - result.original.captured_ns) / 1e6)
        if result.enhanced:
            self._latency.add((result.finished_ns - result.started_ns) / 1e6)

    def to_json(self) -> dict[str, Any]:
        """`latency_ms` of enhanced frames, `age_ms` of all frames shown, and frames per second since the start."""
        seconds = (self._last_ns - self.started_ns) / 1e9
        return {
            "latency_ms": self._latency.to_json(),
            "age_ms": self._age.to_json(),
            "throughput_fps": round(self._shown / seconds, 3) if self._shown and seconds > 0 else None,
        }
