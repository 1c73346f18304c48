"""Where frames go: a video file, a folder of pictures, a function, or nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import UsageError
from edgeenh.sinks.base import BaseSink, Sink

if TYPE_CHECKING:
    from edgeenh.frames import EnhancedFrame

__all__ = ["BaseSink", "Sink", "open_sink"]

DEFAULT_FPS = 25.0
"""The rate of a video made of frames that have none."""


def open_sink(spec: str | Path | Sink | Callable[[EnhancedFrame], object] | None, *, fps: float | None = None) -> Sink:
    """Open a sink for frames.

    Args:
        spec: A video file (.mp4, .mov, .avi, or .mkv which is lossless), a folder, `null` or None to keep nothing,
            a function that takes an `EnhancedFrame`, or a sink, which is used as it is.
        fps: Frames per second of the video; None = `DEFAULT_FPS`.

    Raises:
        UsageError: It cannot be written to, or its suffix says neither video nor folder.
        OutputFailed: The disk is full.
    """
    from edgeenh.sinks.callback import CallbackSink
    from edgeenh.sinks.folder import FolderSink
    from edgeenh.sinks.null import NullSink
    from edgeenh.sinks.video import CODECS, VideoSink

    if spec is None or spec == "null":
        return NullSink()
    if not isinstance(spec, str | Path):
        return CallbackSink(spec) if callable(spec) else spec
    path = Path(spec)
    if path.suffix.lower() in CODECS and not path.is_dir() and not str(spec).endswith("/"):
        return VideoSink(path, fps or DEFAULT_FPS)
    if path.suffix and not path.is_dir() and not str(spec).endswith("/"):
        expected = f"a folder (end it with / when its name has a dot), a video ({', '.join(CODECS)}) or null"
        raise UsageError(f"frames cannot be written to {path}, expected {expected}; for pictures use `edgeenh enhance`")
    return FolderSink(path)
