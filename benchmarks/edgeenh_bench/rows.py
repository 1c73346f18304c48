"""A row of the comparison: one backend, on one device, at one precision, and what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeenh_bench.intervals import Ratio, block_medians, ratio_of_blocks
from edgeenh_bench.percentiles import summarise, variation
from edgeenh_bench.stopwatch import Parts, split_json

if TYPE_CHECKING:
    from edgeenh.backends.base import Backend
    from edgeenh.gate import Verdict
    from edgeenh_bench.drift_pictures import DriftPicture

UNSTABLE_VARIATION = 0.10
"""Coefficient of variation above which a row's latencies are called unstable; pyperf's limit."""

FEWEST_FRAMES = 6
"""With fewer, not even the median has a 95 % interval (1 − 2 · 2⁻⁵ = 0.94)."""

UNEVEN_BLOCKS = 0.10
"""Difference of the last block's median latency from the first's above which the row says that the machine did not stay the same."""

_DEVICES = {"onnxruntime": ("cpu", "cuda")}
"""Backends that run on more than one device, which are rows of their own; the others choose their device."""


@dataclass(frozen=True, slots=True)
class RowSpec:
    """What a row asks for; `device` is `auto`, `cpu` or `cuda`."""

    backend: str
    precision: str
    device: str = "auto"

    @property
    def label(self) -> str:
        """What messages and file names call the row."""
        return "-".join(
            word for word in (self.backend, self.device if self.device != "auto" else "", self.precision) if word
        )


@dataclass(slots=True)
class Row:
    """What was found out about a row, filled step by step.

    Attributes:
        spec: What was asked for.
        reason: Why it could not run; empty while it can.
        fix: What to do about that, where there is something.
        info: The session's own account: provider, device, precision, version.
        threads: CPU threads that its session was given; None before.
        first_frame_ms: The very first run, before any warming up.
        load_ms: From the verified bytes in memory to an open session, the import of the backend's library included.
        warm_up_frames: Frames run until steady.
        steady: Whether the last two windows of warming up agreed; None before.
        latencies_ms: Every counted run, in order; nothing is ever removed.
        wall_ms: Wall time of the blocks in which they were counted.
        parts_ms: The parts of every counted run, where the session tells them.
        partial_ms: What had been counted of a row that failed in the middle; never summarised.
        blocks: How many of the runs each block holds, in order.
        warm_ms: Median of the last window of warming up; None before.
        frames_given: Frames that were there for it, the skipped ones included.
        joules: Energy of the whole machine while its blocks ran, the runs that are not counted included; None = not counted.
        ages_ms: At a pace: of every run, from the moment its frame was there to its end.
        skipped: At a pace: frames that a newer one overtook.
        graph_bytes: Length of the graph that it runs, as it lies in the bundle; None = not a graph of the bundle.
        verdict: The gate's, on the compared frames, against the FP32 reference; None when none was compared.
        pictures: Of the frames on which it is farthest from the reference, where they were asked for.
        rss_mb: Peak resident memory of the row's own process minus what it held before the backend was loaded.
        rss_before_mb: What it held then: Python, numpy, OpenCV, the bundle and the frames.
    """

    spec: RowSpec
    reason: str = ""
    fix: str = ""
    info: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    first_frame_ms: float | None = None
    load_ms: float | None = None
    warm_up_frames: int = 0
    steady: bool | None = None
    latencies_ms: list[float] = field(default_factory=list)
    parts_ms: list[Parts] = field(default_factory=list)
    partial_ms: list[float] = field(default_factory=list)
    wall_ms: float = 0.0
    blocks: list[int] = field(default_factory=list)
    warm_ms: float | None = None
    frames_given: int = 0
    joules: float | None = None
    ages_ms: list[float] = field(default_factory=list)
    skipped: int = 0
    graph_bytes: int | None = None
    verdict: Verdict | None = None
    pictures: list[DriftPicture] = field(default_factory=list)
    rss_mb: float | None = None
    rss_before_mb: float | None = None

    @property
    def available(self) -> bool:
        """True while nothing has kept it from running."""
        return not self.reason

    def fail(self, reason: str, fix: str = "") -> None:
        """Mark the row as one that cannot run here; the first reason stays. Half a measurement is kept apart: it has no figures."""
        if not self.available:
            return
        counted = len(self.latencies_ms)
        self.reason, self.fix = f"{reason} (after {counted} measured frames)" if counted else reason, fix
        self.partial_ms = self.latencies_ms
        self.latencies_ms, self.parts_ms, self.wall_ms, self.verdict = [], [], 0.0, None
        self.blocks, self.ages_ms, self.skipped, self.joules = [], [], 0, None

    def add(self, answer: Mapping[str, Any], frames: int) -> None:
        """Take a worker's answer to `block` for so many frames."""
        self.latencies_ms += answer["latencies_ms"]
        self.parts_ms += answer.get("parts_ms", ())
        self.wall_ms += answer["wall_ms"]
        self.ages_ms += answer.get("ages_ms", ())
        self.skipped += answer.get("skipped", 0)
        self.frames_given += frames

    def add_energy(self, joules: float | None) -> None:
        """Take the energy of one block; one that could not be counted makes the whole not counted."""
        first = len(self.blocks) == 1
        self.joules = joules if first else None if joules is None or self.joules is None else self.joules + joules

    @property
    def throughput_fps(self) -> float | None:
        """Frames per second of wall time, as many in flight as the mode says."""
        return len(self.latencies_ms) / self.wall_ms * 1000 if self.wall_ms > 0 else None

    def first_and_last(self) -> dict[str, float] | None:
        """Median latency of the first block and of the last, and the last over the first; None for fewer than two blocks."""
        medians = block_medians(self.latencies_ms, self.blocks) if self.blocks else []
        if len(medians) < 2:
            return None
        first, last = medians[0], medians[-1]
        return {"first_ms": round(first, 4), "last_ms": round(last, 4), "last_to_first": round(last / first, 4)}

    def times(self, other: Row) -> Ratio:
        """This row's latency over another's, by the blocks that both have; blocks beyond the shorter one's have no partner."""
        mine, theirs = (block_medians(row.latencies_ms, row.blocks) for row in (self, other))
        paired = min(len(mine), len(theirs))
        return ratio_of_blocks(mine[:paired], theirs[:paired])

    def warnings(self, name: str = "") -> list[str]:
        """Why a figure of this row, or of what `name` calls it, should not be trusted, one line each."""
        name, lines, measured = name or self.spec.label, [], len(self.latencies_ms)
        if self.steady is False:
            lines.append(f"{name}: never became steady in {self.warm_up_frames} frames of warming up")
        if 0 < measured < FEWEST_FRAMES:
            lines.append(f"{name}: too few frames even for its median: {measured}, expected {FEWEST_FRAMES} or more")
        lines += unstable(name, self.latencies_ms)
        ends = self.first_and_last()
        if ends is not None and not abs(change := ends["last_to_first"] - 1.0) <= UNEVEN_BLOCKS:
            limit = f"expected within {UNEVEN_BLOCKS:.0%}"
            lines.append(f"{name}: the last block's latency is {change:+.0%} off the first's ({limit})")
        return lines

    def to_json(self, deadline_ms: float | None = None) -> dict[str, Any]:
        """The row as JSON values; what was not measured is null, never left out.

        Args:
            deadline_ms: Age that a frame may have, at a pace; None = no pace.
        """
        return {
            "label": self.spec.label,
            "backend": self.spec.backend,
            "provider": self.info.get("provider"),
            "device": self.info.get("device", None if self.spec.device == "auto" else self.spec.device),
            "precision": self.info.get("precision", self.spec.precision),
            "version": self.info.get("version"),
            "threads": self.threads,
            "available": self.available,
            "reason": self.reason,
            "fix": self.fix,
            "first_frame_ms": _rounded(self.first_frame_ms),
            "load_ms": _rounded(self.load_ms),
            "latency_ms": summarise(self.latencies_ms) if self.latencies_ms else None,
            "throughput_fps": _rounded(self.throughput_fps),
            **drift_json(self.verdict),
            "graph_mb": None if self.graph_bytes is None else round(self.graph_bytes / 1e6, 4),
            "rss_mb": _rounded(self.rss_mb, 1),
            "rss_before_mb": _rounded(self.rss_before_mb, 1),
            "steady": self.steady,
            "warm_up_frames": self.warm_up_frames,
            "joules_per_frame": _rounded(self.joules / len(self.latencies_ms), 5)
            if self.joules is not None and self.latencies_ms
            else None,
            "variation": _rounded(variation(self.latencies_ms), 4) if self.latencies_ms else None,
            "blocks": self.blocks,
            "first_and_last_block": self.first_and_last(),
            "split_ms": split_json(self.latencies_ms, self.parts_ms),
            "partial": {"n": len(self.partial_ms), "raw_ms": _all_rounded(self.partial_ms)}
            if self.partial_ms
            else None,
            "raw_ms": _all_rounded(self.latencies_ms),
            "paced": None if deadline_ms is None or not self.ages_ms else self._paced(deadline_ms),
        }

    def _paced(self, deadline_ms: float) -> dict[str, Any]:
        late = sum(age > deadline_ms for age in self.ages_ms)
        return {
            "deadline_ms": _rounded(deadline_ms),
            "frames": self.frames_given,
            "late": late,
            "skipped": self.skipped,
            "missed_share": _rounded((late + self.skipped) / self.frames_given, 5),
            "age_ms": summarise(self.ages_ms),
            "raw_age_ms": _all_rounded(self.ages_ms),
        }


