"""How long frames took, stage by stage, with percentiles only where the count of frames supports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeenh.frames import EnhancedFrame
from edgeenh.stream.histogram import Histogram

NEEDED = {"p50": 1, "p90": 64, "p99": 662}
"""Frames a percentile needs: the smallest n with P(Binomial(n, 1 − p) ≤ 1) ≤ 0.01 (MLPerf inference rules, early
stopping); the median is
always shown."""

_SHARE = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


class Latencies:
    """Durations of frames, in memory that does not grow (see `Histogram`, also for how exact they are)."""

    def __init__(self) -> None:
        self.histogram = Histogram()

    def add(self, milliseconds: float) -> None:
        """Add one frame."""
        self.histogram.add(round(milliseconds * 1e6))

    def add_ns(self, nanoseconds: int) -> None:
        """Add one frame."""
        self.histogram.add(nanoseconds)

    def to_json(self) -> dict[str, Any]:
        """`{p50, p90, p99, max, n, missing}` in milliseconds; percentiles are nearest-rank.

        A percentile that the count does not earn is null, and `missing` says how many frames more it needs.
        """
        histogram, count = self.histogram, self.histogram.count
        figures = {
            name: _rounded(histogram.quantile(_SHARE[name])) if count >= needed else None
            for name, needed in NEEDED.items()
        }
        missing = {name: needed - count for name, needed in NEEDED.items() if count < needed}
        return {**figures, "max": histogram.max_us / 1000 if count else None, "n": count, "missing": missing}


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)


STAGES = ("wait", "enhance", "hand_over", "age")


@dataclass(frozen=True, slots=True)
class Shown:
    """The last frame that was handed over, and the last that was enhanced; times by the stream's clock.

    Attributes:
        frames: Handed over so far.
        at_ns: When the last one was; None = none was.
        age_ms: How old it was then.
        reason: Why it passed through; None when it was enhanced, or there is none.
        enhanced_at_ns: When the last enhanced one was handed over; None = none was.
        interval_ms: A running mean of the time between two of them; None before the second.
    """

    frames: int = 0
    at_ns: int | None = None
    age_ms: float = 0.0
    reason: str | None = None
    enhanced_at_ns: int | None = None
    interval_ms: float | None = None


class Figures:
    """How fast a stream is: each stage of a frame's way, and the rate. Used under the stream's lock.

    `wait`: from capture until the enhancer took it. `enhance`: in the enhancer, of enhanced frames only. `hand_over`: from
    there until it was taken from the stream. `age`: from capture until it was taken, of all frames.

    Args:
        started_ns: When the stream began, by its clock.
    """

    def __init__(self, started_ns: int) -> None:
        self.started_ns = started_ns
        self.shown = Shown()
        self.stages: Mapping[str, Latencies] = {stage: Latencies() for stage in STAGES}

    def add(self, result: EnhancedFrame, now_ns: int) -> None:
        """The frame was handed over at `now_ns`."""
        captured_ns = result.original.captured_ns
        self.stages["wait"].add_ns(result.started_ns - captured_ns)
        self.stages["hand_over"].add_ns(now_ns - result.finished_ns)
        self.stages["age"].add_ns(now_ns - captured_ns)
        if result.enhanced:
            self.stages["enhance"].add_ns(result.finished_ns - result.started_ns)
        former = self.shown
        step = None if former.at_ns is None else (now_ns - former.at_ns) / 1e6
        interval = former.interval_ms
        if step is not None:
            interval = step if interval is None else interval + (step - interval) / 16
        self.shown = Shown(
            former.frames + 1,
            now_ns,
            (now_ns - captured_ns) / 1e6,
            result.reason.value if result.reason else None,
            now_ns if result.enhanced else former.enhanced_at_ns,
            interval,
        )

    def to_json(self) -> dict[str, Any]:
        """`latency_ms` of enhanced frames, `age_ms` of all frames shown, each stage, and frames per second since the start."""
        stages = {stage: latencies.to_json() for stage, latencies in self.stages.items()}
        shown = self.shown
        seconds = ((shown.at_ns or self.started_ns) - self.started_ns) / 1e9
        return {
            "latency_ms": stages["enhance"],
            "age_ms": stages["age"],
            "stages_ms": stages,
            "throughput_fps": round(shown.frames / seconds, 3) if shown.frames and seconds > 0 else None,
        }
