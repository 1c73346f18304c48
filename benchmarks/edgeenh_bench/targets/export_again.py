"""Target: exporting again with the same inputs, tools and machine ≤ 2 s, whole process; and what the first export takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgeenh.errors import JobFailed
from edgeenh_bench.targets.figures import Figure, Measurement
from edgeenh_bench.worker_process import worker_environment

FIRST_LIMIT_S, AGAIN_LIMIT_S = 15.0, 2.0


def measure(model: Path | None, threads: int | None, *, repeats: int = 3) -> Measurement:
    """Export the shipped checkpoint with gate and plan, then again; the median of the repeats counts.

    Raises:
        JobFailed: An export failed, or the second did the work again.
    """
    del model, threads  # the exporter takes the checkpoint that ships, and its own threads
    with tempfile.TemporaryDirectory(prefix="edgeenh-again-") as folder:
        environment = {**worker_environment(os.environ), "XDG_CACHE_HOME": str(Path(folder, "cache"))}
        words = ["export", "--fp16", "--size", "1280x720", "--out", str(Path(folder, "m.edgeenh"))]
        first, _ = _run(words, environment)
        again = []
        for _ in range(repeats):
            seconds, said = _run(words, environment)
            if "is up to date" not in said:
                raise JobFailed(f"the second export was not up to date: {said.strip().splitlines()[-1:]}")
            again.append(seconds)
    figures = [
        Figure("edgeenh export, whole process", first, "s", at_most=FIRST_LIMIT_S),
        Figure("edgeenh export again, whole process", sorted(again)[len(again) // 2], "s", at_most=AGAIN_LIMIT_S),
    ]
    return Measurement(figures, {"words": words[:-1], "raw_s": again})


def _run(words: list[str], environment: dict[str, str]) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "edgeenh.cli", *words], capture_output=True, text=True, check=False, env=environment
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["nothing on stderr"]
        raise JobFailed(f"`edgeenh {' '.join(words)}` ended with {done.returncode}: {last[0]}")
    return seconds, done.stdout
