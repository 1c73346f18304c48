"""The stream: frames from a source through the enhancer to whoever iterates, every one of them accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from edgeenh.frames import EnhancedFrame
from edgeenh.sources import Source
from edgeenh.stream.accounting import Accounting
from edgeenh.stream.clock import Clock, MonotonicClock
from edgeenh.stream.custody import Custody
from edgeenh.stream.events import Event, EventLog
from edgeenh.stream.latency import Figures, Latencies
from edgeenh.stream.opening import (
    Mode,
    check_mode,
    check_range,
    check_same_size,
    open_for,
    policy_for,
    rehearsal_of,
)
from edgeenh.stream.threads import StreamThreads
from edgeenh.stream.vitals import Vitals
from edgeenh.stream.worker import FrameEnhancer, Worker, pixels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.stream.drift_monitor import DriftMonitor
    from edgeenh.stream.fault_schedule import FaultSchedule
    from edgeenh.stream.spool import Spool

JOIN_S = 0.5
"""How long `close` waits for a source and a backend that do not return."""

LOOK_S = 0.25
"""How often whoever waits for a frame looks whether there is something to tell instead."""


class Stream(StreamThreads):
    """Iterate it to get one `EnhancedFrame` after another; frames are captured and enhanced in two threads meanwhile.

    Three contracts hold in every mode: the original goes out, flagged, when the model fails; `captured = enhanced +
    passthrough + dropped + spooled + in_flight` at every moment; and after the end nothing is in flight. `offline` gives
    every frame in order and makes the source wait; `live` shows the newest and nothing older than `max_age_ms` (see
    `LivePolicy`), and shows a recorded source at its own rate; `exposure` loses nothing, whatever happens (see
    `ExposurePolicy`): asking for the next frame says that the one before is done with, and so does `acknowledge`.

    The picture of a frame belongs to whoever takes the frame from the stream. Errors while opening are raised by
    `start` (or the first iteration); after that a failing source ends the stream, and the iteration raises once
    every captured frame was handed over.

    Args:
        source: A source or what `open_source` takes; it belongs to the stream from now on and is closed by it.
        enhancer: An `edgeenh.Enhancer` or anything with its methods; it is used by one thread, and not closed.
        mode: `offline`, `live` or `exposure`.
        max_age_ms: Live: the age in milliseconds, from capture, beyond which nothing is shown; above 0.
        strength: 0…1; None = the enhancer's own.
        frames: Capture so many frames at most; None = all there are.
        spool: Exposure: the folder that keeps frames until they are done with, of this stream alone; or a `Spool`, which
            is not closed.
        clock: Monotonic time.
        monitor: Compares one in so many results with a reference (`edgeenh.stream.drift_monitor`); not closed.
        faults: Play these while the stream runs, and report whether each was answered as promised
            (`edgeenh.stream.fault_schedule`), e.g. `worker-kill@20s`.

    Raises:
        UsageError: An argument is outside its range.
        SourceError: The source cannot be opened.
    """

    def __init__(
        self,
        source: str | Path | Source | Iterable[NDArray[Any]],
        enhancer: FrameEnhancer,
        *,
        mode: Mode = "offline",
        max_age_ms: float = 250.0,
        strength: float | None = None,
        frames: int | None = None,
        spool: str | Path | Spool | None = None,
        clock: Clock | None = None,
        monitor: DriftMonitor | None = None,
        faults: str | FaultSchedule | None = None,
    ) -> None:
        check_mode(mode, spool=spool is not None)
        check_range(max_age_ms, strength, frames)
        check_same_size(enhancer)
        self.mode, self.accounting = mode, Accounting()
        self._clock, self._max_age_ms = clock or MonotonicClock(), max_age_ms
        limit_ns = round(max_age_ms * 1e6) if mode == "live" else None
        self.rehearsal = rehearsal_of(faults, self._clock, limit_ns)
        self._log = EventLog()
        self._custody = Custody(spool)
        try:
            if self.rehearsal is not None:
                self.rehearsal.attach(enhancer, self._custody.spool, self._log)
            photometric = pixels_of(enhancer).photometric
            self.source = open_for(mode, source, self._clock, photometric, self._custody.spool, self.rehearsal)
        except BaseException:
            self._custody.close()
            raise
        self._enhancer, self._limit = enhancer, frames
        self._worker, self._monitor = Worker(enhancer, strength, self._clock, limit_ns, monitor), monitor
        self._policy = policy_for(mode, self.accounting, max_age_ms, live=self.source.live)
        super().__init__()
        self.over = self._given_up = False
        self._figures = Figures(self._clock.now_ns())

    def prepare(self) -> None:
        """Prepare the enhancer for the source's size, where that is known; `start` does it if nobody did before.

        Raises:
            EdgeenhError: The enhancer cannot be prepared; the source is closed then, and the stream gives no frame.
        """
        if self._prepared:
            return
        self._prepared = True
        try:
            if self.source.size is not None:
                width, height = self.source.size
                self._enhancer.prepare(height, width)
        except BaseException:
            self._started = self._stopping = self._captured_all = self._worked_all = True
            self.source.close()
            self._custody.close()
            raise

    def start(self) -> None:
        """Begin to capture and enhance; the first iteration does it if nobody did before. Raises as `prepare`."""
        self.prepare()
        if self._started:
            return
        self._started = True
        self._figures = Figures(self._clock.now_ns())
        self._start_threads()
        if self.rehearsal is not None:
            self.rehearsal.start()

    def __iter__(self) -> Iterator[EnhancedFrame]:
        """Give every frame; leaving the loop early closes the stream."""
        try:
            yield from iter(self._next, None)
        finally:
            self.close()

    def __next__(self) -> EnhancedFrame:
        """The next frame; see `__iter__` for the usual way."""
        if (frame := self._next()) is None:
            raise StopIteration
        return frame

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def stop(self, *, wait: bool = True) -> None:
        """End softly: no frame is captured any more, and the iteration ends after what is being enhanced or finished.

        Frames that wait are dropped as `stopped`. Callable from any thread, not from a signal handler: it takes a lock.

        Args:
            wait: False = the iteration ends at once; a frame in the enhancer is in flight until it is done, then dropped.
        """
        with self._lock:
            self._stopping = True
            self._policy.stop()
            if not wait:
                self._policy.abandon()
                self._worked_all = True
            self._wake_all()
        self.source.interrupt()

    def close(self) -> None:
        """End at once: what was not handed over is dropped as `stopped`. Returns when both threads are done."""
        self.stop(wait=False)
        deadline = time.monotonic() + (
            0.0 if self._given_up else JOIN_S
        )  # threads end in real time, whatever clock the frames have
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive() and not self._given_up:
                late = f"{thread.name} did not end within {JOIN_S:g} s; its frame stays counted as in flight"
                self._event("not_ended", late)
        self._given_up = True
        if not self._started:
            self._prepared = self._started = True
            self.source.close()
        self._end()

    def acknowledge(self, frame: EnhancedFrame) -> None:
        """Exposure: `frame` is done with and need not be given again; asking for the next one says so too."""
        self._custody.acknowledge(frame)

    def settle(self) -> None:
        """Exposure: the frame that was taken last is done with, unless `keep` was called."""
        self._custody.settle()

    def poll(self) -> EnhancedFrame | None:
        """The next frame if there is one now; None otherwise, and at the end (`over`). Raises what ended the stream, once.

        Unlike iterating, it says nothing about the frame before: see `settle`. `on_change` is called whenever there may be
        one, from other threads.
        """
        self.start()
        with self._lock:
            result = self._result_or_end()
            if isinstance(result, EnhancedFrame):
                self._custody.hand_on(result)
                return result
            failure, self._failure = (self._failure, None) if result else (None, self._failure)
        self._take_notices()
        self._take_notices_behind()
        if result:
            self.over = True
            self._end()
        if failure is not None:
            raise failure
        return None

    def note(self, kind: str, detail: str, sequence: int | None = None) -> None:
        """Add an event of the taker's, e.g. that it could not write a frame; callable from any thread."""
        self._event(kind, detail, sequence)

    def keep(self, frame: EnhancedFrame) -> None:
        """Exposure: `frame` could not be taken, so it stays in the spool for the next start, also when the next is asked for."""
        self._custody.keep(frame)

    @property
    def ended(self) -> bool:
        """True when no thread of the stream runs: before the start, and after a `close` that got everything to end."""
        return not any(thread.is_alive() for thread in self._threads)

    def listen(self, listener: Callable[[Event], object]) -> None:
        """Have every event told as it happens, from any thread; see `EventLog.listen`."""
        self._log.listen(listener)

    def vitals(self, lost: str = "") -> Vitals:
        """What the stream knows of itself at this moment; `lost` is what its listener knows of the source."""
        limit_ms = self._max_age_ms if self.mode == "live" else None
        periodic = self.mode == "live" and bool(self.source.live or self.source.fps)
        started, ended = self._started, self._started and self.ended and self._worked_all
        seen, figures = self.accounting.counts(), self._figures
        return Vitals(
            self.source.id, self.mode, started, ended, figures.started_ns, limit_ms, periodic, self.source.fps, lost,
            seen.in_flight, figures.shown, self._custody.unspooled,
        )  # fmt: skip

    @property
    def stages(self) -> Mapping[str, Latencies]:
        """How long frames took so far, by stage; see `Figures`."""
        return self._figures.stages

    @property
    def events(self) -> list[Event]:
        """What happened so far that a person should know of, oldest first."""
        self._take_notices()
        self._take_notices_behind()
        return self._log.all()

    def report(self) -> dict[str, Any]:
        """The state of the stream at this moment, ready for JSON: accounting, latencies in milliseconds, rate, events.

        `latency_ms` is the time of enhanced frames in the enhancer; `age_ms` that of all frames from capture until
        they were handed over.
        """
        return {
            "mode": self.mode,
            "accounting": self.accounting.to_json(),
            **self._figures.to_json(),
            **({"drift": self._monitor.to_json()} if self._monitor else {}),
            **self._custody.to_json(),
            **({"faults": self.rehearsal.to_json(self._figures.started_ns)} if self.rehearsal else {}),
            "events": [event.to_json(self._figures.started_ns) for event in self.events],
        }

    def _next(self) -> EnhancedFrame | None:
        """Wait for the next frame; None at the end. Raises what ended the stream, once."""
        self.start()
        self._custody.settle()
        with self._lock:
            while not (result := self._results.wait_for(self._result_or_end, LOOK_S)):
                self._take_notices()  # a camera that is gone is told now, not when it is back
                self._take_notices_behind()
            if isinstance(result, EnhancedFrame):
                self._custody.hand_on(result)
                return result
            failure, self._failure = self._failure, None
        self._end()
        if failure is not None:
            raise failure
        return None

    def _result_or_end(self) -> EnhancedFrame | bool:
        now_ns = self._clock.now_ns()
        waiting = self._policy.results
        result = self._policy.hand_over(now_ns)
        if waiting:
            self._work.notify()  # a result went, shown or too old to be: there is room for the next
        if result is None:
            return self._worked_all
        self._figures.add(result, now_ns)
        if self.rehearsal is not None:
            self.rehearsal.see(result, now_ns)
        return result

    def _end(self) -> None:
        if self.rehearsal is not None:
            self.rehearsal.close()
        self._custody.close()
