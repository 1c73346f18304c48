"""Throughput: several frames in flight, each with a session of its own; the only mode whose headline is a rate."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence

from edgeenh_bench.measure import Block, NowNs, Run, time_run


def run_in_flight(runs: Sequence[Run], buffers: int, frames: int, now_ns: NowNs) -> Block:
    """Enhance `frames` frames with as many threads as there are sessions.

    Args:
        runs: One per session; each is called by one thread alone. Backends leave the interpreter's lock while they compute.
        buffers: How many buffers there are; frame k is in buffer k modulo this. They are only read.
        frames: How many in all.
        now_ns: Monotonic clock.

    Returns:
        Every frame's own latency, in the order in which they ended, and the wall time of all.

    Raises:
        Exception: What a session raised first; the others end their frames.
    """
    counter, latencies, errors = itertools.count(), list[float](), list[BaseException]()

    def work(run: Run) -> None:
        try:
            while not errors and (index := next(counter)) < frames:
                latencies.append(time_run(run, index % buffers, now_ns))
        except BaseException as exc:  # a thread has nobody to raise to; it is raised below
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(run,), name=f"session {n}") for n, run in enumerate(runs)]
    began = now_ns()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return Block(tuple(latencies), (now_ns() - began) / 1e6)
