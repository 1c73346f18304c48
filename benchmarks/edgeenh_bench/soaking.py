"""What a stream holds while it runs for long: memory, open files, threads; and whether its accounting is exact at every frame."""

from __future__ import annotations

import itertools
import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edgeenh.errors import JobFailed
from edgeenh_bench.line_fit import slope_of
from edgeenh_bench.percentiles import nearest_rank
from edgeenh_bench.targets.figures import Figure, Measurement

if TYPE_CHECKING:
    from edgeenh.stream import Stream

BLOCKS = 20
"""Readings are averaged in so many blocks before a line is fitted: neighbouring readings are alike, and would make an
interval that is far too narrow."""

SETTLED = 0.1
"""The first share of the readings, in which libraries fill their caches, is left out."""

GROWTH_MB = 5.0

LOOKS = 5
"""Open files are counted so many times over and the fewest taken: another thread may just be reading a file of /proc."""


class Reading(NamedTuple):
    """One look: seconds since the start; megabytes (10⁶ bytes) of this process and of its worker; open files; threads."""

    at_s: float
    station_mb: float
    worker_mb: float
    files: int
    threads: int


class Growth(NamedTuple):
    """Megabytes by which memory grew over the readings: the fitted line's, and its 95 % interval."""

    mb: float
    low: float
    high: float


def read_state(at_s: float, worker_pid: int | None) -> Reading:
    """Look at this process and at its worker now."""
    return Reading(
        at_s,
        _resident_mb(os.getpid()),
        _resident_mb(worker_pid) if worker_pid else 0.0,
        min(len(list(Path("/proc/self/fd").iterdir())) - 1 for _ in range(LOOKS)),  # one of them is this very look
        len(list(Path("/proc/self/task").iterdir())),
    )


def _resident_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6
    except (OSError, IndexError, ValueError):
        return math.nan  # it has just ended


def growth(points: Sequence[tuple[float, float]]) -> Growth:
    """Growth over all of `points` (time, megabytes), by a straight line through the means of `BLOCKS` blocks.

    Raises:
        JobFailed: There are fewer points than blocks.
    """
    points = [point for point in points if math.isfinite(point[1])]
    if len(points) < BLOCKS:
        raise JobFailed(f"{len(points)} readings, expected {BLOCKS} or more: soak for longer")
    edges = [round(number * len(points) / BLOCKS) for number in range(BLOCKS + 1)]
    blocks = [points[start:end] for start, end in itertools.pairwise(edges)]
    times = [statistics.fmean(at for at, _ in block) for block in blocks]
    values = [statistics.fmean(mb for _, mb in block) for block in blocks]
    slope, span = slope_of(times, values), points[-1][0] - points[0][0]
    return Growth(slope.value * span, slope.low * span, slope.high * span)


@dataclass(slots=True)
class Soak:
    """What a soak found.

    Attributes:
        frames: Frames that came out.
        seconds: How long it took.
        broken: After how many of them the accounting did not hold.
        report: The stream's, at the end.
        readings: One after another.
        interrupted: Somebody ended it before its time.
        slowest: At each reading: seconds since the start, and the 99th percentile of the age, in milliseconds, of the frames since the last.
    """

    frames: int = 0
    seconds: float = 0.0
    broken: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    slowest: list[tuple[float, float]] = field(default_factory=list)
    interrupted: bool = False


def soak(
    stream: Stream,
    worker_pid: Callable[[], int | None],
    *,
    seconds: float | None,
    every_s: float,
    tell: Callable[[int], None] = lambda _: None,
) -> Soak:
    """Take every frame of `stream`, for so many seconds or to its end; look at the process every `every_s`, and tell of the frames so far.

    Ctrl-C ends the stream, not the result: `interrupted` says so.

    Raises:
        KeyboardInterrupt: Before the first frame.
    """
    found = Soak()
    try:
        _take_all(stream, worker_pid, found, seconds, every_s, tell)
    except KeyboardInterrupt:
        if not found.frames:
            raise
        found.interrupted = True
        stream.close()
    found.report = stream.report()
    return found


