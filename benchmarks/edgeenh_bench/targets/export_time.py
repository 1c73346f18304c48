"""Target: `edgeenh export --fp16` with gate and TensorRT-RTX plan ≤ 15 s, whole process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgeenh.bundle import Bundle
from edgeenh.errors import JobFailed
from edgeenh_bench.targets.figures import Figure, Measurement
from edgeenh_bench.worker_process import worker_environment

LIMIT_S = 15.0


def measure(
    model: Path | None, threads: int | None, *, words: tuple[str, ...] = ("--fp16", "--size", "1280x720")
) -> Measurement:
    """Export the shipped checkpoint once, from a cold process, and open what came out.

    Raises:
        JobFailed: The export failed; the message is its last line.
    """
    del model, threads  # the exporter takes the checkpoint that ships, and its own threads
    with tempfile.TemporaryDirectory(prefix="edgeenh-export-") as folder:
        out = Path(folder, "m.edgeenh")
        command = [sys.executable, "-m", "edgeenh.cli", "export", *words, "--out", str(out)]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=worker_environment(os.environ))
        seconds = time.perf_counter() - started
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or ["nothing on stderr"]
            raise JobFailed(f"`edgeenh export {' '.join(words)}` ended with {done.returncode}: {last[0]}")
        manifest = Bundle.open(out).manifest
    engines = [f"{engine.flavour} {engine.version} {engine.precision}" for engine in manifest.engines]
    gate = [dict(result) for result in manifest.gate.results]
    figures = [
        Figure("edgeenh export, whole process", seconds, "s", at_most=LIMIT_S),
        Figure("TensorRT plans built meanwhile", len(engines)),
    ]
    return Measurement(figures, {"words": list(words), "engines": engines, "gate": gate})
