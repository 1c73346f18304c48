"""A disk that is full while it is told to be: below the spool, and below a sink."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeenh.errors import OutputFailed

if TYPE_CHECKING:
    from edgeenh.frames import EnhancedFrame
    from edgeenh.sinks import Sink
    from edgeenh.stream.clock import Clock
    from edgeenh.stream.spool_disk import Disk

WHY = "no space left (a fault that was asked for)"


class Fullness:
    """For how long nothing can be written: from the first try on."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._asked_ns, self._until_ns = clock, 0, 0

    def fill(self, nanoseconds: int) -> None:
        """Be full for so long."""
        self._asked_ns = nanoseconds

    @property
    def full(self) -> bool:
        """Whether a write that is tried now fails."""
        asked_ns, self._asked_ns = self._asked_ns, 0
        now_ns = self._clock.now_ns()
        if asked_ns:
            self._until_ns = now_ns + asked_ns
        return now_ns < self._until_ns


class FaultyDisk(Fullness):
    """A disk of a spool on which nothing can be written while it is full; see `edgeenh.stream.spool_disk.Disk`."""

    def __init__(self, disk: Disk, clock: Clock) -> None:
        super().__init__(clock)
        self._disk = disk
        self.open, self.names, self.read, self.sync = disk.open, disk.names, disk.read, disk.sync
        self.rename, self.remove, self.sync_names, self.close = disk.rename, disk.remove, disk.sync_names, disk.close

    def write(self, name: str, parts: Sequence[bytes | memoryview]) -> None:
        """See `Disk.write`."""
        if self.full:
            raise OSError(errno.ENOSPC, WHY, name)
        self._disk.write(name, parts)

    def append(self, name: str, data: bytes) -> None:
        """See `Disk.append`."""
        if self.full:
            raise OSError(errno.ENOSPC, WHY, name)
        self._disk.append(name, data)


class FaultySink(Fullness):
    """A sink into which nothing can be written while its disk is full; see `edgeenh.sinks.Sink`."""

    def __init__(self, sink: Sink, clock: Clock) -> None:
        super().__init__(clock)
        self._sink = sink
        self.id, self.durable = sink.id, getattr(sink, "durable", False)
        self.close, self.abort = sink.close, sink.abort

    def write(self, frame: EnhancedFrame) -> None:
        """See `Sink.write`."""
        if self.full:
            raise OutputFailed(f"{self.id}: {WHY}")
        self._sink.write(frame)
