"""What to do after a worker failed: another on the same backend, the next backend, or none for a while. Pure; no clock.

respawn    on the same backend, at once after a worker that enhanced something, otherwise after growing pauses
lower      more failures on this backend than the budget allows within its window: the next backend of the ladder
give up    no backend is left: the originals go out, and one worker is tried again from time to time
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 8.0


class Rung(NamedTuple):
    """One step of the ladder: a backend's name, or `auto`; a precision, or None = the worker chooses."""

    backend: str
    precision: str | None = None

    def __str__(self) -> str:
        return f"{self.backend} {self.precision}" if self.precision else self.backend


class Measure(StrEnum):
    """What is done."""

    RESPAWN = "respawn"
    LOWER = "lower"
    GIVE_UP = "give_up"


class Step(NamedTuple):
    """What to do, on which rung, and when (seconds of the caller's clock)."""

    measure: Measure
    rung: Rung
    at_s: float


@dataclass(frozen=True, slots=True)
class Budget:
    """How often workers may fail.

    Attributes:
        respawns: On one backend within `window_s`.
        window_s: Seconds.
        retry_s: After giving up, one worker is started every so many seconds.
    """

    respawns: int = 5
    window_s: float = 60.0
    retry_s: float = 30.0


class Recovery:
    """Counts failures and says what to do next. Used by one thread at a time.

    Args:
        rungs: The ladder, best first; at least one.
        budget: How often workers may fail.
    """

    def __init__(self, rungs: Sequence[Rung], budget: Budget) -> None:
        self._rungs, self._budget = list(rungs), budget
        self._index = 0
        self._failures: list[float] = []
        self._in_a_row = 0
        self.given_up = False

    @property
    def rung(self) -> Rung:
        """The backend in use."""
        return self._rungs[self._index]

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The ladder."""
        return tuple(self._rungs)

    def pin(self, rungs: Sequence[Rung]) -> None:
        """Replace the rung in use by what it turned out to be, best first; the rungs below it stay, without repetition."""
        names = {rung.backend for rung in rungs}
        below = [rung for rung in self._rungs[self._index + 1 :] if rung.backend not in names]
        self._rungs, self._index = [*rungs, *below], 0

    def failed(self, now_s: float) -> Step:
        """A worker failed while it was starting or working."""
        self._failures = [at for at in self._failures if at > now_s - self._budget.window_s]
        self._failures.append(now_s)
        self._in_a_row += 1
        if self.given_up or len(self._failures) > self._budget.respawns:
            return self.refused(now_s)
        pause = 0.0 if self._in_a_row == 1 else min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self._in_a_row - 2))
        return Step(Measure.RESPAWN, self.rung, now_s + pause)

    def refused(self, now_s: float) -> Step:
        """This backend cannot run here at all, or failed too often: the next, or give up."""
        self._failures.clear()
        self._in_a_row = 0
        self._index += 1
        if self._index < len(self._rungs) and not self.given_up:
            return Step(Measure.LOWER, self.rung, now_s)
        self._index %= len(self._rungs)
        self.given_up = True
        return Step(Measure.GIVE_UP, self.rung, now_s + self._budget.retry_s)

    def recovered(self) -> None:
        """A frame was enhanced."""
        self.given_up, self._in_a_row = False, 0
