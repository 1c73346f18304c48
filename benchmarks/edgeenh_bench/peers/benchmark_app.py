"""OpenVINO's own `benchmark_app` on the same graph: what somebody else's clock says of the same work.

It gets the graph as our backend has it compiled, in OpenVINO's own form: reshaped where the frame is bytes (`edgeenh.backends.openvino_graph`).

It feeds random pictures through one request after another and prints its median. Our row for OpenVINO takes turns with it, with the same graph,
threads and precision: a block of frames, a run of benchmark_app, and the other way round in the next round. The ratio is that of the medians within
a round, its interval that of order statistics (`edgeenh_bench.intervals`). It must be within `AGREEMENT` of 1; more would mean that one of
the two clocks counts something else.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeenh.environment import cores_allowed
from edgeenh.errors import BackendUnavailable
from edgeenh_bench.intervals import Ratio, ratio_of_blocks
from edgeenh_bench.rounds import REWARM, Job, Report
from edgeenh_bench.rows import RowSpec
from edgeenh_bench.worker_process import OPEN_TIMEOUT_S, WorkerError, WorkerProcess

AGREEMENT = 0.05
TIMEOUT_S = 300.0
ROUNDS = 8
"""The fewest for an interval are 6."""

FRAMES = 60
"""In a block of ours, and in a run of benchmark_app."""

_WRITE = """
import sys
from edgeenh.backends.libraries import import_openvino
from edgeenh.backends.openvino_graph import reshape_bytes

library = import_openvino()
graph = library.Core().read_model(sys.argv[1])
reshape_bytes(graph)
library.save_model(graph, sys.argv[2], compress_to_fp16=False)
"""

_MEDIAN = re.compile(r"Median:\s+([0-9.]+) (us|ms|s)\b")
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def median_ms(graph: Path, size: tuple[int, int], threads: int, frames: int) -> float:
    """Run it, and return the median that it prints, in milliseconds.

    Args:
        graph: In a file that OpenVINO reads.
        size: (width, height).
        threads: CPU threads.
        frames: How many it runs.

    Raises:
        BackendUnavailable: It is not installed, failed, or printed no median.
    """
    program = shutil.which("benchmark_app", path=str(Path(sys.executable).parent)) or shutil.which("benchmark_app")
    if program is None:
        raise BackendUnavailable("benchmark_app is not installed: pip install 'edgeenh[openvino]'")
    width, height = size
    command = [
        program, "-m", str(graph), "-d", "CPU", "-api", "sync", "-niter", str(frames), "-nthreads", str(threads),
        "-hint", "none", "-nstreams", "1", "-infer_precision", "f32", "-shape", f"image[1,{height},{width},3],strength[1]",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise BackendUnavailable(f"benchmark_app did not run ({exc}): try it by hand") from exc
    found = _MEDIAN.search(done.stdout)
    if done.returncode or found is None:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["it printed nothing"]
        raise BackendUnavailable(f"benchmark_app ended with {done.returncode}: {lines[-1][:200]}")
    return float(found[1]) * _MS[found[2]]


def not_measured(reason: str) -> dict[str, Any]:
    """What the result says where there is nothing to compare."""
    return {
        "available": False, "reason": reason, "interrupted": False, "agrees": None, "decided": None, "ratio": None, "ours_ms": [], "theirs_ms": [],
    }  # fmt: skip


def take_turns(
    job: Job, spec: RowSpec, onnx: bytes, size: tuple[int, int], report: Report, rounds: int = ROUNDS
) -> dict[str, Any]:
    """Measure both, round by round.

    Args:
        job: What the peers' comparison measures.
        spec: Our row for OpenVINO, FP32.
        onnx: The bundle's FP32 graph.
        size: (width, height) of what the graph gets: the frame's, padded.
        report: Told of the progress.
        rounds: How often each has its turn.

    Returns:
        Medians of each round in milliseconds, their ratio (ours over theirs) with its interval, and the verdict; or the reason why not. After
        Ctrl-C, what whole rounds there are, and `interrupted`.
    """
    threads = job.threads or cores_allowed()
    ours, theirs, interrupted = list[float](), list[float](), False
    try:
        path = _written(onnx, job.folder / "as-compiled.xml")
        with WorkerProcess("openvino-beside-app", job.folder / "beside-app.log") as worker:
            worker.ask(job.open_request(spec), OPEN_TIMEOUT_S)
            worker.ask({"do": "warm_up", "limits": asdict(job.warm_up)})
            sides: list[tuple[list[float], Callable[[], float]]] = [
                (ours, lambda: _block_ms(job, worker)),
                (theirs, lambda: median_ms(path, size, threads, FRAMES)),
            ]
            for number in range(rounds):
                for seen, measure in sides[:: -1 if number % 2 else 1]:
                    report(f"{spec.label} and benchmark_app in turn", number, rounds)
                    seen.append(measure())
    except (BackendUnavailable, WorkerError) as exc:
        return not_measured(str(exc))
    except KeyboardInterrupt:
        interrupted = True
        if not ours or not theirs:
            return not_measured("interrupted before its first round") | {"interrupted": True}
    whole = min(len(ours), len(theirs))
    return verdict(ours[:whole], theirs[:whole]) | {"interrupted": interrupted, "threads": threads, "row": spec.label}


def verdict(ours_ms: list[float], theirs_ms: list[float]) -> dict[str, Any]:
    """Whether the medians of as many rounds agree.

    Returns:
        `agrees`: the ratio is within `AGREEMENT` of 1. `decided`: its whole interval lies on the same side of that limit; False also where there are
        too few rounds for an interval.
    """
    ratio = ratio_of_blocks(ours_ms, theirs_ms)
    return {
        "available": True,
        "reason": "",
        "ours_ms": [round(value, 4) for value in ours_ms],
        "theirs_ms": [round(value, 4) for value in theirs_ms],
        "median_ms": statistics.median(theirs_ms),
        "ratio": ratio.to_json(),
        "agrees": _within(ratio.value),
        "decided": _decided(ratio),
    }


def _written(onnx: bytes, path: Path) -> Path:
    """What the backend compiles for this graph, as a file: written in a process of its own, since a library may crash.

    Raises:
        BackendUnavailable: OpenVINO is not installed, or failed.
    """
    path.with_suffix(".onnx").write_bytes(onnx)
    command = [sys.executable, "-c", _WRITE, str(path.with_suffix(".onnx")), str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise BackendUnavailable(f"the graph for benchmark_app was not written ({exc}): try again") from exc
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it printed nothing"]
        raise BackendUnavailable(
            f"the graph for benchmark_app was not written ({lines[-1][:200]}): is openvino installed?"
        )
    return path


def _decided(ratio: Ratio) -> bool:
    if ratio.low is None or ratio.high is None:
        return False
    if _within(ratio.value):
        return _within(ratio.low) and _within(ratio.high)
    return ratio.low > 1.0 + AGREEMENT or ratio.high < 1.0 - AGREEMENT


def _within(value: float) -> bool:
    return abs(value - 1.0) <= AGREEMENT


def _block_ms(job: Job, worker: WorkerProcess) -> float:
    """The median of one block of ours, in parts of what is in memory."""
    found, left = list[float](), FRAMES
    while left > 0:
        part = min(left, job.slots)
        found += worker.ask({"do": "block", "first": 0, "count": part, "rewarm": REWARM, **job.mode.request()})[
            "latencies_ms"
        ]
        left -= part
    return statistics.median(found)
