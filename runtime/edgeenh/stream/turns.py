"""Who enhances next when several streams share one enhancer: start-time fair queueing, exposures first. Pure; no threads, no clock.

Each seat has used so much time. The one that used least is next, so that a camera of 120 frames per second gets no more of
the enhancer than one of 10, as long as both want it. Who comes back after a pause begins where the others are: a pause
earns nothing. (P. Goyal, H. M. Vin, H. Cheng: Start-time Fair Queueing, SIGCOMM 1996.)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class Turn:
    """One seat at the enhancer.

    Attributes:
        first: It goes before all that are not.
        used: Time used, in any unit; begins anew at the others' after a pause.
        asked: When it asked, counted over all seats: of two that used the same the one that waits longer is next.
    """

    first: bool = False
    used: float = 0.0
    asked: int = 0


class Turns:
    """Gives turns. Used under its caller's lock."""

    def __init__(self) -> None:
        self._waiting: list[Turn] = []
        self._busy: Turn | None = None
        self._now = 0.0  # the time used, at its start, of who was served last
        self._asked = 0

    def ask(self, turn: Turn) -> None:
        """It wants a turn; once at a time."""
        self._asked += 1
        turn.used, turn.asked = max(turn.used, self._now), self._asked
        self._waiting.append(turn)

    def withdraw(self, turn: Turn) -> None:
        """It wants none any more."""
        self._waiting.remove(turn)

    def take(self, turn: Turn) -> bool:
        """Whether it is its turn; it is then busy until `done`."""
        if self._busy is not None or turn is not self.next():
            return False
        self._waiting.remove(turn)
        self._busy = turn
        if not turn.first:  # who goes first anyhow does not move the others' time
            self._now = max(self._now, turn.used)
        return True

    def next(self) -> Turn | None:
        """Who is next; None when nobody waits."""
        return min(self._waiting, key=lambda turn: (not turn.first, turn.used, turn.asked), default=None)

    def done(self, turn: Turn, spent: float) -> None:
        """Its turn is over, and took so long."""
        if self._busy is not turn:
            raise RuntimeError("done without take: a bug in the sharing of the enhancer")
        self._busy = None
        turn.used += spent
