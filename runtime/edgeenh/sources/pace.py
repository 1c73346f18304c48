"""A recorded source shown at its own rate, as a camera would."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from edgeenh.errors import UsageError
from edgeenh.frames import Frame
from edgeenh.notices import Notice
from edgeenh.sources.base import Source

if TYPE_CHECKING:
    from edgeenh.stream.clock import Clock


class PacedSource:
    """Hands out the frames of another source at their moments, stamped with them.

    Where the recording says when a frame is to be shown, that counts; otherwise frame k comes k periods after the
    first. A frame that comes late goes out at once.

    Args:
        source: The source to slow down; it belongs to this one from now on.
        clock: What it waits by.

    Raises:
        UsageError: The source has no rate.
    """

    def __init__(self, source: Source, clock: Clock) -> None:
        if source.fps is None:
            raise UsageError(f"{source.id} has no frame rate: use --mode offline, or give a video or a camera")
        self._source, self._clock = source, clock
        self._period_ns = 1e9 / source.fps
        self._first_ns: int | None = None
        self._shown = 0
        self._interrupted = threading.Event()
        self.id, self.size, self.length, self.live = source.id, source.size, source.length, source.live
        self.fps: float | None = source.fps
        self.lost_upstream: Counter[str] = source.lost_upstream
        self.notices: list[Notice] = source.notices

    def read(self) -> Frame | None:
        """See `Source.read`; decodes ahead, then waits for the frame's moment."""
        frame = self._source.read()
        if frame is None:
            return None
        if self._first_ns is None:
            self._first_ns = self._clock.now_ns()
        position_s: float | None = getattr(self._source, "position_s", None)
        after_ns = self._shown * self._period_ns if position_s is None else position_s * 1e9
        due_ns = self._first_ns + round(after_ns)
        if not self._clock.wait_until(due_ns, self._interrupted):
            return None
        self._shown += 1
        return replace(frame, captured_ns=self._clock.now_ns())

    def interrupt(self) -> None:
        """See `Source.interrupt`."""
        self._interrupted.set()
        self._source.interrupt()

    def close(self) -> None:
        """See `Source.close`."""
        self._source.close()
