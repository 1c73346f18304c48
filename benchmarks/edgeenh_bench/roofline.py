"""The roofline: how much of what this machine can do the graph makes use of, as a whole and layer by layer.

Two limits are measured in the same run, on the same library and threads: multiply-adds a second, by a convolution that has everything a
convolution can want (64 channels in and out, 3×3); and bytes a second, by copying memory far larger than any cache. A layer cannot be faster
than `max(multiply-adds / peak, bytes / bandwidth)`, with the bytes of the tensors that it reads and writes (S. Williams, A. Waterman, D.
Patterson, "Roofline: an insightful visual performance model for multicore architectures", Communications of the ACM 52(4), 2009). The sum of
these bounds over the layers that the backend really runs, divided by the time it takes, is the share reached. A layer that is faster than its
bound (its tensors stay in a cache, or it only gives a tensor another name) counts with the time it took: no layer reaches more than 1.
"""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from edgeenh.backends import get_backend
from edgeenh.bundle import Bundle
from edgeenh.environment import cores_allowed
from edgeenh.errors import BackendUnavailable
from edgeenh_bench.other_load import OtherLoad
from edgeenh_bench.result import busy_lines, head
from edgeenh_bench.rounds import Report
from edgeenh_bench.table import grid

SCHEMA = "edgeenh.bench-roofline/1"
COPY_BYTES = 256 << 20
REPEATS = 12
CHANNELS, SIDE, LAYERS = 64, 192, 4
"""Of the convolutions by which the peak is measured: 1.4 GMAC each, their tensors within a few megabytes."""

APART = 0.20
"""How far the sum of the layers' times may be from p50, as a share of it, before it is said."""

