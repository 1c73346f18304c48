"""Target: `edgeenh run` on 1920×1080 holds at most 250 MB, the station and its worker together, on the best CPU backend.

Method. The clip is scaled to 1920×1080 and written as H.264 (`edgeenh.sinks`), so that a real decoder is among what is counted. Per backend one
process, as a user types it: `edgeenh run CLIP --mode live --max-age 2000 --out null --backend NAME --precision fp32`. From its start to its end the *proportional* set
size (PSS) of the process and of all its descendants is read ten times a second (`/proc/PID/smaps_rollup`) and added up: a page that two of
them share counts once in the sum. The figure is the largest sum. The sum of resident sets (RSS), in which shared pages count in every process, stands
beside it for information. The best backend is that which holds least. Nothing is timed meanwhile. Megabytes are 10⁶ bytes.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from edgeenh.errors import JobFailed
from edgeenh.frames import EnhancedFrame, Frame, Status
from edgeenh.sinks.video import open_video
from edgeenh_bench.memory import PeakOfTree, TreeMemory
from edgeenh_bench.source_frames import fit, read_frames
from edgeenh_bench.targets.figures import CLIP, Figure, Measurement
from edgeenh_bench.targets.startup import edgeenh_command
from edgeenh_bench.worker_process import worker_environment

LIMIT_MB = 250.0
SIZE = (1920, 1080)
FPS = 25.0
MOST_FRAMES = 75
MAX_AGE_MS = 2000
"""On a busy machine frames may be late; what is held does not depend on it."""

BACKENDS = ("onnxruntime", "openvino")


def measure(
    model: Path | None,
    threads: int | None,
    *,
    source: str = str(CLIP),
    size: tuple[int, int] = SIZE,
    backends: tuple[str, ...] = BACKENDS,
    frames: int = MOST_FRAMES,
) -> Measurement:
    """Run each backend once and look at all its processes.

    Raises:
        JobFailed: A run failed, or no frame came out of it enhanced.
    """
    with tempfile.TemporaryDirectory(prefix="edgeenh-run-memory-") as folder:
        clip = write_clip(source, size, frames, Path(folder, "clip.mp4"))
        found = {name: _watch(name, clip, model, threads, Path(folder, f"{name}.json")) for name in backends}
    peaks = {name: max(looks, key=lambda look: look.pss_mb) for name, (looks, _) in found.items()}
    best = min(peaks, key=lambda name: peaks[name].pss_mb)
    figures = [Figure(f"PSS of edgeenh run on {best}", peaks[best].pss_mb, "MB", at_most=LIMIT_MB)]
    figures += [
        Figure(f"PSS of edgeenh run on {name}", one.pss_mb, "MB") for name, one in peaks.items() if name != best
    ]
    figures += [Figure(f"RSS of edgeenh run on {name}", one.rss_mb, "MB") for name, one in peaks.items()]
    details = {
        name: {"processes": peaks[name].processes, "accounting": accounting, "looks": [list(look) for look in looks]}
        for name, (looks, accounting) in found.items()
    }
    return Measurement(figures, {"size": list(size), "look_fields": list(TreeMemory._fields), "runs": details})


def write_clip(source: str, size: tuple[int, int], frames: int, path: Path) -> Path:
    """The first frames of a source, scaled, as a video of `FPS` frames a second."""
    sink = open_video(path, FPS)
    try:
        for number, image in enumerate(read_frames(source, frames)):
            picture = np.asarray(fit(image, size), np.uint8)
            frame = Frame(picture, source, number, round(number * 1e9 / FPS))
            sink.write(EnhancedFrame(picture, frame, Status.PASSTHROUGH, None, "", 0, 0, None))
    finally:
        sink.close()
    return path


def _watch(
    backend: str, clip: Path, model: Path | None, threads: int | None, report: Path
) -> tuple[list[TreeMemory], dict[str, Any]]:
    words = [
        "run",
        str(clip),
        "--mode",
        "live",
        "--max-age",
        str(MAX_AGE_MS),
        "--out",
        "null",
        "--backend",
        backend,
        "--precision",
        "fp32",
    ]
    words += ["--json", str(report)]
    words += [] if model is None else ["--model", str(model)]
    words += [] if threads is None else ["--threads", str(threads)]
    process = subprocess.Popen(
        [*edgeenh_command(), *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=worker_environment(os.environ)
    )  # fmt: skip
    with PeakOfTree(process.pid) as peak:
        said = process.communicate()[1]
    if process.returncode:
        last = said.strip().splitlines()[-1:] or ["it said nothing"]
        raise JobFailed(f"`edgeenh {' '.join(words)}` ended with {process.returncode}: {last[0]}")
    accounting: dict[str, Any] = json.loads(report.read_text())["accounting"]
    if not accounting["enhanced"]:
        raise JobFailed(f"{backend} enhanced no frame in time ({accounting}): memory of anything else says nothing")
    return peak.looks, accounting
