"""Target: 100 of 100 kills of the worker are recovered, and no frame is missing meanwhile.

A `live` stream takes frames of a computed pattern at 25 per second around a worker process whose backend only brightens
(`fake`); whenever frames are enhanced again, the worker is killed again. Every captured frame is asked for: that it came
out, and within one period of its capture; and how long none was enhanced.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
from edgeenh.containment.recovery import Budget
from edgeenh.stream import Stream
from edgeenh_bench.soaking import Reading, read_state
from edgeenh_bench.targets.figures import Figure, Measurement

PERIOD_S = 0.04
PATIENCE_S = 20.0
BETWEEN = 3


def measure(
    model: Path | None, threads: int | None, *, source: str = "synthetic:320x240@25", kills: int = 100
) -> Measurement:
    """Kill the worker so many times."""
    bundle, backend = (Bundle.shipped(), "fake") if model is None else (Bundle.open(model), "auto")
    without, late, readings = list[float](), list[float](), list[Reading]()
    began = time.monotonic()
    enhancer = ContainedEnhancer(bundle, backend=backend, threads=threads, budget=Budget(respawns=10 * kills))
    with enhancer, Stream(source, enhancer, mode="live") as stream:
        killed, good = None, 0
        for frame in stream:
            now = time.monotonic()
            late.append((time.monotonic_ns() - frame.original.captured_ns) / 1e6)
            good = good + 1 if frame.enhanced else 0
            if killed is not None and frame.enhanced:
                without.append((now - killed) * 1e3)
                killed = None
                readings.append(read_state(now - began, None))
            if len(without) == kills or (killed is not None and now - killed > PATIENCE_S):
                break
            if killed is None and good >= BETWEEN and (pid := enhancer.worker_pid) is not None:
                os.kill(pid, signal.SIGKILL)
                killed, good = now, 0
        counts = stream.accounting.counts()
    figures = [
        Figure("kills recovered", float(len(without)), at_least=float(kills)),
        Figure("no enhanced frame after a kill, p99", _percentile(without, 99), "ms", at_most=1500.0),
        Figure("no enhanced frame after a kill, p50", _percentile(without, 50), "ms"),
        Figure("longest from capture of a frame until it was handed over", max(late), "ms", at_most=PERIOD_S * 1e3),
        Figure("frames dropped before the end", float(sum(counts.dropped.values()) - counts.dropped.get("stopped", 0))),
        Figure("the accounting holds", float(counts.holds), at_least=1.0),
        Figure("open files, last minus first", float(readings[-1].files - readings[0].files), at_most=0.0),
        Figure("threads, last minus first", float(readings[-1].threads - readings[0].threads), at_most=0.0),
        Figure(
            "memory, last minus tenth kill", readings[-1].station_mb - readings[len(readings) // 10].station_mb, "MB"
        ),
    ]
    return Measurement(
        figures, {"source": source, "backend": backend, "without_ms": without, "counts": counts.to_json()}
    )


def _percentile(times: list[float], percent: float) -> float:
    return float(np.percentile(times, percent)) if times else float("nan")