Model = Any  # openvino.Model; the package has no types of its own here


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
        InputError: The bundle cannot be used.
    """
    found = get_backend("openvino").availability()
    if not found.usable:
        raise BackendUnavailable(f"openvino: {found.reason}: {found.fix}")
    bundle = Bundle.shipped() if request.model is None else Bundle.open(request.model)
    threads, load = request.threads or cores_allowed(), OtherLoad()
    report("peak arithmetic", 0, None)
    peak = peak_macs_per_s(threads)
    report("bandwidth", 0, None)
    bandwidth = bytes_per_s(threads)
    report("the graph", 0, None)
    layers, times_ms = _profiled(bundle.model("fp32").onnx, request.size, threads, request.seconds)
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
        "cpu_share_of_other_programs": round(load.share(), 3),
    }


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


def bytes_per_s(threads: int, size: int = COPY_BYTES) -> float:
    """Bytes read and written a second by copying, the best of `REPEATS`; each thread has its own part."""
    parts = [(np.zeros(size // threads, np.uint8), np.ones(size // threads, np.uint8)) for _ in range(threads)]

    def once() -> float:
        workers = [threading.Thread(target=np.copyto, args=(to, source)) for to, source in parts]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return 2 * sum(source.nbytes for _, source in parts) / (time.perf_counter() - began)

    return max(once() for _ in range(REPEATS))


def peak_macs_per_s(threads: int) -> float:
    """Multiply-adds a second of FP32 convolutions that lack nothing, the best of `REPEATS`."""
    import openvino
    from openvino import opset13 as ops

    rng = np.random.default_rng(0)
    picture = node = ops.parameter([1, CHANNELS, SIDE, SIDE], np.float32)
    for _ in range(LAYERS):
        weights = rng.standard_normal((CHANNELS, CHANNELS, 3, 3)).astype(np.float32) * np.float32(0.05)
        node = ops.relu(ops.convolution(node, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
    request = _compiled(openvino.Model([node], [picture]), threads).create_infer_request()
    given = rng.standard_normal((1, CHANNELS, SIDE, SIDE)).astype(np.float32)
    macs = LAYERS * CHANNELS * CHANNELS * 9 * SIDE * SIDE
    times = _timed(lambda: request.infer({0: given}), seconds=0.0)
    return macs / (min(times) / 1000)


def _compiled(model: Model, threads: int, **more: Any) -> Any:
    import openvino

    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    return openvino.Core().compile_model(model, "CPU", options | more)


def _timed(run: Callable[[], object], seconds: float) -> list[float]:
    """Milliseconds of every run, at least `REPEATS` after as many that are not counted."""
    for _ in range(REPEATS):
        run()
    times: list[float] = []
    while len(times) < REPEATS or sum(times) < seconds * 1000:
        began = time.perf_counter()
        run()
        times.append((time.perf_counter() - began) * 1000)
    return times


def _profiled(
    onnx: bytes, size: tuple[int, int], threads: int, seconds: float
) -> tuple[list[dict[str, Any]], list[float]]:
    """What each layer that is really run takes, reads, writes and multiplies; and the times of whole runs without the profiler."""
    import openvino

    width, height = size
    model = openvino.Core().read_model(onnx)
    model.reshape({"image": [1, height, width, 3], "strength": [1]})
    macs = {op.get_friendly_name(): _macs(op) for op in model.get_ordered_ops()}
    image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    inputs = {0: image, 1: np.ones(1, np.float32)}
    plain = _compiled(model, threads).create_infer_request()
    times = _timed(lambda: plain.infer(inputs), seconds)
    compiled = _compiled(model, threads, PERF_COUNT=True)
    request = compiled.create_infer_request()
    taken: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        request.infer(inputs)
        for entry in request.profiling_info:
            taken.setdefault(entry.node_name, []).append(entry.real_time.total_seconds() * 1000)
    ops = compiled.get_runtime_model().get_ordered_ops()
    return [_layer(op, macs, taken) for op in ops if _runs(op)], times


def _runs(op: Any) -> bool:
    return str(_info(op, "layerType")) not in ("Input", "Output", "Const", "Constant")


def _info(op: Any, name: str) -> Any:
    info = op.get_rt_info()
    found = info[name] if name in info else ""  # noqa: SIM401  # it has no get
    return getattr(found, "value", found)


def _layer(op: Any, macs: dict[str, int], taken: dict[str, list[float]]) -> dict[str, Any]:
    name = op.get_friendly_name()
    origins = [part for part in str(_info(op, "originalLayersNames")).split(",") if part]
    moved = sum(_bytes(port) for port in [*(value.get_source_output() for value in op.inputs()), *op.outputs()])
    return {
        "name": name,
        "kind": str(_info(op, "layerType")),
        "primitive": str(_info(op, "primitiveType")),
        "precision": str(_info(op, "runtimePrecision")),
        "ms": statistics.median(taken.get(name, [0.0])),
        "macs": sum(macs.get(origin, 0) for origin in origins),
        "bytes": moved,
    }


def _bytes(port: Any) -> int:
    size: int = port.get_element_type().size
    return int(math.prod(port.get_shape())) * size


def _macs(op: Any) -> int:
    """Multiply-adds of one operator of the graph; 0 where it is no convolution and no matrix product."""
    kind = op.get_type_name()
    if kind not in (
        "Convolution",
        "GroupConvolution",
        "ConvolutionBackpropData",
        "GroupConvolutionBackpropData",
        "MatMul",
    ):
        return 0
    weights, given, made = op.input(1).get_shape(), op.input(0).get_shape(), op.output(0).get_shape()
    if kind == "MatMul":
        return int(math.prod(made) * given[-1])
    kernel = math.prod(weights[-2:])
    per_value = weights[-3] * kernel  # of a convolution: channels in; of a transposed one: channels out
    return int(math.prod(given if "Backprop" in kind else made) * per_value)


def render(document: dict[str, Any]) -> str:
    """The roofline for people."""
    rows = [GROUP_HEAD, *(group_cells(group) for group in document["groups"])]
    return "\n\n".join([grid(rows), "\n".join([*sentences(document), *busy_lines(document)])])


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
