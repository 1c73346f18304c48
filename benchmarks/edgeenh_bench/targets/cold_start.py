"""Target: from the start of a process to its first enhanced frame of 1280×720 ≤ 1 s.

Twice: on the better CPU backend at its first start, when golden frames judge and time its precisions; and with the backend that the
station remembers to have chosen, as at every later start. For information: the first start of all with `auto`, which tries everything.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

from edgeenh.bundle import Bundle
from edgeenh_bench.targets.figures import Figure, Measurement
from edgeenh_bench.targets.startup import run_command, time_command

LIMIT_S = 1.0
SIZE = (1280, 720)
FIRST_OF_ALL = "auto, first of all"
REMEMBERED = "auto, remembered"

_FIRST_FRAME = """
import json, sys, time
from pathlib import Path
began = time.perf_counter()
import numpy as np
import edgeenh
model, backend, cache = sys.argv[1], sys.argv[2], Path(sys.argv[3]) if sys.argv[3] else None
threads, width, height = int(sys.argv[4]) or None, int(sys.argv[5]), int(sys.argv[6])
with edgeenh.load(model, backend=backend, threads=threads, cache_dir=cache) as enhancer:
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
    with tempfile.TemporaryDirectory(prefix="edgeenh-cold-") as cache:
        places = {backend: (backend, "") for backend in backends}
        places |= {FIRST_OF_ALL: ("auto", ""), REMEMBERED: ("auto", cache)}
        tail = [str(threads or 0), *map(str, size)]
        words = {name: [sys.executable, "-c", _FIRST_FRAME, path, *place, *tail] for name, place in places.items()}
        parts = {name: json.loads(run_command(command)) for name, command in words.items()}
        whole: dict[str, list[float]] = {name: [] for name in words}
        for _ in range(repeats):
            for name, command in words.items():
                whole[name].append(time_command(command))
    medians = {name: statistics.median(values) for name, values in whole.items()}
    best = min(backends, key=lambda backend: medians[backend])
    limited = {best, REMEMBERED}
    figures = [
        Figure(f"first frame, {name}, whole process", value, "s", at_most=LIMIT_S if name in limited else None)
        for name, value in medians.items()
    ]
    return Measurement(figures, {"size": list(size), "raw_s": whole, "parts_of_the_first_start_s": parts})
