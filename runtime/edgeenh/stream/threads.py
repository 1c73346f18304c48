"""The two threads of a stream: one captures, one enhances; what they share is guarded by one lock."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from edgeenh.frames import DropReason, Frame
from edgeenh.stream.events import Event, EventLog, PassthroughWatch, SequenceWatch
from edgeenh.stream.opening import failure_after
from edgeenh.stream.policy import Job, Policy

if TYPE_CHECKING:
    from edgeenh.sources import Source
    from edgeenh.stream.accounting import Accounting
    from edgeenh.stream.clock import Clock
    from edgeenh.stream.custody import Custody
    from edgeenh.stream.drift_monitor import DriftMonitor
    from edgeenh.stream.worker import FrameEnhancer, Worker


class StreamThreads:
    """The part of `edgeenh.stream.stream.Stream` that runs beside its taker."""

    source: Source
    accounting: Accounting
    _clock: Clock
    _policy: Policy
    _worker: Worker
    _enhancer: FrameEnhancer
    _monitor: DriftMonitor | None
    _custody: Custody
    _log: EventLog
    _limit: int | None

    def __init__(self) -> None:
        self._watch = PassthroughWatch(self._log)
        self._sequence = SequenceWatch(self._log, self.accounting)
        # One lock guards the policy and every flag below; each thread waits for what concerns it.
        self._lock = threading.RLock()
        self._room, self._work, self._results = (threading.Condition(self._lock) for _ in range(3))
        self._prepared = self._started = self._stopping = self._captured_all = self._worked_all = False
        self._failure: Exception | None = None
        self._lost_upstream = Counter[str]()  # what the accounting has of the source's
        self.on_change: Callable[[], object] = _nobody
        self._threads: list[threading.Thread] = []

    def _start_threads(self) -> None:
        for body in (self._capture, self._enhance):
            name = f"edgeenh-{body.__name__.removeprefix('_')}"
            self._threads.append(threading.Thread(target=self._run, args=(body,), name=name, daemon=True))
        for thread in self._threads:
            thread.start()

    def _capture(self) -> None:
        """The capture thread: read while there is room, until the source ends or the stream is stopped."""
        try:
            while self._wait_for_room():
                frame = self.source.read()
                self._take_notices()
                self._take_notices_behind()
                if frame is None or not self._accept(frame):
                    break
        finally:
            self._take_notices()
            self.source.close()

    def _wait_for_room(self) -> bool:
        with self._lock:
            if self._limit is not None and self.accounting.captured >= self._limit:
                return False
            self._room.wait_for(lambda: self._stopping or self._policy.has_room())
            return not self._stopping

    def _accept(self, frame: Frame) -> bool:
        with self._lock:
            if self._stopping and self._policy.ends_when_stopped and frame.exposure is None:
                return False
            if frame.exposure is None or not frame.exposure.replayed:  # those have the numbers of another run
                self._sequence.see(frame)
            self._policy.offer(frame)
            self._work.notify()
            return True

    def _take_notices(self) -> None:
        """What the source has to tell, and what it lost; the taker of frames looks too, while none comes."""
        with self._lock:
            lost = Counter(self.source.lost_upstream.copy())
            for reason, frames in (lost - self._lost_upstream).items():
                self.accounting.lose_upstream(reason, frames)
            self._lost_upstream = lost
        with suppress(IndexError):
            while self.source.notices:
                notice = self.source.notices.pop(0)
                self._event(notice.kind, notice.detail)

    def _take_notices_behind(self) -> None:
        """What enhancer, monitor and spool have to tell; other threads and streams may take them at the same time."""
        for behind in (self._enhancer, self._monitor, self._custody):
            notices = getattr(behind, "notices", ())
            with suppress(IndexError):
                while notices:
                    notice = notices.popleft()
                    self._event(notice.kind, notice.detail)

    def _enhance(self) -> None:
        """The enhancing thread: one frame after another, until nothing comes any more."""
        while (job := self._wait_for_job()) is not None:
            frame = self._custody.with_pixels(job.frame)
            if frame is None:
                with self._lock:
                    self._policy.lose(DropReason.DAMAGED)
                continue
            bypass = self._policy.bypass(frame, self._clock.now_ns())
            result = self._worker.pass_through(frame, *bypass) if bypass else self._worker.enhance(frame)
            self._take_notices_behind()
            self._watch.see(result)
            with self._lock:
                self._policy.finish(result)
                self._results.notify()
            self.on_change()

    def _wait_for_job(self) -> Job | None:
        with self._lock:
            job = self._work.wait_for(self._job_or_end)
            self._room.notify()
            return job if isinstance(job, Job) else None

    def _job_or_end(self) -> Job | bool:
        job = self._policy.take(self._clock.now_ns())
        stopped = self._stopping and self._policy.ends_when_stopped
        return job if job is not None else (self._captured_all or stopped) and self._policy.empty

    def _run(self, body: Callable[[], None]) -> None:
        """A thread: what its body raises ends the stream softly, and is raised by the iteration."""
        failure: Exception | None = None
        try:
            body()
        except Exception as exc:
            failure = failure_after(self.accounting.captured, exc)
            self._event("failed", str(failure))
        with self._lock:
            self._failure = self._failure or failure
            if body == self._capture:
                self._captured_all = True
            else:
                self._worked_all = True
            self._wake_all()

    def _wake_all(self) -> None:
        for condition in (self._room, self._work, self._results):
            condition.notify_all()
        self.on_change()

    def _event(self, kind: str, detail: str, sequence: int | None = None) -> None:
        self._log.add(Event(kind, detail, self._clock.now_ns(), sequence))


def _nobody() -> None:
    """Nobody waits for several streams at once."""
