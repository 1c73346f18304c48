"""The clockwork of a measurement: warming up until steady, then timed blocks of frames.

A *run* is one call of the session on one frame, timed on the host from the frame's buffer to the output's buffer.
Nothing else is between the two readings of the clock, but the readings that tell its parts apart (`stopwatch`): five at most.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edgeenh_bench.stopwatch import Laps, Parts, in_milliseconds

Run = Callable[[int], Laps | None]
"""Enhances the frame at an index of the buffers that are in memory already; returns the parts of that, if it can tell them."""

NowNs = Callable[[], int]
"""A monotonic clock in nanoseconds."""


@dataclass(frozen=True, slots=True)
class WarmUpLimits:
    """When a session counts as warm, and when to give up waiting for it.

    Attributes:
        window: Frames in a window.
        tolerance: Largest difference of the medians of two windows, as a share of the smaller one.
        max_frames: Frames after which warming up ends without being steady.
        max_ms: Milliseconds spent running after which it ends likewise; two windows are always run.
    """

    window: int = 8
    tolerance: float = 0.02
    max_frames: int = 400
    max_ms: float = 20_000.0


@dataclass(slots=True)
class WarmUp:
    """Decides when a session is warm: when the medians of the last two windows of frames agree."""

    limits: WarmUpLimits
    latencies: list[float] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """Frames run so far."""
        return len(self.latencies)

    @property
    def steady(self) -> bool:
        """The medians of the last two whole windows agree within the tolerance."""
        window = self.limits.window
        if self.frames < 2 * window:
            return False
        earlier = statistics.median(self.latencies[-2 * window : -window])
        later = statistics.median(self.latencies[-window:])
        return abs(later - earlier) <= self.limits.tolerance * min(earlier, later)

    @property
    def finished(self) -> bool:
        """Steady, or given up; decided at the end of a window only, so that a lucky frame does not end it."""
        if self.frames < 2 * self.limits.window or self.frames % self.limits.window:
            return False
        return self.steady or self.frames >= self.limits.max_frames or sum(self.latencies) >= self.limits.max_ms

    def add(self, latency_ms: float) -> None:
        """Note one frame's latency."""
        self.latencies.append(latency_ms)


@dataclass(frozen=True, slots=True)
class Block:
    """Frames measured in one go.

    Attributes:
        latencies_ms: Of each frame.
        parts_ms: The parts of each, in the same order; empty ones where they cannot be told.
        wall_ms: From the first start to the last end.
    """

    latencies_ms: tuple[float, ...]
    parts_ms: tuple[Parts, ...]
    wall_ms: float


def time_run(run: Run, index: int, now_ns: NowNs) -> float:
    """Milliseconds that one run took."""
    return time_parts(run, index, now_ns)[0]


def time_parts(run: Run, index: int, now_ns: NowNs) -> tuple[float, Parts]:
    """Milliseconds that one run took, and its parts, if it can tell them."""
    started = now_ns()
    laps = run(index)
    return (now_ns() - started) / 1e6, in_milliseconds(laps)


def warm_up(run: Run, frames: int, now_ns: NowNs, limits: WarmUpLimits) -> WarmUp:
    """Run the `frames` buffers in turn until steady or given up; returns what was seen."""
    progress = WarmUp(limits)
    while not progress.finished:
        progress.add(time_run(run, progress.frames % frames, now_ns))
    return progress


def measure_block(run: Run, indices: Sequence[int], now_ns: NowNs, *, rewarm: int) -> Block:
    """Time one run per index, one frame in flight.

    Args:
        run: What is measured.
        indices: Buffers to run, in this order.
        now_ns: Monotonic clock.
        rewarm: Runs before the first counted one; after a pause the caches hold another process's data.
    """
    for index in indices[:rewarm]:
        run(index)
    timed: list[tuple[float, Parts]] = []
    begin = now_ns()
    for index in indices:
        timed.append(time_parts(run, index, now_ns))
    return block_of(timed, (now_ns() - begin) / 1e6)


def block_of(timed: Sequence[tuple[float, Parts]], wall_ms: float) -> Block:
    """The block of runs that `time_parts` timed."""
    return Block(tuple(latency for latency, _ in timed), tuple(parts for _, parts in timed), wall_ms)
