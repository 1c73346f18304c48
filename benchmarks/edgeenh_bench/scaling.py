"""How cost grows: with the size of the frame, with threads, with frames in flight, with cameras.

The exponent of size is the slope of log latency over log pixels (`edgeenh_bench.line_fit`):
1 is proportional to the pixels, below 1 a fixed share pays off, above 1 something falls out of the caches.
"""

from __future__ import annotations

import itertools
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
from edgeenh.errors import BackendUnavailable, IntegrityError
from edgeenh_bench.conditions import Conditions
from edgeenh_bench.line_fit import slope_of
from edgeenh_bench.measure import WarmUpLimits
from edgeenh_bench.modes import THROUGHPUT, Mode
from edgeenh_bench.own_process import OwnProcess
from edgeenh_bench.percentiles import summarise
from edgeenh_bench.result import head
from edgeenh_bench.rounds import Job, Report, measure_rows
from edgeenh_bench.rows import Row, RowSpec
from edgeenh_bench.source_frames import check_size, collect, require_colour
from edgeenh_bench.worker_process import WorkerError

SCHEMA = "edgeenh.bench-scaling/1"
SIZES = ((854, 480), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
IN_FLIGHT = (1, 2, 4, 8)
CAMERAS = (1, 2, 3, 4)
MOST_DISTINCT = 8
FLIGHT_SIZE = (1280, 720)
CAMERA_FPS = 25
SLACK_S = 300.0

Json = dict[str, Any]


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
        KeyboardInterrupt: Before the first point; later, the result says `interrupted`, and it is for the caller to end.
    """
    bundle = Bundle.shipped() if request.model is None else Bundle.open(request.model)
    backend = request.backend or next(
        (name for name in ("openvino", "onnxruntime") if get_backend(name).availability().usable), None
    )
    if backend is None or not (found := get_backend(backend).availability()).usable:
        raise BackendUnavailable(
            "no CPU backend can run here: pip install 'edgeenh[cpu]'"
            if backend is None
            else f"{backend}: {found.reason}: {found.fix}"
        )
    require_colour(bundle, "cameras")
    for size in request.sizes:
        check_size(size, bundle.manifest.generator)  # all of them before the first is measured
    spec, conditions = RowSpec(backend, "fp32", "cpu" if backend == "onnxruntime" else "auto"), Conditions()
    threads = thread_counts(cores_allowed())
    points, flights, cameras = list[Json](), list[Json](), list[Json]()
    interrupted = False
    try:
        for count, size in itertools.product(threads, request.sizes):
            points.append(_point(bundle, spec, size, count, Mode(), request.seconds, report))
        for number in request.in_flight:
            mode = Mode(THROUGHPUT, in_flight=number)
            flights.append(_point(bundle, spec, FLIGHT_SIZE, cores_allowed(), mode, request.seconds, report))
        for number in request.cameras:
            cameras.append(_cameras(bundle, backend, number, request.seconds, report))
    except KeyboardInterrupt:
        if not points:
            raise
        interrupted = True
    return {
        **head(SCHEMA, now, bundle),
        "interrupted": interrupted,
        "backend": spec.label,
        "batch": "one frame each: the graph contract has no batch; frames in flight are what an archive is enhanced with",
        "sizes": points,
        "exponents": {str(count): exponent([p for p in points if p["threads"] == count]) for count in threads},
        "in_flight": flights,
        "cameras": cameras,
        **conditions.to_json(),
        "doubts": [line for point in [*points, *flights] for line in point["doubts"]],
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
        "available": row.available, "reason": row.reason, "steady": row.steady, "doubts": row.warnings(name) if row.available else [],
        "latency_ms": summarise(row.latencies_ms) if row.latencies_ms else None,
        "throughput_fps": row.throughput_fps, "rss_mb": row.rss_mb, "raw_ms": [round(value, 4) for value in row.latencies_ms],
    }  # fmt: skip


def _cameras(bundle: Bundle, backend: str, number: int, seconds: float, report: Report) -> Json:
    """So many cameras sharing one model, in a process of their own; one that fails is a point with the reason."""
    report(f"{number} cameras", 0, None)
    frames = max(1, round(seconds * CAMERA_FPS))
    asked = {"cameras": number, "asked_fps": float(CAMERA_FPS * number)}
    what = {"bundle": str(bundle.path), "sha256": bundle.sha256, "backend": backend, "number": number, "frames": frames}
    with tempfile.TemporaryDirectory(prefix="edgeenh-cameras-") as folder, OwnProcess("cameras", Path(folder)) as own:
        try:
            seen: Json = own.call(f"{__name__}:run_cameras", SLACK_S + 2 * seconds, **what)
        except WorkerError as exc:
            return asked | {"available": False, "reason": str(exc)}
    return asked | {"available": True, "reason": ""} | seen


def run_cameras(bundle: str, sha256: str, backend: str, number: int, frames: int) -> Json:
    """`frames` frames of each of `number` cameras in one process, as `edgeenh run A B` does, and what became of them.

    Raises:
        IntegrityError: It is another bundle than the one that was checked.
    """
    from edgeenh import Enhancer, StreamGroup

    opened = Bundle.open(Path(bundle))
    if opened.sha256 != sha256:
        raise IntegrityError(f"{bundle} is another bundle than the one that was checked: run it again")
    with Enhancer(opened, backend=backend) as enhancer:
        with StreamGroup(enhancer) as group:
            for _ in range(number):
                group.add(f"synthetic:{FLIGHT_SIZE[0]}x{FLIGHT_SIZE[1]}@{CAMERA_FPS}", mode="live", frames=frames)
            ages = [frame.age_ms for _, frame in group]
        counts = [document["accounting"] for document in group.report()]
    return {
        "captured": sum(c["captured"] for c in counts), "enhanced": sum(c["enhanced"] for c in counts),
        "dropped": sum(sum(c["dropped"].values()) for c in counts), "age_ms": summarise(ages) if ages else None,
        "holds": all(c["holds"] for c in counts),
    }  # fmt: skip
