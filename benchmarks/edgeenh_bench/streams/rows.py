"""A row of the streams' comparison: one way on one backend, and what its passes make together."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeenh_bench.intervals import Ratio, ratio_of_blocks
from edgeenh_bench.line_fit import slope_of
from edgeenh_bench.percentiles import summarise
from edgeenh_bench.streams.catalogue import UNPACED, Pace, Way

POINTS = 10
"""Ages are averaged in so many stretches of the clip before a line is fitted: neighbouring frames are alike."""

Json = dict[str, Any]


@dataclass(slots=True)
class StreamRow:
    """What was found out about a row, filled step by step.

    Attributes:
        way, backend: What was asked for.
        reason, fix: Why it could not run, and what to do about that; empty while it can.
        opened: The worker's answer to `open`.
        passes: Name of a pace → its passes, in order.
        memory: Peaks of the process and its descendants in a pass that is not timed.
    """

    way: Way
    backend: str
    reason: str = ""
    fix: str = ""
    opened: Json = field(default_factory=dict)
    passes: dict[str, list[Json]] = field(default_factory=dict)
    memory: Json = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What messages and tables call it."""
        return f"{self.way.name}-{self.backend}"

    @property
    def available(self) -> bool:
        """True while nothing has kept it from running."""
        return not self.reason

    def fail(self, reason: str, fix: str = "") -> None:
        """Mark the row as one that cannot run here, or failed in the middle; the first reason stays."""
        if self.available:
            counted = sum(map(len, self.passes.values()))
            self.reason, self.fix = f"{reason} (after {counted} passes)" if counted else reason, fix

    def ms_per_frame(self) -> list[float]:
        """Of each unpaced pass: from one enhanced frame to the next, on the mean."""
        return [one["rest_ms"] / max(1, one["out"] - 1) for one in self.passes.get(UNPACED, [])]

    def times(self, other: StreamRow) -> Ratio | None:
        """This row's time per frame over another's, pass by pass; None where one of the two has none."""
        mine, theirs = self.ms_per_frame(), other.ms_per_frame()
        paired = min(len(mine), len(theirs))
        if not paired or not self.available or not other.available:
            return None
        return ratio_of_blocks(mine[:paired], theirs[:paired])

    def to_json(self, paces: Sequence[Pace], ours: StreamRow | None) -> Json:
        """JSON values; a row that failed has no figures, and its passes are under `partial`."""
        info = self.opened.get("info", {})
        ratio = None if ours is None or ours is self else self.times(ours)
        wanted = [pace for pace in paces if self.passes.get(pace.name)]
        return {
            "label": self.label,
            "way": self.way.name,
            "what": self.way.what,
            "ours": self.way.ours,
            "backend": self.backend,
            **{name: info.get(name) for name in ("provider", "device", "precision", "version")},
            "threads": self.opened.get("threads"),
            "available": self.available,
            "reason": self.reason,
            "fix": self.fix,
            "load_ms": self.opened.get("load_ms"),
            **{name: self.memory.get(name) for name in ("pss_mb", "rss_mb", "processes")},
            "paces": {pace.name: figures(self.passes[pace.name], pace) for pace in wanted} if self.available else {},
            "times_ours": None if ratio is None or ours is None else {"row": ours.label, **ratio.to_json()},
            "partial": self.passes if not self.available and self.passes else None,
        }


def figures(passes: Sequence[Mapping[str, Any]], pace: Pace) -> Json:
    """What the passes of one pace make together; `raw` has each of them."""
    ages = [age for one in passes for age in one["ages_ms"]]
    out = sum(one["out"] for one in passes)
    told = {name: _sum_of(passes, name) for name in ("passthrough", "dropped")}
    frames, waiting = (sum(one[name] for one in passes) for name in ("frames", "waiting"))
    rest_ms = sum(one["rest_ms"] for one in passes)
    between = sum(max(0, one["out"] + sum(one["passthrough"].values()) - 1) for one in passes)
    return {
        "frames": frames,
        "out": out,
        **told,
        "waiting": waiting,
        "lost_in_silence": frames - out - waiting - sum(sum(counts.values()) for counts in told.values()),
        "frames_per_second": between / rest_ms * 1e3 if rest_ms else None,
        "first_frame_ms": statistics.median(one["first_ms"] for one in passes),
        "cpu_ms_per_frame": sum(one["cpu_ms"] for one in passes) / out if out else None,
        "age_ms": summarise(ages) if pace.fps and ages else None,
        "last_age_ms": statistics.median(one["ages_ms"][-1] for one in passes) if ages else None,
        "age_growth_ms_per_s": age_growth(passes),
        "raw": [dict(one) for one in passes],
    }


def age_growth(passes: Sequence[Mapping[str, Any]]) -> Json | None:
    """By how much a frame is older for every second of the clip, with its 95 % interval; None for fewer than `POINTS` frames.

    A line through the means of `POINTS` stretches of the clip, all passes together.
    """
    points = sorted((due, age) for one in passes for due, age in zip(one["due_s"], one["ages_ms"], strict=True))
    if len({due for due, _ in points}) < POINTS:
        return None
    edges = [round(number * len(points) / POINTS) for number in range(POINTS + 1)]
    stretches = [points[edges[n] : edges[n + 1]] for n in range(POINTS)]
    times, ages = ([statistics.fmean(point[axis] for point in stretch) for stretch in stretches] for axis in (0, 1))
    return slope_of(times, ages)._asdict()


def _sum_of(passes: Sequence[Mapping[str, Any]], name: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in passes:
        total.update(one[name])
    return dict(total)
