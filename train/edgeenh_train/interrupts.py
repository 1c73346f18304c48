"""Ctrl-C and SIGTERM (schedulers, `docker stop`) in a training: the first is held back until a step is whole, the second ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[Callable[[], bool]]:
    """Hold the first signal back, so that a step is never cut in two; gives a function that says whether it came. A second one raises."""
    came: list[int] = []

    def note(number: int, _frame: object) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # no signal arrives here, and none can be handled
        yield lambda: False
        return
    former = [(number, signal.signal(number, note)) for number in SIGNALS]
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in former:
            signal.signal(number, handler)
