"""Every kind of sink that a text can name, and how it is opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import UsageError
from edgeenh.sources.grammar import split_options

if TYPE_CHECKING:
    from edgeenh.sinks.base import Sink
    from edgeenh.stream.clock import Clock

DEFAULT_FPS = 25.0
"""The rate of a video made of frames that have none."""

VIDEOS = (".mp4", ".mov", ".avi", ".mkv")


@dataclass(frozen=True, slots=True)
class Coming:
    """What is known of the frames before the first one.

    Attributes:
        fps: Frames per second; None = unknown.
        live: Frames have the times at which they were captured; otherwise they are as far apart as their numbers say.
        clock: The stream's.
    """

    fps: float | None
    live: bool
    clock: Clock


def open_text(spec: str, coming: Coming) -> Sink:
    """Open the sink that a text names.

    Raises:
        UsageError, OutputFailed, MissingExtra: As `edgeenh.sinks.open_sink`.
    """
    if spec == "null":
        from edgeenh.sinks.null import NullSink

        return NullSink()
    kind, colon, rest = spec.partition(":")
    if colon and kind in _NAMED:
        return _NAMED[kind](rest, spec, coming)
    if spec == "-" or spec.startswith("-?"):
        return _raw(spec, coming)
    return _path(spec, coming)


def _raw(spec: str, coming: Coming) -> Sink:
    from edgeenh.sinks.raw import FORMATS, RawSink

    _, options = split_options(spec, {"format": "|".join(FORMATS)})
    return RawSink(1, coming.fps, options.get("format"))


def _shared_memory(name: str, spec: str, coming: Coming) -> Sink:
    from edgeenh.sinks.shared_memory import SharedMemorySink

    _, options = split_options(spec, {"mode": "0640"})
    mode = options.get("mode", "0600")
    if not re.fullmatch("0?[0-7]{3}", mode):
        raise UsageError(f"{spec!r} has the mode {mode!r}, expected three octal digits, e.g. 0640")
    return SharedMemorySink(name.partition("?")[0], mode=int(mode, 8), clock=coming.clock)


def _preview(place: str, spec: str, coming: Coming) -> Sink:
    from edgeenh.monitoring.address import parse_address
    from edgeenh.sinks.preview import PreviewSink

    return PreviewSink(parse_address(place, spec), fps=coming.fps, clock=coming.clock)


def _dicom(place: str, spec: str, coming: Coming) -> Sink:  # noqa: ARG001 (one form for all)
    from edgeenh.sinks.dicom import open_dicom

    return open_dicom(place, spec)


_NAMED: Mapping[str, Callable[[str, str, Coming], Sink]] = {
    "shm": _shared_memory,
    "preview": _preview,
    "dicom": _dicom,
}


def _path(spec: str, coming: Coming) -> Sink:
    """A video or a folder, by the suffix."""
    from edgeenh.sinks.folder import FolderSink
    from edgeenh.sinks.video import open_video

    path = Path(spec)
    folder = path.is_dir() or spec.endswith("/")
    if path.suffix.lower() in VIDEOS and not folder:
        return open_video(path, coming.fps or DEFAULT_FPS, live=coming.live)
    if path.suffix and not folder:
        expected = (
            f"a folder (end it with / when its name has a dot), a video ({', '.join(VIDEOS)}), shm:NAME, preview:PORT, "
            "- for raw frames, or null"
        )
        raise UsageError(f"frames cannot be written to {path}, expected {expected}; for pictures use `edgeenh enhance`")
    return FolderSink(path)
