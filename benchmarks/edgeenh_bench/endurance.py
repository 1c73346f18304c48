"""`edgeenh bench --soak` and `--fault`: the stream as a station runs it, for long or under faults, judged by the project's own limits.

Both run a `live` stream around the bundle's best backend in a worker process. A soak looks at memory, open files, threads and the accounting
(`edgeenh_bench.soaking`), and at whether the slowest frames became slower. A rehearsal plays a schedule of faults
(`edgeenh run --fault`) and says of each whether it was answered as promised.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from edgeenh.errors import UsageError
from edgeenh_bench.looped_source import open_looped, used_again
from edgeenh_bench.result import head
from edgeenh_bench.soaking import Soak, course, judge, soak
from edgeenh_bench.targets.figures import Figure, Measurement

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle

SCHEMA = "edgeenh.bench-endurance/1"

LOOKS = 400
"""Readings in a soak: enough for 20 blocks after the first tenth is left out, and few enough to disturb nothing."""

SHORTEST_S = 30.0
"""A soak must show a slope; with less, caches still fill."""

UNJUDGED = "interrupted: nothing was judged; what was seen until then is in the result"
"""What a result says that somebody ended."""

ANSWER_S = 15.0
"""Time after the last fault in which its answer must be seen."""

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Endurance:
    """What is asked for.

    Attributes:
        bundle: Which, checked.
        source: A source as `edgeenh run` takes it.
        backend: Name, or `auto`.
        threads: CPU threads; None = all cores.
        seconds: How long.
        faults: A schedule for `edgeenh run --fault`; None = a soak.
    """

    bundle: Bundle
    source: str
    backend: str = "auto"
    threads: int | None = None
    seconds: float = 60.0
    faults: str | None = None


def parse_duration(text: str) -> float:
    """`90s`, `10m` or `1h` in seconds.

    Raises:
        UsageError: It is none of them, or too short for a soak.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|min|m|h)", text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds < SHORTEST_S:
        raise UsageError(f"--soak {text!r}: expected a time from {SHORTEST_S:g}s on, e.g. 90s, 10m or 1h")
    return seconds


def endure(asked: Endurance, tell: Callable[[int], None], now: datetime) -> dict[str, Any]:
    """Run it.

    Args:
        asked: What to run.
        tell: Told of the frames so far.
        now: The moment that the result is dated with.

    Returns:
        The document: figures with limits and verdicts, the stream's report, raw readings, environment.

    Raises:
        EdgeenhError: The source, the backend or the schedule cannot be used.
    """
    from edgeenh.containment.enhancer import ContainedEnhancer
    from edgeenh.stream import Stream
    from edgeenh_bench.conditions import Conditions

    conditions = Conditions()
    with ContainedEnhancer(asked.bundle, backend=asked.backend, threads=asked.threads) as enhancer:
        source, length = open_looped(asked.source, asked.bundle.manifest.pixels.photometric)
        stream = Stream(source, enhancer, mode="live", faults=asked.faults)
        every_s = asked.seconds / LOOKS
        found = soak(stream, lambda: enhancer.worker_pid, seconds=asked.seconds, every_s=every_s, tell=tell)
        used = enhancer.info
    circumstances = conditions.to_json()
    short = asked.faults is None and not found.interrupted and found.seconds < asked.seconds
    if short or found.interrupted:
        measured = _unjudged(found)
    else:
        measured = judge(found, {}) if asked.faults is None else _judge_answers(found)
    return {
        **head(SCHEMA, now, asked.bundle),
        "source": asked.source,
        "backend": None
        if used is None
        else {"name": used.backend, "provider": used.provider, "precision": used.precision},
        "kind": "soak" if asked.faults is None else "faults",
        "seconds": asked.seconds,
        **circumstances,
        "interrupted": found.interrupted,
        "passed": None if short or found.interrupted else measured.passed,
        "figures": [figure.to_json() for figure in measured.figures],
        "lines": [figure.line() for figure in measured.figures] + ([UNJUDGED] if found.interrupted else []),
        "ended_early": f"the source ended after {found.seconds:.3g} of {asked.seconds:.3g} s: nothing was judged"
        if short
        else "",
        "doubts": used_again(length, found.report["accounting"]["captured"]),
        **measured.details,
    }


def _unjudged(found: Soak) -> Measurement:
    """Of a run that ended before its time: what was seen, and no verdict on what would have come."""
    figures = [
        Figure("frames after which the accounting did not hold", float(found.broken)),
        Figure("frames", float(found.frames)),
        Figure("seconds", found.seconds, "s"),
    ]
    told = {name: found.report[name] for name in ("accounting", "latency_ms", "age_ms", "events")}
    return Measurement(figures, told | course(found))


def _judge_answers(found: Soak) -> Measurement:
    """Of a rehearsal: the accounting, and for each fault whether it was answered."""
    report = found.report
    figures = [Figure("frames after which the accounting did not hold", float(found.broken), at_most=0.0)]
    figures += [
        Figure(f"{fault['fault']}: answered as promised ({fault['demanded']})", float(fault["answered"]), at_least=1.0)
        for fault in report["faults"]
    ]
    told = {name: report[name] for name in ("accounting", "latency_ms", "age_ms", "events", "faults")}
    return Measurement(figures, told | course(found))


def seconds_of(schedule: str, asked: float | None) -> float:
    """How long a rehearsal lasts: as long as asked for, or else to the last fault and as long as its answer may take.

    Raises:
        UsageError: The schedule cannot be read, or would not be played to its end.
    """
    from edgeenh.stream.fault_schedule import FaultSchedule

    last_s = max(fault.at_s for fault in FaultSchedule.parse(schedule).faults)
    if asked is not None and asked <= last_s:
        raise UsageError(
            f"--seconds {asked:g} is over before the last fault, at {last_s:g} s: give more, {last_s + ANSWER_S:g} for its answer, or leave it out"
        )
    return last_s + ANSWER_S if asked is None else asked


def default_source(size: tuple[int, int] | None) -> str:
    """What is streamed where no source was given: moving synthetic frames at a camera's pace."""
    width, height = size or (1280, 720)
    return f"synthetic:{width}x{height}@25"
