"""Target: two workers of a Ray cluster do at least 1.7 times the files per second of one, on a machine with cores to spare.

One cluster of this machine, one core per worker; runs with one and with two workers take turns. The rate is from the first
file that came back to the last, so that starting the workers does not count. With fewer than four cores the driver, Ray's own
processes and two workers share what there is: the ratio is recorded, and has no limit.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from edgeenh.bulk.cluster import connected, enhance_on_cluster
from edgeenh.bulk.discovery import Item
from edgeenh.bulk.ledger import Ledger
from edgeenh.enhancer import Enhancer, load
from edgeenh.errors import JobFailed
from edgeenh.pictures import write_picture
from edgeenh_bench.source_frames import read_frames
from edgeenh_bench.targets.figures import CLIP, Figure, Measurement

LIMIT = 1.7
CORES_TO_SPARE = 4


def measure(
    model: Path | None,
    threads: int | None,
    *,
    source: str = str(CLIP),
    files: int = 150,
    rounds: int = 3,
    backend: str = "onnxruntime",
) -> Measurement:
    """Measure so many rounds of both."""
    cores = len(os.sched_getaffinity(0))
    rates: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as name, load(model, backend=backend, threads=threads or 1) as enhancer:
        folder = Path(name)
        items = _files(folder, source, files)
        with connected("local"):
            for number in range(rounds):
                for workers in (1, 2) if number % 2 else (2, 1):
                    rates[workers].append(_rate(enhancer, items, folder / f"{number}-{workers}", workers, threads or 1))
    ratio = statistics.median(two / one for one, two in zip(rates[1], rates[2], strict=True))
    limit = LIMIT if cores >= CORES_TO_SPARE else None
    figures = [
        Figure("two workers against one", ratio, at_least=limit),
        Figure("one worker", statistics.median(rates[1]), "files/s"),
        Figure("two workers", statistics.median(rates[2]), "files/s"),
    ]
    why = (
        None if limit else f"{cores} cores: fewer than {CORES_TO_SPARE}, so two workers, the driver and Ray share them"
    )
    return Measurement(figures, {"files_per_second": rates, "files": files, "cores": cores, "no_limit_because": why})


def _files(folder: Path, source: str, files: int) -> list[Item]:
    frames = read_frames(source, files)
    items = []
    for number in range(files):
        path = folder / "in" / f"{number:04}.png"
        write_picture(path, frames[number % len(frames)])
        items.append(Item(path, path, dicom=False))
    return items


def _rate(enhancer: Enhancer, items: list[Item], out: Path, workers: int, threads: int) -> float:
    """Files per second, from the first that came back to the last."""
    out.mkdir()
    wanted = [Item(item.source, out / item.source.name, item.dicom) for item in items]
    times = []
    for outcome in enhance_on_cluster(
        wanted, Ledger(out, "measured"), enhancer, uuid4(), threads=threads, device="cpu", most_workers=workers
    ):
        if outcome.code:
            raise JobFailed(f"a file was not enhanced: {outcome.detail}")
        times.append(time.perf_counter())
    return (len(times) - 1) / (times[-1] - times[0])
