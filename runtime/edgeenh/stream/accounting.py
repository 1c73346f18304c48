"""What became of every frame, counted so that it can be checked.

The identity: captured = enhanced + passthrough + dropped + spooled + in_flight. `in_flight` is not computed from the others:
it is the number of tickets that were given out and not yet handed in, and a ticket can be handed in only once. A
mistake in the stream therefore raises or shows as `holds = False`; it cannot hide.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from edgeenh.frames import DropReason, PassthroughReason


class AccountingError(RuntimeError):
    """A frame was counted twice, or one that was never captured was counted: a bug in the stream, not in its input."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The accounting at one moment.

    Attributes:
        captured: Frames taken from the source.
        enhanced: Frames handed over as the model's picture.
        passthrough: Frames handed over as the original, by reason.
        dropped: Frames never shown, by reason.
        lost_upstream: Frames known to exist that never reached us, by reason; not part of `captured`.
        in_flight: Frames waiting, being enhanced, or enhanced and not yet handed over.
        spooled: Exposures that a stopped stream left on the disk; the next one gives them.
    """

    captured: int = 0
    enhanced: int = 0
    passthrough: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    lost_upstream: dict[str, int] = field(default_factory=dict)
    in_flight: int = 0
    spooled: int = 0

    @property
    def holds(self) -> bool:
        """True when every captured frame is accounted for exactly once."""
        ended = self.enhanced + sum(self.passthrough.values()) + sum(self.dropped.values())
        return self.captured == ended + self.spooled + self.in_flight

    def __str__(self) -> str:
        passthrough, dropped = sum(self.passthrough.values()), sum(self.dropped.values())
        ended = f"{self.enhanced} enhanced + {passthrough} passthrough + {dropped} dropped"
        spooled = f" + {self.spooled} spooled" if self.spooled else ""
        return f"{self.captured} captured = {ended}{spooled} + {self.in_flight} in flight"

    def to_json(self) -> dict[str, Any]:
        """The counts under the names of `edgeenh run --json`."""
        return {
            "captured": self.captured,
            "enhanced": self.enhanced,
            "passthrough": dict(self.passthrough),
            "dropped": dict(self.dropped),
            "lost_upstream": dict(self.lost_upstream),
            "spooled": self.spooled,
            "in_flight": self.in_flight,
            "holds": self.holds,
        }


class Accounting:
    """Counts frames; every method may be called from any thread, and each is one step: no count is ever seen half-done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[int] = set()
        self._captured = 0
        self._enhanced = self._spooled = 0
        self._passthrough: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()

    def capture(self) -> int:
        """A frame was taken from the source; returns its ticket, to be handed in once by one of the next four."""
        with self._lock:
            ticket = self._captured
            self._captured += 1
            self._open.add(ticket)
            return ticket

    def enhance(self, ticket: int) -> None:
        """The frame of this ticket was handed over as the model's picture."""
        with self._lock:
            self._hand_in(ticket)
            self._enhanced += 1

    def pass_through(self, ticket: int, reason: PassthroughReason) -> None:
        """The frame of this ticket was handed over as its original."""
        with self._lock:
            self._hand_in(ticket)
            self._passthrough[reason.value] += 1

    def drop(self, ticket: int, reason: DropReason) -> None:
        """The frame of this ticket will never be shown."""
        with self._lock:
            self._hand_in(ticket)
            self._dropped[reason.value] += 1

    def leave_spooled(self, ticket: int) -> None:
        """The exposure of this ticket stays on the disk for the next start."""
        with self._lock:
            self._hand_in(ticket)
            self._spooled += 1

    def lose_upstream(self, reason: str, frames: int) -> None:
        """So many frames more are known to exist and never reached us."""
        with self._lock:
            self._lost[reason] += frames

    def counts(self) -> Counts:
        """All counts at one moment."""
        with self._lock:
            passthrough, dropped, lost = dict(self._passthrough), dict(self._dropped), dict(self._lost)
            open_now = len(self._open)
            return Counts(self._captured, self._enhanced, passthrough, dropped, lost, open_now, self._spooled)

    def __str__(self) -> str:
        return str(self.counts())

    def _hand_in(self, ticket: int) -> None:
        try:
            self._open.remove(ticket)
        except KeyError:
            raise AccountingError(f"frame {ticket} of {self._captured} was counted twice or never captured") from None

    @property
    def captured(self) -> int:
        """Frames taken from the source."""
        return self._captured

    @property
    def enhanced(self) -> int:
        """Frames handed over as the model's picture."""
        return self._enhanced

    @property
    def passthrough(self) -> dict[str, int]:
        """Frames handed over as the original, by reason."""
        return self.counts().passthrough

    @property
    def dropped(self) -> dict[str, int]:
        """Frames never shown, by reason."""
        return self.counts().dropped

    @property
    def lost_upstream(self) -> dict[str, int]:
        """Frames that never reached us, by reason."""
        return self.counts().lost_upstream

    @property
    def in_flight(self) -> int:
        """Frames captured and not yet handed over or dropped."""
        return len(self._open)

    @property
    def holds(self) -> bool:
        """True when every captured frame is accounted for exactly once, at this moment."""
        return self.counts().holds

    def to_json(self) -> dict[str, Any]:
        """The counts at one moment, under the names of `edgeenh run --json`."""
        return self.counts().to_json()
