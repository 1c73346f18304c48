"""Numbered steps with the time they take: the progress of a job of some seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Steps:
    """Says each step when it begins, e.g. `[3/8]   4.1 s  FP16 graph`, and keeps how long it took.

    Args:
        total: How many steps there will be.
        tell: Takes each line.
        clock: Monotonic time in seconds.
    """

    def __init__(self, total: int, tell: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._total, self._tell, self._clock = total, tell, clock
        self._start = clock()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, key: str, title: str) -> Iterator[None]:
        """One step: says its title at once, and notes its time under `key` at its end, also when it fails."""
        begin = self._clock()
        self._tell(f"[{len(self.seconds) + 1}/{self._total}] {begin - self._start:5.1f} s  {title}")
        try:
            yield
        finally:
            self.seconds[key] = round(self._clock() - begin, 3)

    @property
    def elapsed(self) -> float:
        """Seconds since the first step could begin."""
        return self._clock() - self._start
