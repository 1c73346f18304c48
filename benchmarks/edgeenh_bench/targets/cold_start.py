"""Target: from the start of a process to its first enhanced frame of 1280×720 ≤ 1 s, on the best CPU backend, with nothing remembered."""

from __future__ import annotations

import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any

from edgeenh.bundle import Bundle
from edgeenh_bench.targets.figures import Figure, Measurement
from edgeenh_bench.targets.startup import run_command, time_command

LIMIT_S = 1.0
SIZE = (1280, 720)

_FIRST_FRAME = """
import json, sys, time
began = time.perf_counter()
import numpy as np
import edgeenh
model, backend, threads, width, height = sys.argv[1], sys.argv[2], int(sys.argv[3]) or None, int(sys.argv[4]), int(sys.argv[5])
with edgeenh.load(model, backend=backend, threads=threads) as enhancer:
    loaded = time.perf_counter()
    frame = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    started = time.perf_counter()
    enhanced = enhancer(frame)
    done = time.perf_counter()
    assert enhanced.shape == frame.shape
    seconds = {"import_and_load": loaded - began, "first_frame": done - started}
    began = time.perf_counter()
    enhancer(frame)
    print(json.dumps(seconds | {"second_frame": time.perf_counter() - began}))
"""


def measure(
    model: Path | None,
    threads: int | None,
    *,
    backends: tuple[str, ...] = ("onnxruntime", "openvino"),
    size: tuple[int, int] = SIZE,
    repeats: int = 9,
) -> Measurement:
    """Start a process per backend `repeats` times, alternating, after one start each that fills the system's caches."""
    path = str(Bundle.shipped().path if model is None else model)
    words = {
        backend: [sys.executable, "-c", _FIRST_FRAME, path, backend, str(threads or 0), *map(str, size)]
        for backend in backends
    }
    parts: dict[str, list[Any]] = {backend: [] for backend in backends}
    whole: dict[str, list[float]] = {backend: [] for backend in backends}
    for number in range(repeats + 1):
        for backend, command in words.items():
            if number:
                whole[backend].append(time_command(command))
            else:
                parts[backend].append(json.loads(run_command(command)))
    medians = {backend: statistics.median(values) for backend, values in whole.items()}
    best = min(medians, key=lambda backend: medians[backend], default="")
    figures = [Figure(f"first frame, {best}, whole process", medians.get(best, math.nan), "s", at_most=LIMIT_S)]
    figures += [Figure(f"first frame, {name}, whole process", value, "s") for name, value in medians.items()]
    return Measurement(figures, {"size": list(size), "raw_s": whole, "parts_s": parts})