def _take_all(
    stream: Stream,
    worker_pid: Callable[[], int | None],
    found: Soak,
    seconds: float | None,
    every_s: float,
    tell: Callable[[int], None],
) -> None:
    began, due, ages = 0.0, 0.0, list[float]()
    for frame in stream:
        began = began or time.monotonic()
        found.frames += 1
        ages.append(frame.age_ms)
        found.broken += not stream.accounting.counts().holds
        now = time.monotonic()
        found.seconds = now - began
        if now >= due:
            due = now + every_s
            tell(found.frames)
            found.slowest.append((now - began, nearest_rank(ages, 99)))  # and not every age: they would be the leak
            ages.clear()
            found.readings.append(read_state(now - began, worker_pid()))
            if seconds is not None and now - began >= seconds:
                stream.stop()
                seconds = None


def judge(found: Soak, details: dict[str, Any]) -> Measurement:
    """The figures of a soak, with the limits of the project."""
    settled = found.readings[round(len(found.readings) * SETTLED) :]
    station = growth([(reading.at_s, reading.station_mb) for reading in settled])
    worker = growth([(reading.at_s, reading.worker_mb) for reading in settled])
    accounting = found.report["accounting"]
    files = [reading.files for reading in settled if reading.worker_mb > 0]  # its memory and its socket are two of them
    figures = [
        Figure("frames after which the accounting did not hold", float(found.broken), at_most=0.0),
        Figure("frames in flight at the end", float(accounting["in_flight"]), at_most=0.0),
        Figure("memory of the station, upper end of its growth", station.high, "MB", at_most=GROWTH_MB),
        Figure("memory of the station, lower end of its growth", station.low, "MB", at_most=0.0),
        Figure("memory of the worker, upper end of its growth", worker.high, "MB", at_most=GROWTH_MB),
        Figure("memory of the worker, lower end of its growth", worker.low, "MB", at_most=0.0),
        Figure("open files while there is a worker, largest minus smallest", _range(files), at_most=0.0),
        Figure("threads, largest minus smallest", _range([reading.threads for reading in settled]), at_most=0.0),
        *_slowest_figures(found.slowest[round(len(found.slowest) * SETTLED) :]),
        Figure("frames", float(found.frames)),
        Figure("seconds", found.seconds, "s"),
    ]
    report = {name: found.report[name] for name in ("accounting", "latency_ms", "age_ms", "events")}
    return Measurement(figures, {**details, **report, **course(found)})


def course(found: Soak) -> dict[str, Any]:
    """What was held and how slow it was in the course of a run, as JSON values.

    Returns:
        `readings`, each with the fields of `reading_fields` (null: the worker had just ended), `slowest_ms` (seconds since the start, 99th percentile of
        the age), and `growth`: by how much each grew over the run, the first tenth left out, with its 95 % interval; null where there are too
        few readings for a line.
    """
    settled = found.readings[round(len(found.readings) * SETTLED) :]
    slowest = found.slowest[round(len(found.slowest) * SETTLED) :]
    grown = {
        "station_mb": _growth_json([(one.at_s, one.station_mb) for one in settled], "mb"),
        "worker_mb": _growth_json([(one.at_s, one.worker_mb) for one in settled if one.worker_mb != 0], "mb"),
        "age_p99_ms": _growth_json(slowest, "ms"),
    }
    return {
        "growth": grown,
        "reading_fields": list(Reading._fields),
        "readings": [[round(v, 3) if math.isfinite(v) else None for v in reading] for reading in found.readings],
        "slowest_ms": [[round(at_s, 3), round(age_ms, 3)] for at_s, age_ms in found.slowest],
    }


def _growth_json(points: Sequence[tuple[float, float]], unit: str) -> dict[str, float] | None:
    try:
        found = growth(points)
    except JobFailed:
        return None
    return {unit: found.mb, "low": found.low, "high": found.high, "seconds": points[-1][0] - points[0][0]}


def _slowest_figures(points: Sequence[tuple[float, float]]) -> list[Figure]:
    grown = growth(points)
    name = "99th percentile of the age, growth over the run"
    return [Figure(f"{name}, {end} of 95 %", value, "ms") for end, value in (("low", grown.low), ("high", grown.high))]


def _range(values: Sequence[int]) -> float:
    return float(max(values) - min(values))
