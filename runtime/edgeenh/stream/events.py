"""What happened in a stream that a person should know of, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgeenh.frames import EnhancedFrame, Frame
from edgeenh.stream.accounting import Accounting


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: One word for programs, e.g. `passthrough_began`.
        detail: One line for people.
        at_ns: Monotonic time, from the stream's clock.
        sequence: Number of the frame it concerns; None when it concerns none.
    """

    kind: str
    detail: str
    at_ns: int
    sequence: int | None = None

    def to_json(self, started_ns: int) -> dict[str, Any]:
        """The event with its time in milliseconds since the stream began."""
        return {
            "kind": self.kind,
            "at_ms": round((self.at_ns - started_ns) / 1e6, 3),
            "sequence": self.sequence,
            "detail": self.detail,
        }


class EventLog:
    """The events of a stream; any thread may add.

    The first `capacity` are kept and the others counted: a fault that repeats for days must not fill the memory.

    Args:
        capacity: How many events are kept.
    """

    def __init__(self, capacity: int = 1000) -> None:
        self._lock = threading.Lock()
        self._kept: list[Event] = []
        self._capacity = capacity
        self._left_out = 0
        self._listeners: list[Callable[[Event], object]] = []

    def listen(self, listener: Callable[[Event], object]) -> None:
        """Have every event told to `listener` too, those before included; it is called wherever one happens, and must not wait."""
        with self._lock:
            for event in self._kept:
                listener(event)
            self._listeners.append(listener)

    def add(self, event: Event) -> None:
        """Add one event."""
        with self._lock:
            for listener in self._listeners:
                listener(event)
            if len(self._kept) < self._capacity:
                self._kept.append(event)
            else:
                self._left_out += 1

    def all(self) -> list[Event]:
        """A copy of the events kept; the last one says how many more there were, if any."""
        with self._lock:
            kept = list(self._kept)
            if self._left_out:
                kept.append(Event("events_left_out", f"{self._left_out} later events are not listed", kept[-1].at_ns))
            return kept


class PassthroughWatch:
    """Turns results into events: one when frames begin to pass through, one when they are enhanced again. Used by one thread."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._reason: str | None = None
        self._since = 0

    def see(self, result: EnhancedFrame) -> None:
        """Look at the next result."""
        sequence = result.original.sequence
        reason = result.reason.value if result.reason else None
        if reason != self._reason and reason is not None:
            detail = f"the originals go out ({reason}) from frame {sequence} on: {result.detail}"
            self._log.add(Event("passthrough_began", detail, result.finished_ns, sequence))
            self._since = sequence
        elif reason != self._reason:
            after = f"after {sequence - self._since} frames"
            detail = f"frames are enhanced again from frame {sequence} on, {after}"
            self._log.add(Event("passthrough_ended", detail, result.finished_ns, sequence))
        self._reason = reason


class SequenceWatch:
    """Finds frames that were lost before capture by gaps in the source's numbers. Used by one thread."""

    def __init__(self, log: EventLog, accounting: Accounting) -> None:
        self._log, self._accounting = log, accounting
        self._last: int | None = None

    def see(self, frame: Frame) -> None:
        """Look at the next captured frame; a gap is counted as lost upstream, a number that went back is only told."""
        last, self._last = self._last, frame.sequence
        if last is None or frame.sequence == last + 1:
            return
        step = f"the source went from frame {last} to {frame.sequence}"
        if frame.sequence > last:
            lost = frame.sequence - last - 1
            self._accounting.lose_upstream("gap", lost)
            self._log.add(Event("gap", f"{step}: {lost} lost before capture", frame.captured_ns, frame.sequence))
        else:
            detail = f"{step}, expected {last + 1}"
            self._log.add(Event("sequence_repeated", detail, frame.captured_ns, frame.sequence))
