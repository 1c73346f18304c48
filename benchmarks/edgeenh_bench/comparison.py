"""The whole comparison: frames, rows, rounds, and the document that says everything about it."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeenh.backends import AUTO, get_backend
from edgeenh.backends.contract import graph_precision
from edgeenh.bundle import Bundle
from edgeenh.drift import Thresholds
from edgeenh.environment import fingerprint
from edgeenh_bench.clocks import clocks, throttling, variables
from edgeenh_bench.drift_pictures import DriftPicture
from edgeenh_bench.energy import find_counters
from edgeenh_bench.intervals import CONFIDENCE
from edgeenh_bench.measure import WarmUpLimits
from edgeenh_bench.modes import THROUGHPUT, Mode
from edgeenh_bench.noise import noise_lines, noise_of
from edgeenh_bench.other_load import OtherLoad
from edgeenh_bench.result import BUSY, INTERRUPTED, head
from edgeenh_bench.rounds import (
    DRIFT_FRAMES,
    REWARM,
    ROUNDS,
    Job,
    Measured,
    Report,
)
from edgeenh_bench.rows import Row, plan_rows
from edgeenh_bench.source_frames import FrameSet, collect
from edgeenh_bench.until_interrupted import measure_until_interrupted

SCHEMA = "edgeenh.bench/2"

MOST_DISTINCT = 1000
"""Distinct frames read from the source where the run is bounded by time; the store's own limit is usually lower."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        model: Path of a bundle; None = the one that ships with the package.
        source: A source as `edgeenh run` takes it; None = the bundle's golden frames.
        size: (width, height); None = see `source_frames.collect`.
        backends: Names; empty = all that `auto` would choose among.
        frames: Frames per row; None = by time.
        seconds: Seconds per row where `frames` is None.
        threads: CPU threads per session; None = all cores.
        warm_up: When a row counts as warm.
        public_key: Who must have signed the bundle; None = nobody.
        floor: The lowest version of it, or a floor file; None = any.
        mode: How frames are given to a row.
        pictures: Keep each row's worst frames, for the report.
        drift_frames: Distinct frames that the drift is measured on, and as many are read; None = `DRIFT_FRAMES` of those that are read.
    """

    model: Path | None = None
    source: str | None = None
    size: tuple[int, int] | None = None
    backends: Sequence[str] = ()
    frames: int | None = 100
    seconds: float = 10.0
    threads: int | None = None
    warm_up: WarmUpLimits = field(default_factory=WarmUpLimits)
    public_key: Path | None = None
    floor: int | Path | None = None
    mode: Mode = field(default_factory=Mode)
    pictures: bool = False
    drift_frames: int | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison.

    Attributes:
        document: What `edgeenh bench --json` writes.
        pictures: Label of a row → the frames on which it is farthest from the reference, where they were asked for.
    """

    document: dict[str, Any]
    pictures: dict[str, list[DriftPicture]]


def compare(request: Request, report: Report, now: datetime) -> Compared:
    """Measure every backend × precision on the same frames.

    Args:
        request: What to compare.
        report: Told of the progress.
        now: The moment that the result is dated with.

    Raises:
        InputError: Bundle, source, size or a backend's name cannot be used.
        IntegrityError: The bundle is not what its manifest says.
        OutputFailed: The temporary folder is full.
        KeyboardInterrupt: Before anything was measured; later, the result says `interrupted`, and it is for the caller to end.
    """
    demands: dict[str, Any] = {"public_key": request.public_key, "floor": request.floor}
    bundle = Bundle.shipped(**demands) if request.model is None else Bundle.open(request.model, **demands)
    names = request.backends or AUTO
    rows = plan_rows({name: get_backend(name) for name in names}, bundle.precisions)
    for row in rows:
        row.graph_bytes = bundle.manifest.files[bundle.manifest.precisions[graph_precision(row.spec.precision)]].bytes
    with tempfile.TemporaryDirectory(prefix="edgeenh-bench-") as folder:
        report("reading frames", 0, None)
        wanted = max(request.frames or MOST_DISTINCT, request.drift_frames or 0)
        frames = collect(request.source, bundle, request.size, wanted, Path(folder, "frames.raw"))
        job = _job(request, bundle, frames, Path(folder))
        load, before = OtherLoad(), clocks()
        measured = measure_until_interrupted(job, rows, report)
        busy = load.share()
    document = _document(request, bundle, frames, rows, measured, busy, now)
    document["energy"] = job.energy.reason or "of the whole machine, other programs included"
    document["clocks"] = {"before": before, "after": (after := clocks())}
    document["remarks"] += throttling(before, after)
    return Compared(document, {row.spec.label: row.pictures for row in rows if row.pictures})


