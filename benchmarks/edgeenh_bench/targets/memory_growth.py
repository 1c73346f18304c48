"""Target: streaming 3 000 frames of 720p, resident memory grows by at most 10 MB after the first 300."""

from __future__ import annotations

from pathlib import Path

from edgeenh.enhancer import load
from edgeenh.errors import JobFailed
from edgeenh.sources import open_source
from edgeenh.stream import Stream
from edgeenh_bench.memory import resident_memory_mb
from edgeenh_bench.targets.figures import CLIP, Figure, Measurement

LIMIT_MB = 10.0


def measure(
    model: Path | None,
    threads: int | None,
    *,
    source: str = str(CLIP),
    backend: str = "auto",
    frames: int = 3000,
    settled: int = 300,
    every: int = 50,
) -> Measurement:
    """Stream the clip again and again, and read this process's memory every few frames.

    The figure is the largest reading after frame `settled` minus the reading at that frame, so a passing peak counts too.
    """
    readings: list[tuple[int, float]] = []
    with load(model, backend=backend, threads=threads) as enhancer:
        stream = Stream(open_source(source, loop=True), enhancer, mode="offline", frames=frames)
        for number, frame in enumerate(stream, start=1):
            if not frame.enhanced:
                raise JobFailed(
                    f"frame {number} was not enhanced ({frame.detail}): growth of anything else says nothing"
                )
            if number >= settled and (number - settled) % every == 0:
                readings.append((number, resident_memory_mb()))
    growth = max(mb for _, mb in readings) - readings[0][1]
    figure = Figure(f"growth after frame {settled} of {frames}", growth, "MB", at_most=LIMIT_MB)
    return Measurement([figure], {"resident_mb": readings, "source": Path(source).name, "frames": frames})