def unstable(name: str, values: Sequence[float], what: str = "latencies") -> list[str]:
    """A line where values vary by more than `UNSTABLE_VARIATION`, else none."""
    share = variation(values)
    limit = f"expected at most {UNSTABLE_VARIATION:.0%}"
    return [f"{name}: {what} vary by {share:.0%} (coefficient of variation; {limit})"] if share > UNSTABLE_VARIATION else []  # fmt: skip


def plan_rows(backends: Mapping[str, Backend], precisions: Sequence[str]) -> list[Row]:
    """One row per backend, device and precision that the bundle has a graph for.

    A backend that cannot run here keeps its rows, with the reason and the fix.

    Args:
        backends: The backends to compare, by name.
        precisions: Those with a graph in the bundle; `bf16` is made from the fp32 graph.
    """
    from edgeenh.backends.contract import graph_precision

    rows = []
    for name, backend in backends.items():
        availability = backend.availability()
        for device in _DEVICES.get(name, ("auto",)):
            for precision in backend.PRECISIONS:
                if graph_precision(precision) not in precisions:
                    continue
                row = Row(RowSpec(name, precision, device))
                if not availability.usable:
                    row.fail(availability.reason, availability.fix)
                rows.append(row)
    return rows


def drift_json(verdict: Verdict | None) -> dict[str, Any]:
    """The gate's verdict, the worst of each figure over the compared frames; all null when none was compared.

    `deterministic` says whether the same frame given twice, with others between, came back the same bit for bit; `repeat_max_abs` by how
    much not.

    `psnr_db` is also null when every frame is identical, and `identical` then says so; and when a frame could not be
    measured, and `gate_reasons` then says why.
    """
    names = ("psnr_db", "identical", "ssim", "max_abs", "worst_patch", "mean_shift", "gate_passed", "gate_reasons")
    if verdict is None:
        return dict.fromkeys((*names, "share_off_by_more_than_1", "deterministic", "repeat_max_abs")) | {
            "drift_frames": 0,
            "drift_of_each": [],
        }
    measured = verdict.to_json()
    return {
        **{name: measured[name] for name in ("identical", "max_abs", "worst_patch", "share_off_by_more_than_1")},
        "psnr_db": _rounded(measured["psnr_db"]),
        "ssim": _rounded(measured["ssim"], 6),
        "mean_shift": verdict.mean_shift and [round(shift, 5) for shift in verdict.mean_shift],
        "gate_passed": verdict.passed,
        "gate_reasons": measured["reasons"],
        "deterministic": None if (repeat := _repeat(verdict)) is None else repeat == 0,
        "repeat_max_abs": repeat,
        "drift_frames": verdict.pictures,
        "drift_of_each": verdict.document()["each"],
    }


def _repeat(verdict: Verdict) -> int | None:
    return None if verdict.self_test is None else verdict.self_test.repeat_max_abs


def _all_rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in values]


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)
