"""The roofline: how much of what this machine can do the graph makes use of, as a whole and layer by layer.

Two limits are measured in the same run, on the same library and threads: multiply-adds a second, by a convolution that has everything a
convolution can want (64 channels in and out, 3×3); and bytes a second, by copying memory far larger than any cache. A layer cannot be faster
than `max(multiply-adds / peak, bytes / bandwidth)`, with the bytes of the tensors that it reads and writes (S. Williams, A. Waterman, D.
Patterson, "Roofline: an insightful visual performance model for multicore architectures", Communications of the ACM 52(4), 2009). The sum of
these bounds over the layers that the backend really runs, divided by the time it takes, is the share reached. A layer that is faster than its
bound (its tensors stay in a cache, or it only gives a tensor another name) counts with the time it took: no layer reaches more than 1.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeenh.backends import get_backend
from edgeenh.bundle import Bundle
from edgeenh.environment import cores_allowed
from edgeenh.errors import BackendUnavailable, JobFailed, UsageError
from edgeenh.padding import padded_size
from edgeenh_bench.conditions import Conditions
from edgeenh_bench.own_process import OwnProcess
from edgeenh_bench.result import doubts, head
from edgeenh_bench.rounds import Report
from edgeenh_bench.rows import unstable
from edgeenh_bench.source_frames import check_size, require_colour
from edgeenh_bench.table import grid
from edgeenh_bench.worker_process import WorkerError

SCHEMA = "edgeenh.bench-roofline/1"
LIMITS = "edgeenh_bench.machine_limits"
TIMEOUT_S = 300.0
COPY_BYTES = 256 << 20
REPEATS = 12

APART = 0.20
"""How far the sum of the layers' times may be from p50, as a share of it, before it is said."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is measured.

    Attributes:
        model: A bundle for colour; None = the one that ships.
        size: (width, height).
        seconds: How long the graph runs.
        threads: CPU threads; None = all cores.
    """

    model: Path | None = None
    size: tuple[int, int] = (1280, 720)
    seconds: float = 5.0
    threads: int | None = None


def measure_roofline(request: Request, report: Report, now: datetime) -> dict[str, Any]:
    """Measure both limits, then the graph.

    Raises:
        BackendUnavailable: OpenVINO cannot run here.
        InputError: The bundle or the size cannot be used.
        JobFailed: The library failed on the graph, or crashed.
    """
    found = get_backend("openvino").availability()
    if not found.usable:
        raise BackendUnavailable(f"openvino: {found.reason}: {found.fix}")
    bundle = Bundle.shipped() if request.model is None else Bundle.open(request.model)
    _check(bundle, request.size)
    threads, conditions = request.threads or cores_allowed(), Conditions()
    how = {"threads": threads, "repeats": REPEATS}
    graph = {"bundle": str(bundle.path), "sha256": bundle.sha256, "size": request.size, "seconds": request.seconds}
    with tempfile.TemporaryDirectory(prefix="edgeenh-roofline-") as folder, OwnProcess("roofline", Path(folder)) as own:
        try:
            report("peak arithmetic", 0, None)
            peak = own.call(f"{LIMITS}:peak_macs_per_s", TIMEOUT_S, **how)
            report("bandwidth", 0, None)
            bandwidth = own.call(f"{LIMITS}:bytes_per_s", TIMEOUT_S, size=COPY_BYTES, **how)
            report("the graph", 0, None)
            layers, times_ms = own.call(f"{LIMITS}:profiled", TIMEOUT_S + 2 * request.seconds, **graph, **how)
        except WorkerError as exc:
            raise JobFailed(f"the roofline was not measured: {exc}") from exc
    for layer in layers:
        layer["bound_ms"] = min(layer["ms"], 1000 * max(layer["macs"] / peak, layer["bytes"] / bandwidth))
    p50 = statistics.median(times_ms)
    frame_bytes = 2 * request.size[0] * request.size[1] * 3
    macs = sum(layer["macs"] for layer in layers)
    ideal_ms = 1000 * max(macs / peak, frame_bytes / bandwidth)
    return {
        **head(SCHEMA, now, bundle),
        "size": list(request.size),
        "threads": threads,
        "peak_gmacs_per_s": peak / 1e9,
        "bandwidth_gb_per_s": bandwidth / 1e9,
        "macs": macs,
        "p50_ms": p50,
        "raw_ms": [round(value, 4) for value in times_ms],
        "layers_ms": sum(layer["ms"] for layer in layers),
        "bound_ms": sum(layer["bound_ms"] for layer in layers),
        "share": sum(layer["bound_ms"] for layer in layers) / p50,
        "fused_bound_ms": ideal_ms,
        "fused_share": ideal_ms / p50,
        "groups": groups(layers),
        "layers": layers,
        **conditions.to_json(),
        "doubts": unstable("the graph", times_ms),
    }


def _check(bundle: Bundle, size: tuple[int, int]) -> None:
    require_colour(bundle, "rooflines")
    check_size(size, bundle.manifest.generator)
    multiple = bundle.manifest.generator.size_multiple
    if padded_size(size[1], size[0], multiple) != (size[1], size[0]):
        raise UsageError(
            f"--size {size[0]}x{size[1]}: give sides that are multiples of {multiple}, for the graph alone pads nothing"
        )


def groups(layers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The layers by kind, the dearest first."""
    kinds = dict.fromkeys(layer["kind"] for layer in layers)
    found = []
    for kind in kinds:
        members = [layer for layer in layers if layer["kind"] == kind]
        total = {name: sum(layer[name] for layer in members) for name in ("ms", "bound_ms", "macs", "bytes")}
        share = total["bound_ms"] / total["ms"] if total["ms"] > 0 else None
        found.append({"kind": kind, "layers": len(members), **total, "share": share})
    return sorted(found, key=lambda group: -group["ms"])


