"""Target: one hour of 720p at camera pace: the accounting exact at every frame, memory, open files and threads constant.

The stream is `live` around a worker process whose backend only brightens (`fake`): what is soaked is the stream and its
containment, and that needs little of the CPU, so the figures hold on a busy machine too. Frames that such a machine
drops are counted; they break nothing. A worker that hangs makes every place for a frame be taken once, and the allocator
keeps that memory (three frames of 720p, 8.3 MB): this is provoked at the start, among the readings that are left out, since
it would else come whenever the machine first stutters, and look like growth. With `--model` the bundle's own best backend runs instead.
"""

from __future__ import annotations

from pathlib import Path

from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
from edgeenh.errors import UsageError
from edgeenh.stream import FaultSchedule, Stream
from edgeenh_bench.soaking import SETTLED, judge, soak
from edgeenh_bench.targets.figures import Measurement


def measure(
    model: Path | None,
    threads: int | None,
    *,
    source: str = "synthetic:1280x720@25",
    seconds: float = 3600.0,
    every_s: float = 5.0,
    first: str = "worker-hang@20s,slow-model@40s,worker-hang@60s",
) -> Measurement:
    """Soak for so many seconds, looking at the process every `every_s`; the faults of `first` come in the tenth that is not judged.

    Raises:
        UsageError: They would come later.
    """
    if FaultSchedule.parse(first).faults[-1].at_s >= SETTLED * seconds:
        raise UsageError(
            f"the faults {first} are not over in the first {SETTLED:.0%} of {seconds:g} s: soak for longer"
        )
    bundle, backend = (Bundle.shipped(), "fake") if model is None else (Bundle.open(model), "auto")
    with ContainedEnhancer(bundle, backend=backend, threads=threads) as enhancer:
        stream = Stream(source, enhancer, mode="live", faults=first)
        found = soak(stream, lambda: enhancer.worker_pid, seconds=seconds, every_s=every_s)
        used = enhancer.info
    return judge(found, {"source": source, "mode": "live", "faults": first, "backend": used.backend if used else None})
