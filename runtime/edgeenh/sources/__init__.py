"""Where frames come from: files, cameras, the network, a folder, a pipe; `edgeenh.sources.kinds` has the table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edgeenh.errors import UsageError
from edgeenh.notices import Notice
from edgeenh.pixels import RGB
from edgeenh.sources.base import BaseSource, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.stream.clock import Clock

__all__ = ["BaseSource", "Notice", "Source", "open_source"]


def open_source(
    spec: str | Path | Source | Iterable[NDArray[Any]],
    *,
    clock: Clock | None = None,
    pace: bool = False,
    loop: bool = False,
    photometric: str = RGB.photometric,
    bits: int | None = None,
    raw: str | None = None,
) -> Source:
    """Open a source of frames.

    Args:
        spec: A text of one of the kinds in `edgeenh.sources.kinds.KINDS`, e.g. a video file, `camera:0` or `gige:`;
            or an iterable of arrays (uint8 [H,W,3] RGB, or uint8 or uint16 [H,W] grey); or a source, which is used as
            it is.
        clock: What stamps the frames; None = the machine's monotonic clock.
        pace: Show a recorded source at its own rate, as a camera would; live sources have their pace already.
        loop: Begin a file again at its end, for ever.
        photometric: `RGB`, or `grey` for a bundle for grey.
        bits: Bits per value of grey frames, where they have fewer than their files or formats could hold; None = as many.
        raw: What raw frames on stdin are, `WIDTHxHEIGHT:FORMAT@FPS`; with the source `-` only.

    Raises:
        SourceError: It is missing, unreadable or holds no frame.
        PictureError: It is one picture, and that cannot be used.
        UsageError: It is of no known kind, or never grey where grey is wanted, or `pace` is asked of something
            without a rate.
        MissingExtra, BackendUnavailable: A library for this kind is not installed.
    """
    from edgeenh.sources.kinds import Wanted, open_text
    from edgeenh.sources.pace import PacedSource
    from edgeenh.stream.clock import MonotonicClock

    clock = clock or MonotonicClock()
    if isinstance(spec, str | Path):
        source = open_text(str(spec), Wanted(clock, photometric, bits, loop, raw))
    else:
        source = _open_object(spec, clock)
    if not pace or source.live:
        return source
    try:
        return PacedSource(source, clock)
    except UsageError:
        source.close()
        raise


def _open_object(spec: Any, clock: Clock) -> Source:
    from edgeenh.sources.frames import FramesSource

    if hasattr(spec, "read") and hasattr(spec, "interrupt"):
        return cast("Source", spec)
    if isinstance(spec, Iterable):
        return FramesSource(spec, clock)
    found = f"{type(spec).__name__} is not a source"
    raise UsageError(f"{found}: expected a path, a text such as camera:0, an iterable of arrays, or a Source")
