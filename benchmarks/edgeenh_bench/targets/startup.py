"""Targets: `edgeenh --help` ≤ 0.15 s and `import edgeenh` ≤ 0.1 s, whole processes, without heavy imports."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from edgeenh.errors import JobFailed
from edgeenh_bench.targets.figures import Figure, Measurement
from edgeenh_bench.worker_process import worker_environment

HELP_LIMIT_S = 0.15
IMPORT_LIMIT_S = 0.1
HEAVY = (
    "numpy",
    "cv2",
    "torch",
    "onnx",
    "onnxruntime",
    "openvino",
    "tensorrt",
    "tensorrt_rtx",
    "rich",
    "cryptography",
)

_LOADED = f"import sys, edgeenh; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"


def measure(model: Path | None, threads: int | None, *, repeats: int = 15) -> Measurement:
    """Start each command `repeats` times, alternating, after one start that fills the caches; medians count."""
    del model, threads  # neither is used before a command runs
    commands = {
        "nothing": [sys.executable, "-c", "pass"],
        "import": [sys.executable, "-c", "import edgeenh"],
        "help": [*edgeenh_command(), "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(repeats + 1):
        for name, command in commands.items():
            seconds = time_command(command)
            if number:
                times[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    heavy = run_command([sys.executable, "-c", _LOADED]).split()
    figures = [
        Figure("edgeenh --help", medians["help"], "s", at_most=HELP_LIMIT_S),
        Figure("python -c 'import edgeenh'", medians["import"], "s", at_most=IMPORT_LIMIT_S),
        Figure("heavy modules that `import edgeenh` loads", len(heavy), at_most=0),
        Figure("python -c 'pass', for comparison", medians["nothing"], "s"),
    ]
    return Measurement(figures, {"raw_s": times, "commands": commands, "heavy": heavy})


def edgeenh_command() -> list[str]:
    """The installed script beside this interpreter, which is what users start; without one, `python -m edgeenh.cli`."""
    script = Path(sys.executable).parent / "edgeenh"
    return [str(script)] if script.exists() else [sys.executable, "-m", "edgeenh.cli"]


def time_command(command: list[str]) -> float:
    """Seconds that a whole process takes.

    Raises:
        JobFailed: It ended with another exit code than 0.
    """
    started = time.perf_counter()
    run_command(command)
    return time.perf_counter() - started


def run_command(command: list[str]) -> str:
    """What a process writes to stdout.

    Raises:
        JobFailed: It ended with another exit code than 0.
    """
    environment = worker_environment(os.environ)
    # An installed package has its bytecode from pip; a source tree writes it at the first start, unless it is told not to.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise JobFailed(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout
