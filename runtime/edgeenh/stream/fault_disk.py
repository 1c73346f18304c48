"""A disk that is full while it is told to be: below the spool, and below a sink."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeenh.errors import OutputFailed
from edgeenh.sinks.fan_out import FanOut, hurry, notices_of
from edgeenh.sinks.raw import RawSink

if TYPE_CHECKING:
    from edgeenh.frames import EnhancedFrame
    from edgeenh.notices import Notice
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
        self.in_place = disk.in_place
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
    """A sink into which nothing can be written while its disk is full; all else is the sink's. See `edgeenh.sinks.Sink`."""

    def __init__(self, sink: Sink, clock: Clock) -> None:
        super().__init__(clock)
        self.sink = sink
        self.id, self.durable = sink.id, getattr(sink, "durable", False)
        self.keeps: bool = getattr(sink, "keeps", True)
        self.close, self.abort = sink.close, sink.abort

    def write(self, frame: EnhancedFrame) -> None:
        """See `Sink.write`."""
        if self.full:
            raise OutputFailed(f"{self.id}: {WHY}")
        self.sink.write(frame)

    def take_notices(self) -> list[Notice]:
        """See `BaseSink.take_notices`."""
        return notices_of(self.sink)

    def hurry(self) -> None:
        """See `BaseSink.hurry`."""
        hurry(self.sink)


def with_full_disk(sink: Sink, clock: Clock) -> tuple[Sink, list[FaultySink]]:
    """The sink with a disk that can be full, and each such disk; of several sinks those that only show have none."""
    if not isinstance(sink, FanOut):
        faulty = FaultySink(sink, clock)
        return faulty, [faulty]
    disks = [FaultySink(one, clock) for one in sink.sinks if _is_on_disk(one)]
    of = {id(disk.sink): disk for disk in disks}
    sink.sinks = [of.get(id(one), one) for one in sink.sinks]
    return sink, disks


def _is_on_disk(sink: Sink) -> bool:
    return getattr(sink, "keeps", True) and not isinstance(sink, RawSink)
