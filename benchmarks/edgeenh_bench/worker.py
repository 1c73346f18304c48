"""The process of one row: opens one backend, and answers requests that come as JSON lines on stdin.

`python -m edgeenh_bench.worker` is started by `edgeenh_bench.worker_process`; nobody types it. Answers go to the
process's stdout; whatever libraries print is sent to stderr, so that it cannot be taken for an answer.

Requests: `open` (load the backend, run the first frame), `warm_up`, `block` (timed frames, in one of `modes.MODES`), `outputs` (enhance frames
and store the results, for the drift), `memory`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from edgeenh.backends import get_backend
from edgeenh.backends.base import Session, SessionOptions
from edgeenh.backends.contract import graph_precision
from edgeenh.bundle import Bundle
from edgeenh.environment import cores_allowed
from edgeenh.errors import EdgeenhError, IntegrityError
from edgeenh.gate import self_test
from edgeenh.padding import padded_size
from edgeenh.pixels import KINDS, MAX_BITS, RGB, scaled_shape
from edgeenh.slots import GreySlot, Slot
from edgeenh_bench import modes
from edgeenh_bench.in_flight import run_in_flight
from edgeenh_bench.measure import NowNs, Run, WarmUpLimits, measure_block, time_run, warm_up
from edgeenh_bench.memory import forget_peak_memory, peak_memory_mb, resident_memory_mb
from edgeenh_bench.paced import run_paced
from edgeenh_bench.source_frames import levels_dtype, read_frame_into
from edgeenh_bench.stopwatch import Laps, Stopwatch

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

Answer = dict[str, Any]


class Lane:
    """A session with all that stands around it in an enhancer, its output, and the stopwatch of its parts; used by one thread."""

    def __init__(self, slot: Slot, out: Levels, now_ns: NowNs) -> None:
        self.slot, self.out = slot, out
        self._watch = Stopwatch(now_ns)
        slot.tell(self._watch.lap)

    def run(self, image: Levels, strength: float = 1.0) -> Laps:
        """Enhance a frame, grey on `MAX_BITS`, into `out`; returns the parts of that."""
        self._watch.start()
        self.slot.run(image, strength, self.out, MAX_BITS)
        return self._watch.laps


class Worker:
    """One opened backend and the frames it is measured on.

    Args:
        request: The `open` request: `bundle`, `backend`, `precision`, `device`, `threads`, `width`, `height`, `frames`
            (file of raw frames), `distinct` (how many it holds), `slots` (how many are held in memory at a time),
            `sessions` (how many are opened, for frames in flight; the threads are divided among them).
        now_ns: Monotonic clock.
    """

    def __init__(self, request: Answer, now_ns: NowNs) -> None:
        self._now_ns = now_ns
        self._frames, self._distinct = Path(request["frames"]), int(request["distinct"])
        self._pixels = next(kind for kind in KINDS if kind.photometric == request.get("photometric", RGB.photometric))
        self._shape = self._pixels.shape(request["height"], request["width"])
        self._inputs = [np.empty(self._shape, levels_dtype(self._pixels)) for _ in range(request["slots"])]
        self._load_frames(0, len(self._inputs))
        self._lanes: list[Lane] = []
        self._request = request

    def do(self, request: Answer) -> Answer:
        """Answer one request."""
        match request["do"]:
            case "open":
                return self.open()
            case "warm_up":
                return self.warm_up(request)
            case "block":
                return self.block(request)
            case "outputs":
                return self.outputs(request)
            case "memory":
                return self.memory()
            case other:
                raise ValueError(f"unknown request {other!r}")

    def open(self) -> Answer:
        """Load the backend and enhance one frame; memory is counted from just before the load."""
        request = self._request
        bundle = self._open_bundle()
        model = bundle.model(graph_precision(request["precision"]))
        height, width = padded_size(*self._shape[:2], bundle.manifest.generator.size_multiple)
        options = SessionOptions(height, width, request["precision"], request["threads"], request["device"])

        def open_session() -> Session:
            return get_backend(request["backend"]).open_session(model, options)

        return self._load(open_session, (height, width), request.get("sessions", 1))

    def _open_bundle(self) -> Bundle:
        bundle = Bundle.open(Path(self._request["bundle"]))
        if self._request.get("bundle_sha256") not in (None, bundle.sha256):
            raise IntegrityError(f"{bundle.path} is another bundle than the one that was checked: run it again")
        self._cap, self._scale = bundle.manifest.generator.cap, bundle.manifest.generator.scale
        return bundle

    def _load(self, open_session: Callable[[], Session], size: tuple[int, int], sessions: int) -> Answer:
        """Open the first session and run its first frame, both timed; then the others."""
        shape = scaled_shape(self._shape, self._scale)
        outs = [np.zeros(shape, levels_dtype(self._pixels)) for _ in range(sessions)]
        forget_peak_memory()
        self._memory_before_mb = resident_memory_mb()
        started = self._now_ns()
        session = open_session()
        load_ms = (self._now_ns() - started) / 1e6
        kind = Slot if self._pixels == RGB else GreySlot
        self._lanes = [Lane(kind(session, size, self._pixels, self._scale), outs[0], self._now_ns)]
        first_frame_ms = time_run(self._run, 0, self._now_ns)
        for out in outs[1:]:
            self._lanes.append(Lane(kind(open_session(), size, self._pixels, self._scale), out, self._now_ns))
        threads = self._request["threads"] or cores_allowed()
        return {
            "load_ms": load_ms,
            "first_frame_ms": first_frame_ms,
            "info": asdict(session.info),
            "threads": threads,
        }

    def warm_up(self, request: Answer) -> Answer:
        """Run until steady."""
        limits = WarmUpLimits(**request["limits"])
        seen = warm_up(self._run, len(self._inputs), self._now_ns, limits)
        return {"frames": seen.frames, "steady": seen.steady, "latencies_ms": seen.latencies[-limits.window :]}

    def block(self, request: Answer) -> Answer:
        """Time `count` frames; those that they go through are brought into memory before the clock starts."""
        count, slots = request["count"], min(request["count"], len(self._inputs))
        self._load_frames(request["first"], slots)
        match request.get("mode"):
            case modes.PACED:
                self._rewarm(request["rewarm"])
                return asdict(run_paced(self._run, slots, count, request["fps"], self._now_ns, _sleep_ns))
            case modes.THROUGHPUT:
                self._rewarm(request["rewarm"])
                return asdict(run_in_flight(self._runs(), slots, count, self._now_ns))
            case _:
                return asdict(measure_block(self._run, range(count), self._now_ns, rewarm=request["rewarm"]))

    def _rewarm(self, frames: int) -> None:
        for _ in range(frames):
            self._run(0)

    def _runs(self) -> list[Run]:
        def run_with(lane: Lane) -> Run:
            return lambda slot: lane.run(self._inputs[slot])

        return [run_with(lane) for lane in self._lanes]

    def outputs(self, request: Answer) -> Answer:
        """Enhance the frames of the given numbers and store the results as a file of raw frames; then the self-test."""
        with Path(request["path"]).open("wb") as file:
            for index in request["indices"]:
                self._load_frames(index, 1)
                self._run(0)
                file.write(self._lanes[0].out.data)
        tested = self_test(self._enhance, self._pixels, self._shape[:2], self._cap, self._scale)
        return {"self_test": asdict(tested)}

    def memory(self) -> Answer:
        """Peak resident memory added since just before the backend was loaded, and what was resident then."""
        return {"rss_mb": peak_memory_mb() - self._memory_before_mb, "rss_before_mb": self._memory_before_mb}

    def close(self) -> None:
        """Give the backend back."""
        for lane in self._lanes:
            lane.slot.close()

    def _enhance(self, image: Levels, strength: float) -> Levels:
        self._lanes[0].run(image, strength)
        return self._lanes[0].out

    def _run(self, slot: int) -> Laps:
        return self._lanes[0].run(self._inputs[slot])

    def _load_frames(self, first: int, count: int) -> None:
        for slot in range(count):
            read_frame_into(self._frames, (first + slot) % self._distinct, self._inputs[slot])


def _sleep_ns(nanoseconds: int) -> None:
    time.sleep(nanoseconds / 1e9)


class Serving(Protocol):
    """What a row's process does: made from the first request, it answers that and every later one."""

    def do(self, request: Answer) -> Answer:
        """Answer one request, by its `do`."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


Kind = Callable[[Answer, NowNs], Serving]


def serve(requests: BinaryIO, answer: Callable[[Answer], None], now_ns: NowNs, kind: Kind = Worker) -> None:
    """Answer requests until their stream ends; an error of edgeenh becomes an answer, any other ends the process."""
    worker: Serving | None = None
    for line in requests:
        request = json.loads(line)
        try:
            if worker is None:
                worker = kind(request, now_ns)
            answer({"ok": True, **worker.do(request)})
        except EdgeenhError as exc:
            answer({"ok": False, "reason": str(exc)})
    if worker is not None:
        worker.close()


def main(kind: Kind = Worker) -> None:
    """Serve this process's own stdin and stdout."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # from here on, what a library prints to stdout goes to the log

    def answer(document: Answer) -> None:
        answers.write(json.dumps(document) + "\n")
        answers.flush()

    with suppress(BrokenPipeError):  # the parent went away, and nobody is left to answer
        serve(sys.stdin.buffer, answer, time.perf_counter_ns, kind)


if __name__ == "__main__":
    main()
