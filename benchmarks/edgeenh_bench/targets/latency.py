"""Target: p50 ≤ 9 ms at 1280×720 on the best CPU backend with two threads."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

from edgeenh.cli.output import remark
from edgeenh_bench.comparison import Request, compare
from edgeenh_bench.table import render
from edgeenh_bench.targets.figures import CLIP, Figure, Measurement

LIMIT_MS = 9.0
CORES = 2


def measure(
    model: Path | None,
    threads: int | None,
    *,
    source: str = str(CLIP),
    size: tuple[int, int] = (1280, 720),
    frames: int = 200,
) -> Measurement:
    """Compare the CPU backends on a clip and take the fastest row that passes the gate."""
    request = Request(model, source, size, ("onnxruntime", "openvino"), frames, threads=threads or CORES)
    document = compare(request, _quiet, datetime.now(UTC)).document
    remark("\n" + render(document))
    rows = [row for row in document["rows"] if row["gate_passed"] and str(row["device"]).startswith("CPU")]
    best = min(rows, key=lambda row: row["latency_ms"]["p50"], default=None)
    figure = Figure(
        "p50 on the best CPU backend", best["latency_ms"]["p50"] if best else math.nan, "ms", at_most=LIMIT_MS
    )
    chosen = f"{best['backend']} {best['precision']}" if best else None
    return Measurement([figure], {"best": chosen, "comparison": document})


def _quiet(step: str, done: int, total: int | None) -> None:
    """The comparison's progress is not shown: the target prints its table."""
