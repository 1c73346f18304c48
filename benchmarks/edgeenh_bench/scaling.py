"""How cost grows: with the size of the frame, with threads, with frames in flight, with cameras.

The exponent of size is the slope of log latency over log pixels (`edgeenh_bench.line_fit`):
1 is proportional to the pixels, below 1 a fixed share pays off, above 1 something falls out of the caches.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeenh.backends import get_backend
from edgeenh.bundle import Bundle
from edgeenh.environment import cores_allowed
from edgeenh.errors import BackendUnavailable
from edgeenh_bench.line_fit import slope_of
from edgeenh_bench.measure import WarmUpLimits
from edgeenh_bench.modes import THROUGHPUT, Mode
from edgeenh_bench.other_load import OtherLoad
from edgeenh_bench.percentiles import summarise
from edgeenh_bench.result import head
from edgeenh_bench.rounds import Job, Report, measure_rows
from edgeenh_bench.rows import Row, RowSpec
from edgeenh_bench.source_frames import collect

SCHEMA = "edgeenh.bench-scaling/1"
SIZES = ((854, 480), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
IN_FLIGHT = (1, 2, 4, 8)
CAMERAS = (1, 2, 3, 4)
MOST_DISTINCT = 8


@dataclass(frozen=True, slots=True)
class Request:
    """What is measured.

    Attributes:
        model: A bundle for colour; None = the one that ships.
        backend: Name; None = OpenVINO where it can run, else ONNX Runtime.
        sizes: (width, height) each.
        seconds: How long each point is measured.
        cameras: How many at a time, each 1280×720 at 25 a second; empty = none.
    """

    model: Path | None = None
    backend: str | None = None
    sizes: Sequence[tuple[int, int]] = SIZES
    seconds: float = 5.0
    cameras: Sequence[int] = CAMERAS
    in_flight: Sequence[int] = IN_FLIGHT


def measure_scaling(request: Request, report: Report, now: datetime) -> dict[str, Any]:
    """Measure every point.

    Raises:
        BackendUnavailable: The backend cannot run here.
        InputError: The bundle, or a size, cannot be used.
    """
    bundle = Bundle.shipped() if request.model is None else Bundle.open(request.model)
    backend = request.backend or next(
        (name for name in ("openvino", "onnxruntime") if get_backend(name).availability().usable), None
    )
    if backend is None or not (found := get_backend(backend).availability()).usable:
        raise BackendUnavailable(
            "no CPU backend can run here: pip install 'edgeenh[cpu]'"
            if backend is None
            else f"{backend}: {found.reason}"
        )
    spec, load = RowSpec(backend, "fp32", "cpu" if backend == "onnxruntime" else "auto"), OtherLoad()
    threads = thread_counts(cores_allowed())
    points = [
        _point(bundle, spec, size, count, Mode(), request.seconds, report)
        for count in threads
        for size in request.sizes
    ]
    flights = [
        _point(bundle, spec, (1280, 720), cores_allowed(), Mode(THROUGHPUT, in_flight=number), request.seconds, report)
        for number in request.in_flight
    ]
    cameras = [_cameras(bundle, backend, number, request.seconds, report) for number in request.cameras]
    return {
        **head(SCHEMA, now, bundle),
        "backend": spec.label,
        "batch": "one frame each: the graph contract has no batch; frames in flight are what an archive is enhanced with",
        "sizes": points,
        "exponents": {str(count): exponent([p for p in points if p["threads"] == count]) for count in threads},
        "in_flight": flights,
        "cameras": cameras,
        "cpu_share_of_other_programs": round(load.share(), 3),
    }


def thread_counts(cores: int) -> list[int]:
    """One thread, two, and as many as there are cores; each once, none above the cores."""
    return sorted({1, min(2, cores), cores})


def exponent(points: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """The slope of log latency over log pixels, and its 95 % interval; None with fewer than three points."""
    found = [(math.log(p["pixels"]), math.log(p["latency_ms"]["p50"])) for p in points if p["available"]]
    if len(found) < 3:
        return {"value": None, "low": None, "high": None}
    xs, ys = zip(*found, strict=True)
    return slope_of(xs, ys)._asdict()


def _point(
    bundle: Bundle, spec: RowSpec, size: tuple[int, int], threads: int, mode: Mode, seconds: float, report: Report
) -> dict[str, Any]:
    row = Row(spec)
    name = f"{size[0]}×{size[1]}, {threads} threads, {mode.in_flight} in flight"
    with tempfile.TemporaryDirectory(prefix="edgeenh-scaling-") as folder:
        frames = collect(None, bundle, size, MOST_DISTINCT, Path(folder, "frames.raw"))
        job = Job(
            bundle.path, frames, Path(folder), None, seconds, threads, WarmUpLimits(tolerance=0.05, max_ms=5_000.0),
            bundle_sha256=bundle.sha256, mode=mode, compare=False,
        )  # fmt: skip
        measure_rows(job, [row], lambda _, done, total: report(name, done, total))
    return {
        "size": list(size), "pixels": size[0] * size[1], "threads": threads, "in_flight": mode.in_flight,
        "available": row.available, "reason": row.reason,
        "latency_ms": summarise(row.latencies_ms) if row.latencies_ms else None,
        "throughput_fps": row.throughput_fps, "rss_mb": row.rss_mb, "raw_ms": [round(value, 4) for value in row.latencies_ms],
    }  # fmt: skip


def _cameras(bundle: Bundle, backend: str, number: int, seconds: float, report: Report) -> dict[str, Any]:
    """So many cameras sharing one model in one process, as `edgeenh run A B` does."""
    from edgeenh import Enhancer, StreamGroup

    report(f"{number} cameras", 0, None)
    frames = max(1, round(seconds * 25))
    with Enhancer(bundle, backend=backend) as enhancer:
        with StreamGroup(enhancer) as group:
            for _ in range(number):
                group.add("synthetic:1280x720@25", mode="live", frames=frames)
            ages = [frame.age_ms for _, frame in group]
        counts = [document["accounting"] for document in group.report()]
    return {
        "cameras": number, "asked_fps": 25.0 * number, "captured": sum(c["captured"] for c in counts),
        "enhanced": sum(c["enhanced"] for c in counts), "dropped": sum(sum(c["dropped"].values()) for c in counts),
        "age_ms": summarise(ages) if ages else None, "holds": all(c["holds"] for c in counts),
    }  # fmt: skip
