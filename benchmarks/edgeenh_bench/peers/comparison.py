"""The peers' comparison: rows that take turns, and the document that says everything about it."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeenh.backends import get_backend
from edgeenh.bundle import Bundle
from edgeenh.drift import Thresholds
from edgeenh.environment import cores_allowed
from edgeenh.errors import BackendUnavailable, UsageError
from edgeenh.padding import padded_size
from edgeenh_bench.measure import WarmUpLimits
from edgeenh_bench.other_load import OtherLoad
from edgeenh_bench.peers import benchmark_app
from edgeenh_bench.peers.catalogue import BY_NAME, PEERS
from edgeenh_bench.result import head
from edgeenh_bench.rounds import Job, Report, measure_rows
from edgeenh_bench.rows import Row, RowSpec
from edgeenh_bench.source_frames import collect

SCHEMA = "edgeenh.bench-peers/1"
OURS = ("openvino", "onnxruntime")
"""Our own rows, FP32; the first that can run is what peers are compared with."""

MOST_DISTINCT = 30
APP = "benchmark_app"
APP_FRAMES = 60
APP_RUNS = 3


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
        load = OtherLoad()
        measured = measure_rows(job, rows, report)
        app = _app(bundle, request, Path(folder), report) if APP in names else None
        busy = load.share()
    return {
        **head(SCHEMA, now, bundle),
        "frames": frames.to_json(),
        "method": {
            "seconds_per_row": request.seconds,
            "threads": request.threads,
            "no_reference": measured.no_reference,
        },
        "cpu_share_of_other_programs": round(busy, 3),
        "rows": [row.to_json() | {"what": _what(row), "times_ours": _times(row, rows)} for row in rows],
        "benchmark_app": None if app is None else _agreement(app, rows),
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


def _app(bundle: Bundle, request: Request, folder: Path, report: Report) -> dict[str, Any]:
    report("benchmark_app", 0, None)
    path = folder / "model.onnx"
    path.write_bytes(bundle.model("fp32").onnx)
    threads = request.threads or cores_allowed()
    try:
        multiple = bundle.manifest.generator.size_multiple
        height, width = padded_size(request.size[1], request.size[0], multiple)
        found = [benchmark_app.median_ms(path, (width, height), threads, APP_FRAMES) for _ in range(APP_RUNS)]
    except BackendUnavailable as exc:
        return {"available": False, "reason": str(exc)}
    return {"available": True, "reason": "", "medians_ms": found, "median_ms": statistics.median(found)}


def _agreement(app: dict[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """Whether our median for OpenVINO is benchmark_app's, within `AGREEMENT`; None where one of the two is missing."""
    ours = [row for row in _ran(rows) if row.spec.backend == "openvino"]
    if not app["available"] or not ours:
        return app | {"ours_over_theirs": None, "agrees": None}
    ratio = statistics.median(ours[0].latencies_ms) / app["median_ms"]
    return app | {"ours_over_theirs": round(ratio, 4), "agrees": abs(ratio - 1.0) <= benchmark_app.AGREEMENT}
