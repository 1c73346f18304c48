"""What happens to frames between capture, enhancer and whoever shows them: the promises of `live` and `offline`.

That of `exposure` stands in `edgeenh.stream.exposure_policy`.

A policy is a plain state machine without threads, clocks or locks: the stream calls it under its own lock and tells
it the time. Every way a frame can go through it ends in exactly one entry of the accounting.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edgeenh.frames import DropReason, EnhancedFrame, Frame, PassthroughReason
from edgeenh.stream.accounting import Accounting


@dataclass(frozen=True, slots=True)
class Job:
    """A captured frame with its ticket of the accounting."""

    ticket: int
    frame: Frame


class Policy:
    """What all policies share: frames wait, one is busy, results wait to be handed over, in the order of capture.

    Args:
        accounting: Where every frame is counted.
    """

    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting
        self._waiting: deque[Job] = deque()
        self._busy: Job | None = None
        self._done: deque[tuple[Job, EnhancedFrame]] = deque()
        self._abandoned = False

    def has_room(self) -> bool:
        """Whether the next frame may be captured now."""
        raise NotImplementedError

    def offer(self, frame: Frame) -> None:
        """A frame was captured; from here on it is counted."""
        self._waiting.append(Job(self._accounting.capture(), frame))

    def take(self, now_ns: int) -> Job | None:
        """The next frame for the enhancer, which is then busy; None while there is none or results wait for room."""
        raise NotImplementedError

    def would_miss(self, frame: Frame, now_ns: int) -> bool:  # noqa: ARG002 (only a live frame has a deadline)
        """Whether enhancing `frame` from now on would end after its deadline, as far as can be known."""
        return False

    def bypass(self, frame: Frame, now_ns: int) -> tuple[PassthroughReason, str] | None:
        """Why the busy frame goes out as it is without being enhanced; None = it is enhanced."""
        if self.would_miss(frame, now_ns):
            return PassthroughReason.DEADLINE, "the enhancer is too slow for max_age"
        return None

    def lose(self, reason: DropReason) -> None:
        """The busy frame is gone: there is nothing to show."""
        job, self._busy = self._busy, None
        if job is None:
            raise RuntimeError("lose without take: a bug in the stream")
        self._accounting.drop(job.ticket, reason)

    def finish(self, result: EnhancedFrame) -> None:
        """The busy frame is done; its result waits to be handed over, or is dropped when nobody will come for it."""
        job, self._busy = self._busy, None
        if job is None:
            raise RuntimeError("finish without take: a bug in the stream")
        if self._abandoned:
            self._leave(job)
        else:
            self._done.append((job, result))

    def hand_over(self, now_ns: int) -> EnhancedFrame | None:  # noqa: ARG002 (only a live frame can be too old)
        """The oldest result, now counted as shown; None while there is none."""
        if not self._done:
            return None
        job, result = self._done.popleft()
        if result.enhanced:
            self._accounting.enhance(job.ticket)
        else:
            self._accounting.pass_through(job.ticket, result.reason or PassthroughReason.BACKEND_ERROR)
        return result

    @property
    def ends_when_stopped(self) -> bool:
        """Whether a stopped stream may end before its source did: what that still gives is not taken."""
        return True

    def stop(self) -> None:
        """Frames that still wait are dropped; the busy one and finished results are handed over as usual."""
        while self._waiting:
            self._leave(self._waiting.popleft())

    def abandon(self) -> None:
        """Nobody will come for results any more: everything is dropped, the busy frame as soon as it is done."""
        self.stop()
        self._abandoned = True
        while self._done:
            self._leave(self._done.popleft()[0])

    @property
    def results(self) -> int:
        """How many results wait to be handed over."""
        return len(self._done)

    @property
    def empty(self) -> bool:
        """True when no frame waits, is busy, or is to be handed over."""
        return not self._waiting and self._busy is None and not self._done

    def _leave(self, job: Job) -> None:
        """Nobody will get this frame any more."""
        self._accounting.drop(job.ticket, DropReason.STOPPED)

    def _start(self) -> Job:
        self._busy = self._waiting.popleft()
        return self._busy


class OfflinePolicy(Policy):
    """Every frame, in order: whoever is slow is waited for.

    Guarantees: no frame is dropped unless the stream is stopped; results come in the order of capture; at most
    `2 · depth + 2` frames are in memory at once, so that a slow sink slows the source down instead of filling the memory.

    Args:
        accounting: Where every frame is counted.
        depth: Frames that may wait before the enhancer, and results that may wait behind it.
    """

    def __init__(self, accounting: Accounting, depth: int = 2) -> None:
        super().__init__(accounting)
        self._depth = depth

    def has_room(self) -> bool:
        """See `Policy.has_room`."""
        return len(self._waiting) < self._depth

    def take(self, now_ns: int) -> Job | None:  # noqa: ARG002 (only a live frame can be too old)
        """See `Policy.take`."""
        if self._busy is not None or not self._waiting or len(self._done) >= self._depth:
            return None
        return self._start()


class LivePolicy(Policy):
    """The newest frame wins: one in flight, one waiting, and nothing is shown that is older than `max_age`.

    Guarantees: a frame that waits is replaced by a newer one (dropped as `superseded`), so that the age of what is shown
    does not grow with the length of the run. A frame older than `max_age` is dropped as `stale`, before the enhancer and
    again before it is handed over. Frames are dropped at the entrance: the enhancer takes none while its last result
    waits. When the enhancer was too slow for `max_age` five times running, the originals go out instead (`deadline`),
    and one frame in 32 is tried to see whether it recovered.

    Args:
        accounting: Where every frame is counted.
        max_age_ns: The age in nanoseconds, from capture, beyond which no frame is shown.
    """

    SAMPLES = 5
    RETRY = 32

    def __init__(self, accounting: Accounting, max_age_ns: int) -> None:
        super().__init__(accounting)
        self._max_age_ns = max_age_ns
        self._durations: deque[int] = deque(maxlen=self.SAMPLES)
        self._skipped = 0

    def has_room(self) -> bool:
        """A camera does not wait, so there is always room: an older frame makes it."""
        return True

    def offer(self, frame: Frame) -> None:
        """See `Policy.offer`; a frame that was waiting is dropped."""
        while self._waiting:
            self._accounting.drop(self._waiting.popleft().ticket, DropReason.SUPERSEDED)
        super().offer(frame)

    def take(self, now_ns: int) -> Job | None:
        """See `Policy.take`."""
        if self._busy is not None or self._done or not self._waiting:
            return None
        if self._stale(self._waiting[0].frame, now_ns):
            self._accounting.drop(self._waiting.popleft().ticket, DropReason.STALE)
            return None
        return self._start()

    def would_miss(self, frame: Frame, now_ns: int) -> bool:
        """See `Policy.would_miss`: judged by the fastest of the last five, so that one slow frame changes nothing."""
        if len(self._durations) < self.SAMPLES or now_ns + min(self._durations) - frame.captured_ns <= self._max_age_ns:
            self._skipped = 0
            return False
        self._skipped = (self._skipped + 1) % self.RETRY
        return self._skipped != 0

    def finish(self, result: EnhancedFrame) -> None:
        """See `Policy.finish`; learns how long an enhanced frame takes."""
        if result.enhanced:
            self._durations.append(result.finished_ns - result.started_ns)
        super().finish(result)

    def hand_over(self, now_ns: int) -> EnhancedFrame | None:
        """See `Policy.hand_over`."""
        if self._done and self._stale(self._done[0][0].frame, now_ns):
            self._accounting.drop(self._done.popleft()[0].ticket, DropReason.STALE)
            return None
        return super().hand_over(now_ns)

    def _stale(self, frame: Frame, now_ns: int) -> bool:
        return now_ns - frame.captured_ns > self._max_age_ns
