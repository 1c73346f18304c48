"""A row of the comparison: one backend, on one device, at one precision, and what was measured of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeenh_bench.percentiles import summarise, variation

if TYPE_CHECKING:
    from edgeenh.backends.base import Backend
    from edgeenh.drift import Drift, Thresholds

UNSTABLE_VARIATION = 0.10
"""Coefficient of variation above which a row's latencies are called unstable; pyperf's limit."""

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
        first_frame_ms: The very first run, before any warming up.
        load_ms: From the verified bytes in memory to an open session, the import of the backend's library included.
        warm_up_frames: Frames run until steady.
        steady: Whether the last two windows of warming up agreed; None before.
        latencies_ms: Every counted run, in order; nothing is ever removed.
        wall_ms: Wall time of the blocks in which they were counted.
        drifts: Drift of each compared frame against the FP32 reference.
        rss_mb: Peak resident memory of the row's own process minus what it held before the backend was loaded.
        rss_before_mb: What it held then: Python, numpy, OpenCV, the bundle and the frames.
    """

    spec: RowSpec
    reason: str = ""
    fix: str = ""
    info: Mapping[str, str] = field(default_factory=dict)
    first_frame_ms: float | None = None
    load_ms: float | None = None
    warm_up_frames: int = 0
    steady: bool | None = None
    latencies_ms: list[float] = field(default_factory=list)
    wall_ms: float = 0.0
    drifts: list[Drift] = field(default_factory=list)
    rss_mb: float | None = None
    rss_before_mb: float | None = None

    @property
    def available(self) -> bool:
        """True while nothing has kept it from running."""
        return not self.reason

    def fail(self, reason: str, fix: str = "") -> None:
        """Mark the row as one that cannot run here; the first reason stays, and half a measurement is not kept."""
        if self.available:
            self.reason, self.fix = reason, fix
            self.latencies_ms, self.wall_ms, self.drifts = [], 0.0, []

    @property
    def throughput_fps(self) -> float | None:
        """Frames per second of wall time, one in flight."""
        return len(self.latencies_ms) / self.wall_ms * 1000 if self.wall_ms > 0 else None

    def warnings(self) -> list[str]:
        """Why a figure of this row should not be trusted, one line each."""
        lines = []
        if self.steady is False:
            lines.append(f"{self.spec.label}: never became steady in {self.warm_up_frames} frames of warming up")
        share = variation(self.latencies_ms)
        if share > UNSTABLE_VARIATION:
            limit = f"expected at most {UNSTABLE_VARIATION:.0%}"
            lines.append(f"{self.spec.label}: latencies vary by {share:.0%} (coefficient of variation; {limit})")
        return lines

    def to_json(self, thresholds: Thresholds) -> dict[str, Any]:
        """The row as JSON values; what was not measured is null, never left out."""
        return {
            "backend": self.spec.backend,
            "provider": self.info.get("provider"),
            "device": self.info.get("device", None if self.spec.device == "auto" else self.spec.device),
            "precision": self.info.get("precision", self.spec.precision),
            "version": self.info.get("version"),
            "available": self.available,
            "reason": self.reason,
            "fix": self.fix,
            "first_frame_ms": _rounded(self.first_frame_ms),
            "load_ms": _rounded(self.load_ms),
            "latency_ms": summarise(self.latencies_ms) if self.latencies_ms else None,
            "throughput_fps": _rounded(self.throughput_fps),
            **drift_json(self.drifts, thresholds),
            "rss_mb": _rounded(self.rss_mb, 1),
            "rss_before_mb": _rounded(self.rss_before_mb, 1),
            "steady": self.steady,
            "warm_up_frames": self.warm_up_frames,
            "variation": _rounded(variation(self.latencies_ms), 4) if self.latencies_ms else None,
            "raw_ms": [round(value, 4) for value in self.latencies_ms],
        }


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


def drift_json(drifts: Sequence[Drift], thresholds: Thresholds) -> dict[str, Any]:
    """The worst of each figure over the compared frames; all null when none was compared.

    `psnr_db` is also null when every frame is identical, and `identical` then says so. `gate_passed` compares the worst
    frame with the gate's thresholds, written so that NaN fails.
    """
    names = ("psnr_db", "identical", "ssim", "max_abs", "worst_patch", "mean_shift", "gate_passed")
    if not drifts:
        return dict.fromkeys(names) | {"drift_frames": 0}
    psnr_db, ssim = min(drift.psnr_db for drift in drifts), min(drift.ssim for drift in drifts)
    channels = zip(*(drift.mean_shift for drift in drifts), strict=True)
    shifts: list[float] = [max(channel, key=abs) for channel in channels]
    worst = min((drift.worst_patch for drift in drifts), key=lambda patch: patch.psnr_db)
    return {
        "psnr_db": round(psnr_db, 3) if math.isfinite(psnr_db) else None,
        "identical": all(drift.identical for drift in drifts),
        "ssim": round(ssim, 6),
        "max_abs": max(drift.max_abs for drift in drifts),
        "worst_patch": worst.to_json(),
        "mean_shift": [round(shift, 5) for shift in shifts],
        "gate_passed": bool(psnr_db >= thresholds.min_psnr_db and ssim >= thresholds.min_ssim),
        "drift_frames": len(drifts),
    }


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)
