"""Time as an argument: monotonic for the station, by hand for tests."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock. Wall time is only a label: a step of it must change no age and no deadline."""

    def now_ns(self) -> int:
        """Nanoseconds since some fixed moment; never goes back."""
        ...

    def wait_until(self, deadline_ns: int, cancelled: threading.Event) -> bool:
        """Block until the clock shows `deadline_ns`; False when `cancelled` was set first."""
        ...


class MonotonicClock:
    """The machine's own monotonic clock."""

    def now_ns(self) -> int:
        """See `Clock.now_ns`."""
        return time.monotonic_ns()

    def wait_until(self, deadline_ns: int, cancelled: threading.Event) -> bool:
        """See `Clock.wait_until`."""
        remaining_s = (deadline_ns - self.now_ns()) / 1e9
        if remaining_s <= 0:
            return not cancelled.is_set()
        return not cancelled.wait(remaining_s)


class ManualClock:
    """A clock that moves only when told to, so that tests are exact and never sleep.

    Args:
        start_ns: What it shows at first.
        jump: True = a wait moves the clock to its deadline at once instead of blocking (time-compressed runs).
    """

    def __init__(self, start_ns: int = 0, *, jump: bool = False) -> None:
        self._now_ns = start_ns
        self._jump = jump
        self._moved = threading.Condition()

    def now_ns(self) -> int:
        """See `Clock.now_ns`."""
        with self._moved:
            return self._now_ns

    def advance(self, milliseconds: float) -> None:
        """Move the clock forward and wake those who wait for it.

        Raises:
            ValueError: The step is negative; a monotonic clock never goes back.
        """
        if not milliseconds >= 0:
            raise ValueError(f"a step of {milliseconds} ms: a monotonic clock only goes forward, give 0 or more")
        with self._moved:
            self._now_ns += round(milliseconds * 1e6)
            self._moved.notify_all()

    def wait_until(self, deadline_ns: int, cancelled: threading.Event) -> bool:
        """See `Clock.wait_until`."""
        with self._moved:
            if self._jump:
                self._now_ns = max(self._now_ns, deadline_ns)
            while self._now_ns < deadline_ns and not cancelled.is_set():
                # The event cannot notify our condition; a short wait notices it without depending on the time it
                # takes.
                self._moved.wait(0.01)
        return not cancelled.is_set()
