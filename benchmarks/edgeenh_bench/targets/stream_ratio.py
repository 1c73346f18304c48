"""Target: streaming a clip offline reaches 0.95 of the throughput of a bare session in a loop on the same frames.

Four ways take turns, round by round: the bare session on frames that are decoded already; the same session in a loop
that reads the clip, which is what one would write without a stream; the stream on the clip, which decodes it
meanwhile; and the stream on the decoded frames, which shows what the stream alone costs. Each figure is the
median over the rounds of the ratio within a round.

Like is judged against like: both sides decode, or neither does. The stream of the clip against frames decoded beforehand is
recorded too, but no stream can reach 0.95 there when the session alone fills every core and decoding costs a sixth of it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeenh.backends import get_backend
from edgeenh.backends.base import Session, SessionOptions
from edgeenh.backends.contract import graph_precision
from edgeenh.enhancer import Enhancer, load
from edgeenh.errors import JobFailed
from edgeenh.sources import open_source
from edgeenh.stream import Stream
from edgeenh_bench.source_frames import read_frames
from edgeenh_bench.targets.figures import CLIP, Figure, Measurement

LIMIT = 0.95
MOST_FRAMES = 75

Frames = list[NDArray[np.uint8]]


def measure(
    model: Path | None,
    threads: int | None,
    *,
    source: str = str(CLIP),
    backend: str = "auto",
    frames: int = MOST_FRAMES,
    rounds: int = 15,
) -> Measurement:
    """Measure the three ways; `source` must give frames of one size that is a multiple of the model's."""
    decoded = read_frames(source, frames)
    height, width = decoded[0].shape[:2]
    with load(model, backend=backend, threads=threads) as enhancer:
        enhancer.prepare(height, width)
        session = _bare_session(enhancer, height, width, threads)
        ways: dict[str, Callable[[], float]] = {
            "bare": lambda: _run_bare(session, decoded),
            "loop": lambda: _run_loop(session, source, len(decoded)),
            "clip": lambda: _run_stream(Stream(source, enhancer, frames=len(decoded)), len(decoded)),
            "memory": lambda: _run_stream(Stream(decoded, enhancer), len(decoded)),
        }
        rates = _alternate(ways, rounds)
        session.close()
        used = enhancer.info
    figures = [
        Figure("stream of the clip against a loop that reads the clip", _ratio(rates, "clip", "loop"), at_least=LIMIT),
        Figure("stream of decoded frames against a loop over them", _ratio(rates, "memory", "bare"), at_least=LIMIT),
        Figure("stream of the clip against a loop over decoded frames", _ratio(rates, "clip", "bare")),
    ]
    what = {"backend": used.backend if used else None, "precision": used.precision if used else None}
    return Measurement(figures, {"frames": len(decoded), "size": [width, height], "frames_per_second": rates, **what})


def _alternate(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Rates of every way, round by round; which way begins changes from round to round, and the first round warms up."""
    rates: dict[str, list[float]] = {way: [] for way in ways}
    names = list(ways)
    for number in range(rounds + 1):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            rate = ways[name]()
            if number:
                rates[name].append(rate)
    return rates


def _bare_session(enhancer: Enhancer, height: int, width: int, threads: int | None) -> Session:
    """A session as the enhancer has one."""
    info = enhancer.info
    if info is None:
        raise JobFailed("the enhancer opened no session: this is a bug in edgeenh, please report it")
    device = "cpu" if info.device.startswith("CPU") else "auto"
    options = SessionOptions(height, width, info.precision, threads, device)
    return get_backend(info.backend).open_session(enhancer.bundle.model(graph_precision(info.precision)), options)


def _run_bare(session: Session, frames: Frames) -> float:
    out = np.empty_like(frames[0])
    started = time.perf_counter()
    for frame in frames:
        session.run(frame, 1.0, out)
    return len(frames) / (time.perf_counter() - started)


def _run_loop(session: Session, source: str, frames: int) -> float:
    started = time.perf_counter()
    opened = open_source(source)
    try:
        out: NDArray[np.uint8] | None = None
        for _ in range(frames):
            frame = opened.read()
            if frame is None:
                raise JobFailed(
                    f"{source} gave fewer than {frames} frames this time: it must not change while it is measured"
                )
            out = np.empty_like(frame.image) if out is None else out
            session.run(frame.image, 1.0, out)
    finally:
        opened.close()
    return frames / (time.perf_counter() - started)


def _run_stream(stream: Stream, frames: int) -> float:
    started = time.perf_counter()
    enhanced = sum(frame.enhanced for frame in stream)
    seconds = time.perf_counter() - started
    if enhanced != frames:
        raise JobFailed(f"{enhanced} of {frames} frames were enhanced: a rate of anything else says nothing")
    return frames / seconds


def _ratio(rates: dict[str, list[float]], way: str, other: str) -> float:
    return statistics.median(mine / theirs for mine, theirs in zip(rates[way], rates[other], strict=True))
