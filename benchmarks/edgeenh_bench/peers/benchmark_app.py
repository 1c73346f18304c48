"""OpenVINO's own `benchmark_app` on the same graph: what somebody else's clock says of the same work.

It feeds random pictures through one request after another and prints its median. Our figure for OpenVINO must agree within `AGREEMENT`;
more would mean that one of the two clocks counts something else.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from edgeenh.errors import BackendUnavailable

AGREEMENT = 0.05
TIMEOUT_S = 300.0
_MEDIAN = re.compile(r"Median:\s+([0-9.]+) (us|ms|s)\b")
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def median_ms(onnx: Path, size: tuple[int, int], threads: int, frames: int) -> float:
    """Run it, and return the median that it prints, in milliseconds.

    Args:
        onnx: The bundle's FP32 graph, in a file.
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
        program, "-m", str(onnx), "-d", "CPU", "-api", "sync", "-niter", str(frames), "-nthreads", str(threads),
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
