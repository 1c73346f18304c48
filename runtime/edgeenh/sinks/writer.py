"""Frames into a sink that may fail: what then goes on, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeenh.errors import EdgeenhError, OutputFailed, UsageError
from edgeenh.files import is_of_place

if TYPE_CHECKING:
    from edgeenh.frames import EnhancedFrame
    from edgeenh.sinks import Sink
    from edgeenh.stream import Stream


def check_durable(mode: str, sink: Sink, out: Sequence[str]) -> None:
    """Refuse a place where an exposure would be lost although it was written.

    Raises:
        UsageError: There is none, or it is whole only at the end.
    """
    if mode != "exposure":
        return
    if not out:
        raise UsageError(
            "mode exposure needs a place for its pictures: --out FOLDER, or [[sink]] in a station's file (null throws them away)"
        )
    if not getattr(sink, "durable", False):
        raise UsageError(
            f"--out {', '.join(out)} does not keep each frame as it comes, and an exposure needs that: use a folder"
        )


class Writer:
    """Writes frames of a stream into a sink.

    Attributes:
        unwritten: Frames that could not be written.
    """

    def __init__(self, stream: Stream, sink: Sink) -> None:
        self._stream, self._sink = stream, sink
        self.unwritten = 0
        self._failing = False
        self._take_notices(None)

    def write(self, frame: EnhancedFrame) -> None:
        """Write one frame.

        Raises:
            OutputFailed, UsageError: The disk is full, read-only or gone, in the mode `offline`; in the others that is an event,
                and an exposure stays in the spool.
            UsageError: The sink cannot take such frames at all.
        """
        try:
            try:
                self._sink.write(frame)
            finally:
                self._take_notices(frame.original.sequence)
        except (OutputFailed, UsageError) as exc:
            if self._stream.mode == "offline" or not is_of_place(exc):
                raise
            self._refused(frame, exc)
        else:
            if self._failing:
                self._failing = False
                self._note("written_again", f"frames are written to {self._sink.id} again", frame)

    def _take_notices(self, sequence: int | None) -> None:
        """What the sink has to tell becomes the stream's events."""
        from edgeenh.sinks.fan_out import notices_of

        for notice in notices_of(self._sink):
            self._stream.note(notice.kind, notice.detail, sequence)

    def _refused(self, frame: EnhancedFrame, error: EdgeenhError) -> None:
        self._stream.keep(frame)
        self.unwritten += 1
        if not self._failing:
            self._failing = True
            self._note("not_written", f"frames go on without being written: {error}", frame)

    def _note(self, kind: str, detail: str, frame: EnhancedFrame) -> None:
        self._stream.note(kind, detail, frame.original.sequence)
