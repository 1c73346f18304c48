"""Where frames go: a video, a folder of pictures, shared memory, a preview, raw frames, a function, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.sinks.base import BaseSink, Sink

if TYPE_CHECKING:
    from edgeenh.frames import EnhancedFrame
    from edgeenh.stream.clock import Clock

__all__ = ["BaseSink", "Sink", "open_sink", "open_sinks"]


def open_sink(
    spec: str | Path | Sink | Callable[[EnhancedFrame], object] | None,
    *,
    fps: float | None = None,
    live: bool = False,
    clock: Clock | None = None,
) -> Sink:
    """Open a sink for frames.

    Args:
        spec: A video file (.mp4, .mov, .avi, or .mkv which is lossless), a folder, `shm:NAME`, `preview:HOST:PORT`,
            `-` for raw frames on stdout, `null` or None to keep nothing, a function that takes an `EnhancedFrame`, or a
            sink, which is used as it is. docs/sinks.md has their options.
        fps: Frames per second; None = unknown.
        live: A video shows frames at the times of their capture; otherwise at `fps`.
        clock: The stream's; None = the machine's monotonic clock.

    Raises:
        UsageError: It cannot be written to, is taken by another, or its suffix says neither video nor folder.
        OutputFailed: The disk is full.
    """
    from edgeenh.sinks.callback import CallbackSink
    from edgeenh.sinks.kinds import Coming, open_text
    from edgeenh.sinks.null import NullSink
    from edgeenh.stream.clock import MonotonicClock

    if spec is None:
        return NullSink()
    if not isinstance(spec, str | Path):
        return CallbackSink(spec) if callable(spec) else spec
    return open_text(str(spec), Coming(fps, live, clock or MonotonicClock()))


def open_sinks(
    specs: Sequence[str], *, strict: bool, fps: float | None = None, live: bool = False, clock: Clock | None = None
) -> Sink:
    """Open what several `--out` name: nothing, one sink as it is, or all of them as one (`edgeenh.sinks.fan_out`).

    Args:
        specs: As for `open_sink`.
        strict: A sink that keeps frames and fails fails all of them (modes exposure and offline).
        fps: See `open_sink`.
        live: See `open_sink`.
        clock: See `open_sink`.

    Raises:
        UsageError, OutputFailed: As `open_sink`; those that were open are closed again.
    """
    from edgeenh.sinks.fan_out import FanOut

    opened: list[Sink] = []
    try:
        for spec in specs:
            opened.append(open_sink(spec, fps=fps, live=live, clock=clock))
        if len(specs) < 2:
            return opened[0] if opened else open_sink(None)
        return FanOut(opened, strict=strict)
    except BaseException:
        for sink in opened:
            sink.abort()
        raise
