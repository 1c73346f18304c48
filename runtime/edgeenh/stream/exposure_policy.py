"""The promises of `exposure`: the policy of frames that cannot be taken again."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from edgeenh.frames import Frame, PassthroughReason
from edgeenh.stream.accounting import Accounting
from edgeenh.stream.policy import Job, Policy


class ExposurePolicy(Policy):
    """Nothing is ever dropped: an exposure is a dose that a patient was given.

    Guarantees, for every frame that the source gave:

    - It is on the disk, flushed, with its SHA-256, before anything else is done with it (`edgeenh.stream.spool`), and
      stays there until whoever got it asked for the next one. So it survives `kill -9` of every process and a power
      cut, and is given again at the next start: at least once, with an id that tells a second time from another exposure.
    - It is handed over, in the order of capture, as ENHANCED, or as PASSTHROUGH with the reason. No age is too old.
    - When the stream is stopped, what waits and is on the disk stays there (`spooled`); what waits and could not be put on
      the disk goes out at once as it is (`stopped`). A frame is counted as dropped only where its file was damaged on the
      disk meanwhile (`damaged`; the file is kept), or where the end did not wait for one that is not on the disk.
    - A source that waits for its reader is made to wait; a device that does not is read all the time: beyond
      `IN_MEMORY` frames, those on the disk keep no pixels in memory. Where `IN_MEMORY` frames wait that are not on the disk,
      the device is left alone: what it then loses shows in its numbers as lost upstream.

    Before the source's `read` returned there is no promise: a frame in a camera's buffer dies with it.

    Args:
        accounting: Where every frame is counted.
        live: The source does not wait for its reader.
        depth: Frames that may wait before the enhancer where the source does wait, and results behind it.
    """

    IN_MEMORY = 8

    def __init__(self, accounting: Accounting, *, live: bool, depth: int = 2) -> None:
        super().__init__(accounting)
        self._live, self._depth, self._stopped = live, depth, False

    def has_room(self) -> bool:
        """See `Policy.has_room`."""
        if not self._live:
            return len(self._waiting) < self._depth
        return sum(not _on_disk(job.frame) for job in self._waiting) < self.IN_MEMORY

    @property
    def ends_when_stopped(self) -> bool:
        """See `Policy.ends_when_stopped`: what a device still gave, and the disk did not take, is not thrown away."""
        return self._abandoned

    def offer(self, frame: Frame) -> None:
        """See `Policy.offer`; what is on the disk need not be in memory too."""
        if self._abandoned or (self._stopped and _on_disk(frame)):
            self._leave(Job(self._accounting.capture(), frame))
            return
        if len(self._waiting) >= self.IN_MEMORY and _on_disk(frame):
            frame = replace(frame, image=frame.image[:0].copy())  # a view would keep all of it
        super().offer(frame)

    def take(self, now_ns: int) -> Job | None:  # noqa: ARG002 (no age is too old)
        """See `Policy.take`."""
        if self._busy is not None or not self._waiting or len(self._done) >= self._depth:
            return None
        return self._start()

    def bypass(self, frame: Frame, now_ns: int) -> tuple[PassthroughReason, str] | None:  # noqa: ARG002
        """See `Policy.bypass`: after a stop there is no time to enhance."""
        if self._stopped and not _on_disk(frame):
            return PassthroughReason.STOPPED, "the stream was stopped, and this exposure is not on the disk"
        return None

    def stop(self) -> None:
        """What is on the disk stays there; what is not goes out as it is."""
        self._stopped = True
        waiting, self._waiting = self._waiting, deque(job for job in self._waiting if not _on_disk(job.frame))
        for job in waiting:
            if _on_disk(job.frame):
                self._leave(job)

    def abandon(self) -> None:
        """See `Policy.abandon`."""
        self.stop()
        super().stop()
        super().abandon()

    def _leave(self, job: Job) -> None:
        if _on_disk(job.frame):
            self._accounting.leave_spooled(job.ticket)
        else:
            super()._leave(job)


def _on_disk(frame: Frame) -> bool:
    return frame.exposure is not None and frame.exposure.spooled
