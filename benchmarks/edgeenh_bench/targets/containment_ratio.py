"""Target: a worker process adds at most 1.5 ms to a frame of 1920×1080, and the stream in the process at most 3 % (p50).

Three ways enhance the same decoded frames, resized to 1920×1080, on OpenVINO where it is installed: a bare session (with its padding,
where the model needs any), which writes into new memory as the stream does; the stream's worker around an enhancer in this
process, on the same session; and the same around a worker process. They take turns, so that a slow moment of the machine meets all of
them: a few frames each, of which the first is not counted, for the threads of the session before still spin while they wait for work.

The second part kills a worker that does nothing but brighten, over and over while frames come at 25 per second, and
notes for how long no frame went out and for how long none was enhanced.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgeenh.backends import get_backend
from edgeenh.backends.base import Availability, Model, Session, SessionOptions
from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
from edgeenh.containment.recovery import Budget
from edgeenh.enhancer import Enhancer
from edgeenh.errors import BackendUnavailable, JobFailed
from edgeenh.frames import Frame
from edgeenh.padding import padded_size
from edgeenh.slots import open_slot
from edgeenh.sources import open_source
from edgeenh.stream.clock import MonotonicClock
from edgeenh.stream.worker import FrameEnhancer, Worker
from edgeenh_bench.targets.figures import CLIP, Figure, Measurement

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

WIDTH, HEIGHT = 1920, 1080
PICTURES = 4
FRAMES = 700
"""A 99th percentile takes 662."""

TURN = 5
"""Counted frames of one turn."""

KILLS = 100
PERIOD_S = 0.04


def measure(
    model: Path | None, threads: int | None, *, source: str = str(CLIP), frames: int = FRAMES, kills: int = KILLS
) -> Measurement:
    """Measure both parts; `threads` is of one session."""
    bundle = Bundle.shipped() if model is None else Bundle.open(model)
    pictures = _pictures(source)
    backend = next((name for name in ("openvino", "onnxruntime") if get_backend(name).availability().usable), None)
    if backend is None:
        raise BackendUnavailable("neither openvino nor onnxruntime is installed: pip install 'edgeenh[cpu]'")
    times = _added(bundle, backend, threads, pictures, frames)
    bare, inside, apart = (np.array(times[way]) for way in ("bare", "in-process", "contained"))
    still, original = _kill(bundle, kills)
    figures = [
        Figure(
            "added by a worker process, median of the differences", float(np.median(apart - inside)), "ms", at_most=1.5
        ),
        Figure("in-process stream against the bare session, p50", float(np.median(inside / bare)), at_most=1.03),
        Figure("in-process stream against the bare session, p99", _ratio(inside, bare, 99), at_most=1.10),
        Figure("kills recovered", float(len(still)), at_least=float(kills)),
        Figure("no frame after a kill, longest", max(still), "ms", at_most=PERIOD_S * 1e3),
        Figure("no enhanced frame after a kill, p99", _percentile(original, 99), "ms", at_most=1500.0),
        Figure("no enhanced frame after a kill, p50", _percentile(original, 50), "ms"),
        Figure("contained against the bare session, p50", float(np.median(apart / bare))),
    ]
    rows = {way: [round(value, 3) for value in values] for way, values in times.items()}
    figures.append(Figure("bare session, p50", float(np.median(bare)), "ms"))
    return Measurement(
        figures, {"backend": backend, "size": [WIDTH, HEIGHT], "threads": threads, "ms": rows, "gap_ms": original}
    )


def _pictures(source: str) -> list[Levels]:
    opened = open_source(source)
    pictures: list[Levels] = []
    try:
        while len(pictures) < PICTURES and (frame := opened.read()) is not None:
            pictures.append(cv2.resize(frame.image, (WIDTH, HEIGHT)))
    finally:
        opened.close()
    return pictures


def _added(
    bundle: Bundle, backend: str, threads: int | None, pictures: list[Levels], frames: int
) -> dict[str, list[float]]:
    """Milliseconds of each way, frame by frame."""
    size = padded_size(HEIGHT, WIDTH, bundle.manifest.generator.size_multiple)
    session = get_backend(backend).open_session(bundle.model("fp32"), SessionOptions(*size, "fp32", threads, "cpu"))
    slot = open_slot(session, size, bundle.manifest.pixels)
    inside = Enhancer(bundle, backend=_Opened(session), precision="fp32")
    apart = ContainedEnhancer(bundle, backend=backend, precision="fp32", threads=threads, device="cpu")
    with inside, apart:
        ways: dict[str, Callable[[int], None]] = {
            "bare": lambda number: slot.run(pictures[number], 1.0, np.empty_like(pictures[number]), 8),
            "in-process": _streamed(inside, pictures),
            "contained": _streamed(apart, pictures),
        }
        return _alternate(ways, frames)


class _Opened:
    """A backend that gives a session which is open: two of a kind differ by some per cent, and that is not asked here."""

    NAME = "opened"
    PRECISIONS: tuple[str, ...] = ("fp32",)
    EXTRA = ""

    def __init__(self, session: Session) -> None:
        self._session = session

    def availability(self) -> Availability:
        """Always usable."""
        return Availability(usable=True)

    def open_session(self, model: Model, options: SessionOptions) -> Session:  # noqa: ARG002 – it was opened with both
        """The session."""
        return self._session


def _streamed(enhancer: FrameEnhancer, pictures: list[Levels]) -> Callable[[int], None]:
    """What the stream does with one frame; every frame must come out enhanced."""
    enhancer.prepare(HEIGHT, WIDTH)
    clock = MonotonicClock()
    worker = Worker(enhancer, None, clock)

    def enhance(number: int) -> None:
        result = worker.enhance(Frame(pictures[number], "bench", number, clock.now_ns()))
        if not result.enhanced:
            raise JobFailed(f"a frame was not enhanced ({result.detail}): its time says nothing")

    return enhance


def _alternate(ways: dict[str, Callable[[int], None]], frames: int) -> dict[str, list[float]]:
    """Which way begins changes from turn to turn; the first turn warms up."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    names = list(ways)
    for turn in range(-1, -(-frames // TURN)):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            taken = [_timed(ways[name], number % PICTURES) for number in range(TURN + 1)]
            if turn >= 0:
                times[name] += taken[1:]
    return {way: values[:frames] for way, values in times.items()}


def _timed(way: Callable[[int], None], number: int) -> float:
    began = time.perf_counter()
    way(number)
    return (time.perf_counter() - began) * 1e3


def _kill(bundle: Bundle, kills: int) -> tuple[list[float], list[float]]:
    """Milliseconds without any frame and without an enhanced one, for each kill that was recovered from."""
    picture = np.random.default_rng(0).integers(0, 200, (192, 256, 3), np.uint8)
    clock, still, original = MonotonicClock(), [], []
    with ContainedEnhancer(bundle, backend="fake", budget=Budget(respawns=10 * kills)) as enhancer:
        enhancer.prepare(*picture.shape[:2])
        worker = Worker(enhancer, None, clock, max_age_ns=250_000_000)
        for number in range(kills):
            worker.enhance(Frame(np.roll(picture, number, 0), "bench", number, clock.now_ns()))
            os.kill(enhancer.worker_pid or 0, signal.SIGKILL)
            killed, first = time.perf_counter(), 0.0
            for shift in range(round(20 / PERIOD_S)):
                result = worker.enhance(Frame(np.roll(picture, shift, 1), "bench", number, clock.now_ns()))
                now = (time.perf_counter() - killed) * 1e3
                first = first or now
                if result.enhanced:
                    still.append(first)
                    original.append(now)
                    break
                time.sleep(PERIOD_S)
    return still, original


def _ratio(times: np.ndarray, others: np.ndarray, percent: float) -> float:
    return float(np.percentile(times, percent) / np.percentile(others, percent))


def _percentile(times: list[float], percent: float) -> float:
    return float(np.percentile(times, percent)) if times else float("nan")
