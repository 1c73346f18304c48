"""The peers' comparison: rows that take turns, and the document that says everything about it."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeenh.backends import get_backend
from edgeenh.bundle import Bundle
from edgeenh.drift import Thresholds
from edgeenh.errors import BackendUnavailable, UsageError
from edgeenh.padding import padded_size
from edgeenh_bench.conditions import Conditions
from edgeenh_bench.measure import WarmUpLimits
from edgeenh_bench.noise import noise_lines, noise_of
from edgeenh_bench.peers import benchmark_app
from edgeenh_bench.peers.catalogue import BY_NAME, PEERS
from edgeenh_bench.result import head
from edgeenh_bench.rounds import Job, Report
from edgeenh_bench.rows import Row, RowSpec
from edgeenh_bench.source_frames import collect, require_colour
from edgeenh_bench.until_interrupted import measure_until_interrupted

SCHEMA = "edgeenh.bench-peers/2"
OURS = ("openvino", "onnxruntime")
"""Our own rows, FP32; the first that can run is what peers are compared with."""

MOST_DISTINCT = 30
APP = "benchmark_app"


@dataclass(frozen=True, slots=True)
class Request:
    """What is compared.

    Attributes:
        model: A bundle for colour; None = the one that ships.
        source: Frames as `edgeenh run` takes them; None = the bundle's golden frames.
        size: (width, height).
        peers: Names from the catalogue; empty = all, and benchmark_app.
        seconds: How long each row is measured; slow ones get fewer frames, and the document says how many.
        threads: CPU threads; None = all cores.
    """

    model: Path | None = None
    source: str | None = None
    size: tuple[int, int] = (1280, 720)
    peers: Sequence[str] = ()
    seconds: float = 10.0
    threads: int | None = None
    warm_up: WarmUpLimits = field(default_factory=lambda: WarmUpLimits(window=2, tolerance=0.1, max_ms=10_000.0))


def compare_peers(request: Request, report: Report, now: datetime) -> dict[str, Any]:
    """Measure ours and the peers.

    Raises:
        UsageError: No such peer.
        BackendUnavailable: None of ours can run here.
        InputError: Bundle, source or size cannot be used.
    """
    unknown = sorted(set(request.peers) - {*BY_NAME, APP})
    if unknown:
        raise UsageError(f"there is no peer {unknown[0]!r}: choose among {', '.join([*BY_NAME, APP])}")
    bundle = Bundle.shipped() if request.model is None else Bundle.open(request.model)
    require_colour(bundle, "peers")
    names = list(request.peers) or [*BY_NAME, APP]
    ours = [
        Row(RowSpec(name, "fp32", "cpu" if name == "onnxruntime" else "auto"))
        for name in OURS
        if get_backend(name).availability().usable
    ]
    if not ours:
        raise BackendUnavailable("neither OpenVINO nor ONNX Runtime can run here: pip install 'edgeenh[cpu]'")
    rows = [*ours, *(Row(RowSpec(name, "fp32")) for name in names if name in BY_NAME)]
    with tempfile.TemporaryDirectory(prefix="edgeenh-peers-") as folder:
        frames = collect(request.source, bundle, request.size, MOST_DISTINCT, Path(folder, "frames.raw"))
        gate = Thresholds(**bundle.manifest.gate.thresholds())
        job = Job(
            bundle.path, frames, Path(folder), None, request.seconds, request.threads, request.warm_up, gate, bundle.sha256,
            module="edgeenh_bench.peers.worker", unlike=frozenset(peer.name for peer in PEERS if not peer.same_model),
        )  # fmt: skip
        conditions = Conditions()
        measured = measure_until_interrupted(job, rows, report)
        app = None
        if APP in names and not measured.interrupted:
            app = _app_in_turn(job, bundle, rows, report)
        circumstances = conditions.to_json()
    noise = noise_of(rows, measured.twin)
    return {
        **head(SCHEMA, now, bundle),
        "interrupted": measured.interrupted or (app is not None and app["interrupted"]),
        "frames": frames.to_json(),
        "method": {
            "seconds_per_row": request.seconds,
            "threads": request.threads,
            "no_reference": measured.no_reference,
            "warm_up": asdict(request.warm_up),
        },
        **circumstances,
        "rows": [row.to_json() | {"what": _what(row), "times_ours": _times(row, rows)} for row in rows],
        "benchmark_app": app,
        "noise": noise,
        "remarks": [*frames.remarks, *frames.used_again(max(row.frames_given for row in rows))],
        "doubts": [*(line for row in _ran(rows) for line in row.warnings()), *noise_lines(noise, measured.twin)],
    }


def _what(row: Row) -> str:
    peer = BY_NAME.get(row.spec.backend)
    return f"edgeenh on {row.spec.backend}" if peer is None else peer.what


def _ran(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.available and row.latencies_ms]


def _times(row: Row, rows: Sequence[Row]) -> dict[str, Any] | None:
    """This row's latency over that of our fastest row, by the blocks that both have."""
    ours = [one for one in _ran(rows) if one.spec.backend in OURS]
    if not ours or not row.available or not row.latencies_ms:
        return None
    best = min(ours, key=lambda one: statistics.median(one.latencies_ms))
    return {"row": best.spec.label, **row.times(best).to_json()}


def _app_in_turn(job: Job, bundle: Bundle, rows: Sequence[Row], report: Report) -> dict[str, Any]:
    """benchmark_app and our row for OpenVINO, or why not."""
    ours = next((row for row in _ran(rows) if row.spec.backend == "openvino"), None)
    if ours is None:
        return benchmark_app.not_measured("OpenVINO did not run here, and there is nothing to hold it against")
    width, height = job.frames.size
    height, width = padded_size(height, width, bundle.manifest.generator.size_multiple)
    return benchmark_app.take_turns(job, ours.spec, bundle.model("fp32").onnx, (width, height), report)
