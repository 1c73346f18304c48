"""Throughput: several frames in flight, each with a session of its own; the only mode whose headline is a rate."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence

from edgeenh_bench.measure import Block, NowNs, Run, block_of, time_parts
from edgeenh_bench.stopwatch import Parts


def run_in_flight(runs: Sequence[Run], buffers: int, frames: int, now_ns: NowNs) -> Block:
    """Enhance `frames` frames with as many threads as there are sessions.

    Args:
        runs: One per session; each is called by one thread alone. Backends leave the interpreter's lock while they compute.
        buffers: How many buffers there are; frame k is in buffer k modulo this. They are only read.
        frames: How many in all.
        now_ns: Monotonic clock.

    Returns:
        Every frame's own latency and parts, in the order in which they ended, and the wall time of all.

    Raises:
        Exception: What a session raised first; the others end their frames.
    """
    counter, timed, errors = itertools.count(), list[tuple[float, Parts]](), list[BaseException]()

    def work(run: Run) -> None:
        try:
            while not errors and (index := next(counter)) < frames:
                timed.append(time_parts(run, index % buffers, now_ns))
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
    return block_of(timed, (now_ns() - began) / 1e6)
