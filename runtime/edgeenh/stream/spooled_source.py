"""A source whose frames are exposures: what a former run left comes first, and each new one is on the disk before it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from edgeenh.frames import Frame

if TYPE_CHECKING:
    from edgeenh.notices import Notice
    from edgeenh.sources import Source
    from edgeenh.stream.clock import Clock
    from edgeenh.stream.spool import Spool


class SpooledSource:
    """Frames of `source` with their `exposure`; the first ones, of former runs, come without pixels: `Spool.load` brings them.

    Args:
        source: It belongs to this one from now on, and is closed by it; the spool is not.
        spool: Where to.
        clock: Stamps what former runs left.
    """

    def __init__(self, source: Source, spool: Spool, clock: Clock) -> None:
        self._source, self.spool, self._clock = source, spool, clock
        self.id, self.size, self.fps, self.length = source.id, source.size, source.fps, source.length
        self.live: bool = source.live
        self.ends = getattr(source, "ends", False)
        self.lost_upstream: Counter[str] = source.lost_upstream
        self.notices: list[Notice] = source.notices
        self._left: Iterator[Frame] | None = spool.waiting(clock.now_ns())
        self._interrupted, self._skipped = False, 0
        if getattr(source, "rereads", False):
            spool.remember()

    def read(self) -> Frame | None:
        """See `Source.read`; returns when the frame is on the disk, or cannot be."""
        frame = None if self._interrupted else self._next_left()
        if frame is not None:
            return frame
        while (frame := self._source.read()) is not None and self.spool.known(frame):
            self._skipped += 1  # a folder is read again at each start; what was an exposure already is none now
        if frame is None:
            return None
        frame = replace(frame, sequence=frame.sequence - self._skipped)  # they leave no gap
        return replace(frame, exposure=self.spool.store(frame))

    def interrupt(self) -> None:
        """See `Source.interrupt`."""
        self._interrupted = True
        self._source.interrupt()

    def close(self) -> None:
        """See `Source.close`."""
        self._source.close()

    def _next_left(self) -> Frame | None:
        if self._left is None:
            return None
        frame = next(self._left, None)
        if frame is None:
            self._left = None
        return frame
