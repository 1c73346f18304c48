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


class FaultyDisk:
    """A disk of a spool on which nothing can be written until `full_until_ns`; see `edgeenh.stream.spool_disk.Disk`."""

    def __init__(self, disk: Disk, clock: Clock) -> None:
        self._disk, self._clock, self.full_until_ns = disk, clock, 0
        self.open, self.names, self.read, self.sync = disk.open, disk.names, disk.read, disk.sync
        self.rename, self.remove, self.sync_names, self.close = disk.rename, disk.remove, disk.sync_names, disk.close

    def write(self, name: str, parts: Sequence[bytes | memoryview]) -> None:
        """See `Disk.write`."""
        if self._clock.now_ns() < self.full_until_ns:
            raise OSError(errno.ENOSPC, WHY, name)
        self._disk.write(name, parts)


class FaultySink:
    """A sink into which nothing can be written until `full_until_ns`; see `edgeenh.sinks.Sink`."""

    def __init__(self, sink: Sink, clock: Clock) -> None:
        self._sink, self._clock, self.full_until_ns = sink, clock, 0
        self.id, self.durable = sink.id, getattr(sink, "durable", False)
        self.close, self.abort = sink.close, sink.abort

    def write(self, frame: EnhancedFrame) -> None:
        """See `Sink.write`."""
        if self._clock.now_ns() < self.full_until_ns:
            raise OutputFailed(f"{self.id}: {WHY}")
        self._sink.write(frame)
