"""Target: 1,000,000 small frames at full speed: the accounting exact at every frame, memory, open files and threads constant.

The stream is `offline` around a worker process whose backend only brightens (`fake`), so that as many frames as possible
pass through queues, shared memory and accounting. With `--model` the bundle's own best backend runs instead.
"""

from __future__ import annotations

from pathlib import Path

from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
from edgeenh.stream import Stream
from edgeenh_bench.soaking import judge, soak
from edgeenh_bench.targets.figures import Figure, Measurement


def measure(
    model: Path | None,
    threads: int | None,
    *,
    source: str = "synthetic:64x48@1000",
    frames: int = 1_000_000,
    every_s: float = 1.0,
) -> Measurement:
    """Soak for so many frames, looking at the process every `every_s`."""
    bundle, backend = (Bundle.shipped(), "fake") if model is None else (Bundle.open(model), "auto")
    with ContainedEnhancer(bundle, backend=backend, threads=threads) as enhancer:
        stream = Stream(source, enhancer, mode="offline", frames=frames)
        found = soak(stream, lambda: enhancer.worker_pid, seconds=None, every_s=every_s)
        used = enhancer.info
    measured = judge(found, {"source": source, "mode": "offline", "backend": used.backend if used else None})
    missing = Figure("frames that did not come out enhanced", float(frames - found.report["accounting"]["enhanced"]))
    return Measurement([Figure(missing.name, missing.value, at_most=0.0), *measured.figures], measured.details)
