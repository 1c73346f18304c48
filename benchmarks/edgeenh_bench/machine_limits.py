"""What this machine can do at most, and what each layer of a graph asks of it: called in a process of its own by `edgeenh_bench.roofline`."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgeenh.backends.openvino_graph import reshape_bytes
from edgeenh.bundle import Bundle
from edgeenh.errors import IntegrityError

CHANNELS, SIDE, LAYERS = 64, 192, 4
"""Of the convolutions by which the peak is measured: 1.4 GMAC each, their tensors within a few megabytes."""

Model = Any  # openvino.Model; the package has no types of its own here


def bytes_per_s(threads: int, repeats: int, size: int) -> float:
    """Bytes read and written a second by copying `size`, the best of `repeats`; each thread has its own part."""
    parts = [(np.zeros(size // threads, np.uint8), np.ones(size // threads, np.uint8)) for _ in range(threads)]

    def once() -> float:
        workers = [threading.Thread(target=np.copyto, args=(to, source)) for to, source in parts]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return 2 * sum(source.nbytes for _, source in parts) / (time.perf_counter() - began)

    return max(once() for _ in range(repeats))


def peak_macs_per_s(threads: int, repeats: int) -> float:
    """Multiply-adds a second of FP32 convolutions that lack nothing, the best of `repeats`."""
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
    times = _timed(lambda: request.infer({0: given}), 0.0, repeats)
    return macs / (min(times) / 1000)


def _compiled(model: Model, threads: int, **more: Any) -> Any:
    import openvino

    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    return openvino.Core().compile_model(model, "CPU", options | more)


def _timed(run: Callable[[], object], seconds: float, repeats: int) -> list[float]:
    """Milliseconds of every run, at least `repeats` after as many that are not counted."""
    for _ in range(repeats):
        run()
    times: list[float] = []
    while len(times) < repeats or sum(times) < seconds * 1000:
        began = time.perf_counter()
        run()
        times.append((time.perf_counter() - began) * 1000)
    return times


def profiled(
    bundle: str, sha256: str, size: tuple[int, int], seconds: float, threads: int, repeats: int
) -> tuple[list[dict[str, Any]], list[float]]:
    """What each layer that is really run takes, reads, writes and multiplies; and the times of whole runs without the profiler."""
    import openvino

    opened = Bundle.open(Path(bundle))
    if opened.sha256 != sha256:
        raise IntegrityError(f"{bundle} is another bundle than the one that was checked: run it again")
    width, height = size
    model = openvino.Core().read_model(opened.model("fp32").onnx)
    reshape_bytes(model)  # as the backend has it
    model.reshape({"image": [1, height, width, 3], "strength": [1]})
    macs = {op.get_friendly_name(): _macs(op) for op in model.get_ordered_ops()}
    image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    inputs = {0: image, 1: np.ones(1, np.float32)}
    plain = _compiled(model, threads).create_infer_request()
    times = _timed(lambda: plain.infer(inputs), seconds, repeats)
    compiled = _compiled(model, threads, PERF_COUNT=True)
    request = compiled.create_infer_request()
    taken: dict[str, list[float]] = {}
    for _ in range(repeats):
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