def circumstances(request: Request) -> dict[str, Any]:
    """Of what `compare` would measure now, what another result must have alike, as far as it is known before the frames are read."""
    size = {} if request.size is None else {"size": list(request.size)}
    return {"environment": fingerprint(), "method": _method(request), "clocks": {"before": clocks()}, "frames": size}


def _job(request: Request, bundle: Bundle, frames: FrameSet, folder: Path) -> Job:
    gate = Thresholds(**bundle.manifest.gate.thresholds())
    how = (request.frames, request.seconds, request.threads, request.warm_up, gate)
    int8 = Thresholds(**bundle.manifest.gate.thresholds("int8"))
    return Job(
        bundle.path,
        frames,
        folder,
        *how,
        bundle_sha256=bundle.sha256,
        int8_thresholds=int8,
        mode=request.mode,
        pictures=request.pictures,
        drift_frames=request.drift_frames or DRIFT_FRAMES,
        energy=find_counters(),
    )


def _document(
    request: Request, bundle: Bundle, frames: FrameSet, rows: list[Row], measured: Measured, busy: float, now: datetime
) -> dict[str, Any]:
    no_reference = measured.no_reference
    noise = noise_of(rows, measured.twin)
    return {
        **head(SCHEMA, now, bundle),
        "checkpoint_sha256": bundle.manifest.training.checkpoint_sha256,
        "interrupted": measured.interrupted,
        "frames": frames.to_json(),
        "method": _method(request)
        | {"gate": Thresholds(**bundle.manifest.gate.thresholds()).to_json(), "no_reference": no_reference},
        "cpu_share_of_other_programs": round(busy, 3),
        "rows": [row.to_json(request.mode.deadline_ms) for row in rows],
        "ratios": _ratios(rows, request.mode),
        "noise": noise,
        "remarks": [
            *_remarks(request, frames, rows, no_reference, busy),
            *noise_lines(noise, measured.twin),
            *([INTERRUPTED] if measured.interrupted else []),
        ],
    }


def _ratios(rows: list[Row], mode: Mode) -> dict[str, Any] | None:
    """Every row against the fastest, block by block; None where latencies say nothing of it, or nothing ran."""
    ran = [row for row in rows if row.available and row.latencies_ms]
    if not ran or mode.name == THROUGHPUT:
        return None
    fastest = min(ran, key=lambda row: statistics.median(row.latencies_ms))
    others = {row.spec.label: row.times(fastest).to_json() for row in ran if row is not fastest}
    return {"to": fastest.spec.label, "of": others, "confidence": CONFIDENCE}


def _method(request: Request) -> dict[str, Any]:
    return {
        "mode": request.mode.to_json(),
        "frames_per_row": request.frames,
        "seconds_per_row": None if request.frames else request.seconds,
        "threads": request.threads,
        "variables": variables(os.environ),
        "rounds": ROUNDS,
        "rewarm_frames": REWARM,
        "warm_up": asdict(request.warm_up),
        "reference": "fp32 on ONNX Runtime, CPU",
        "drift_frames": request.drift_frames or DRIFT_FRAMES,
        "percentiles": "nearest rank; null until the count earns them; at_most = bound with 99 % confidence",
        "split_ms": "parts of each frame (convert, copy_in, enqueue, compute, copy_out, convert_back); null where the backend has none or cannot tell it apart",
        "rss_mb": "peak resident memory of the row's own process minus what it held before the backend was loaded",
    }


def _remarks(request: Request, frames: FrameSet, rows: list[Row], no_reference: str, busy: float) -> list[str]:
    remarks = [*frames.remarks, *frames.used_again(max((row.frames_given for row in rows), default=0))]
    if (request.drift_frames or 0) > frames.count:
        remarks.append(f"the drift is that of {frames.count} distinct frames, not of {request.drift_frames}")
    if no_reference:
        remarks.append(f"no drift was measured, since the FP32 reference could not be made: {no_reference}")
    if busy > BUSY:
        remarks.append(
            f"other programs used {busy:.0%} of this machine's CPU time: stop them and run it again to trust this"
        )
    return remarks + [line for row in rows if row.available for line in row.warnings()]