def layers_against_p50(document: Mapping[str, Any]) -> str:
    """The profiled times of the layers together, beside p50; and what it means where they are more than `APART` from each other."""
    total, p50 = sum(layer["ms"] for layer in document["layers"]), document["p50_ms"]
    line = f"layers together {total:.3g} ms, {total / p50:.0%} of p50"
    if abs(total / p50 - 1.0) <= APART:
        return line
    why = (
        "the profiler slows the layers down, or some of them run at the same time"
        if total > p50
        else "time passes outside of the layers"
    )
    return f"{line}: more than {APART:.0%} apart ({why}); read the layers' shares with care"


def render(document: dict[str, Any]) -> str:
    """The roofline for people."""
    rows = [GROUP_HEAD, *(group_cells(group) for group in document["groups"])]
    return "\n\n".join([grid(rows), "\n".join([*sentences(document), *doubts(document)])])


GROUP_HEAD = ("kind", "layers", "ms", "bound ms", "share", "MMAC", "MB")


def group_cells(group: Mapping[str, Any]) -> tuple[str, ...]:
    """One of `groups` as texts under `GROUP_HEAD`."""
    share = "n/a" if group["share"] is None else f"{group['share']:.0%}"
    return (
        group["kind"], str(group["layers"]), f"{group['ms']:.3f}", f"{group['bound_ms']:.3f}", share,
        f"{group['macs'] / 1e6:.1f}", f"{group['bytes'] / 1e6:.1f}",
    )  # fmt: skip


def sentences(document: Mapping[str, Any]) -> list[str]:
    """What was found, a line each."""
    width, height = document["size"]
    return [
        f"peak {document['peak_gmacs_per_s']:.0f} GMAC/s, {document['bandwidth_gb_per_s']:.1f} GB/s (read and written), {document['threads']} threads",
        f"{width}×{height}: p50 {document['p50_ms']:.3g} ms; bound of its layers {document['bound_ms']:.3g} ms: {document['share']:.0%} reached",
        f"were all of it one layer that reads and writes the frame once: {document['fused_bound_ms']:.3g} ms, {document['fused_share']:.0%}",
        layers_against_p50(document),
    ]
