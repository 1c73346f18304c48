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
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from edgeenh.backends import get_backend
from edgeenh.backends.base import Session, SessionOptions
from edgeenh.backends.contract import graph_precision
from edgeenh.bundle import Bundle
from edgeenh.errors import EdgeenhError, IntegrityError
from edgeenh.gate import self_test
from edgeenh.padding import padded_size
from edgeenh.pixels import KINDS, RGB
from edgeenh_bench import modes
from edgeenh_bench.in_flight import run_in_flight
from edgeenh_bench.measure import NowNs, Run, WarmUpLimits, measure_block, time_run, warm_up
from edgeenh_bench.memory import forget_peak_memory, peak_memory_mb, resident_memory_mb
from edgeenh_bench.paced import run_paced
from edgeenh_bench.padded_session import GreySession, PaddedSession
from edgeenh_bench.source_frames import levels_dtype, read_frame_into

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

Answer = dict[str, Any]


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
        shape, dtype = self._pixels.shape(request["height"], request["width"]), levels_dtype(self._pixels)
        self._inputs = [np.empty(shape, dtype) for _ in range(request["slots"])]
        self._outs = [np.zeros(shape, dtype) for _ in range(request.get("sessions", 1))]
        self._out = self._outs[0]
        self._load_frames(0, len(self._inputs))
        self._sessions: list[Session] = []
        self._request = request

    def open(self) -> Answer:
        """Load the backend and enhance one frame; memory is counted from just before the load."""
        request = self._request
        bundle = Bundle.open(Path(request["bundle"]))
        if request.get("bundle_sha256") not in (None, bundle.sha256):
            raise IntegrityError(f"{bundle.path} is another bundle than the one that was checked: run it again")
        self._cap = bundle.manifest.generator.cap
        model = bundle.model(graph_precision(request["precision"]))
        height, width = padded_size(request["height"], request["width"], bundle.manifest.generator.size_multiple)
        options = SessionOptions(height, width, request["precision"], request["threads"], request["device"])
        forget_peak_memory()
        self._memory_before_mb = resident_memory_mb()
        started = self._now_ns()
        session = get_backend(request["backend"]).open_session(model, options)
        load_ms = (self._now_ns() - started) / 1e6
        self._keep(session, height, width)
        first_frame_ms = time_run(self._run, 0, self._now_ns)
        for _ in self._outs[1:]:
            self._keep(get_backend(request["backend"]).open_session(model, options), height, width)
        return {"load_ms": load_ms, "first_frame_ms": first_frame_ms, "info": asdict(session.info)}

    def _keep(self, session: Session, height: int, width: int) -> None:
        whole = session if self._pixels == RGB else GreySession(session, height, width)
        fits = self._out.shape[:2] == (height, width)
        self._sessions.append(whole if fits else PaddedSession(whole, self._out, height, width))

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
        def run_with(session: Session, out: Levels) -> Run:
            return lambda slot: session.run(self._inputs[slot], 1.0, out)

        return [run_with(session, out) for session, out in zip(self._sessions, self._outs, strict=True)]

    def outputs(self, request: Answer) -> Answer:
        """Enhance the frames of the given numbers and store the results as a file of raw frames; then the self-test."""
        with Path(request["path"]).open("wb") as file:
            for index in request["indices"]:
                self._load_frames(index, 1)
                self._run(0)
                file.write(self._out.data)
        return {"self_test": asdict(self_test(self._enhance, self._pixels, self._out.shape[:2], self._cap))}

    def memory(self) -> Answer:
        """Peak resident memory added since just before the backend was loaded, and what was resident then."""
        return {"rss_mb": peak_memory_mb() - self._memory_before_mb, "rss_before_mb": self._memory_before_mb}

    def close(self) -> None:
        """Give the backend back."""
        for session in self._sessions:
            session.close()

    def _enhance(self, image: Levels, strength: float) -> Levels:
        self._sessions[0].run(image, strength, self._out)
        return self._out

    def _run(self, slot: int) -> None:
        self._sessions[0].run(self._inputs[slot], 1.0, self._out)

    def _load_frames(self, first: int, count: int) -> None:
        for slot in range(count):
            read_frame_into(self._frames, (first + slot) % self._distinct, self._inputs[slot])


def _sleep_ns(nanoseconds: int) -> None:
    time.sleep(nanoseconds / 1e9)


def serve(requests: BinaryIO, answer: Callable[[Answer], None], now_ns: NowNs, kind: type[Worker] = Worker) -> None:
    """Answer requests until their stream ends; an error of edgeenh becomes an answer, any other ends the process."""
    worker: Worker | None = None
    for line in requests:
        request = json.loads(line)
        try:
            if worker is None:
                worker = kind(request, now_ns)
            answer({"ok": True, **_do(worker, request)})
        except EdgeenhError as exc:
            answer({"ok": False, "reason": str(exc)})
    if worker is not None:
        worker.close()


def _do(worker: Worker, request: Answer) -> Answer:
    match request["do"]:
        case "open":
            return worker.open()
        case "warm_up":
            return worker.warm_up(request)
        case "block":
            return worker.block(request)
        case "outputs":
            return worker.outputs(request)
        case "memory":
            return worker.memory()
        case other:
            raise ValueError(f"unknown request {other!r}")


def main(kind: type[Worker] = Worker) -> None:
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
