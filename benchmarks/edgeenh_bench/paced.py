"""Open loop: frames come at a camera's pace, whether the session is ready or not.

Frame k is there at `start + k / fps`. A session that is free waits for the next; one that is late takes the newest that is there, as the
`live` contract does, and the frames that were overtaken are counted as skipped. A frame's *age* runs from the moment it was there to the
moment its enhanced form is; its deadline is one period. A closed loop hides exactly this: a session that takes longer than a period
now and then shows it there as one slow frame, and here as skipped ones and as age.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeenh_bench.measure import NowNs, Run
from edgeenh_bench.stopwatch import Parts, in_milliseconds

SleepNs = Callable[[int], None]
"""Waits so many nanoseconds, or a little longer."""

SPIN_NS = 500_000
"""The last part of a wait is spent looking at the clock: a sleeping thread is woken late, and that is no fault of the session's."""


@dataclass(frozen=True, slots=True)
class Paced:
    """What came of frames at a pace.

    Attributes:
        ages_ms: Of every enhanced frame, in order.
        latencies_ms: From taking it up to its end.
        parts_ms: The parts of each latency; empty ones where they cannot be told.
        skipped: Frames that a newer one overtook.
        wall_ms: From the first frame to one period after the last, or to the end of that where it ended later: no rate is above the camera's.
    """

    ages_ms: tuple[float, ...]
    latencies_ms: tuple[float, ...]
    parts_ms: tuple[Parts, ...]
    skipped: int
    wall_ms: float


def run_paced(run: Run, buffers: int, frames: int, fps: float, now_ns: NowNs, sleep_ns: SleepNs) -> Paced:
    """Let `frames` frames come at `fps`.

    Args:
        run: Enhances the frame in a buffer.
        buffers: How many buffers there are; frame k is in buffer k modulo this.
        frames: How many come, those included that are overtaken.
        fps: Per second, above 0.
        now_ns, sleep_ns: The clock, and how to wait on it.
    """
    period = 1e9 / fps
    start, taken = now_ns(), 0
    ages, latencies, told, index = list[float](), list[float](), list[Parts](), 0
    while index < frames:
        due = start + round(index * period)
        _wait_until(due, now_ns, sleep_ns)
        began = now_ns()
        laps = run(index % buffers)
        ended = now_ns()
        told.append(in_milliseconds(laps))
        ages.append((ended - due) / 1e6)
        latencies.append((ended - began) / 1e6)
        taken += 1
        newest = int((ended - start) // period)  # the last frame that is there by now
        index = max(index + 1, min(newest, frames - 1) if newest > index else index + 1)
    wall_ms = max(now_ns() - start, frames * period) / 1e6
    return Paced(tuple(ages), tuple(latencies), tuple(told), frames - taken, wall_ms)


def _wait_until(due: int, now_ns: NowNs, sleep_ns: SleepNs) -> None:
    while (left := due - now_ns()) > SPIN_NS:
        sleep_ns(left - SPIN_NS)
    while now_ns() < due:
        pass
