"""Ctrl-C and SIGTERM: a clean end first, a hard one when asked twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Any, Self

from edgeenh.cli import output

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While entered, a Ctrl-C or SIGTERM asks the command to stop, and one too many raises KeyboardInterrupt.

    An exception out of a signal handler can hit the main thread in the middle of anything, a lock included. So the first
    signals only call a function each, in another thread. Enter it in the main thread only; the former handlers come back
    at the end.

    Attributes:
        count: How many signals came so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._reactions: tuple[Callable[[], object], ...] = ()
        # A handler may run while this very thread holds a lock, so it takes none: putting into a SimpleQueue is
        # reentrant, and the watcher does the rest.
        self._asked: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._watcher = threading.Thread(target=self._watch, name="edgeenh-interrupts", daemon=True)
        self._former: dict[int, Any] = {}

    def react(self, *reactions: Callable[[], object]) -> None:
        """From now on signal k calls the k-th of `reactions`, in another thread; the one after the last raises."""
        self._reactions = reactions

    def __enter__(self) -> Self:
        self._watcher.start()
        for number in SIGNALS:
            self._former[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._asked.put(None)
        self._watcher.join()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > len(self._reactions):
            raise KeyboardInterrupt
        self._asked.put(self._reactions[self.count - 1])

    def _watch(self) -> None:
        while (reaction := self._asked.get()) is not None:
            output.remark("stopping after what is begun" if self.count == 1 else "stopping without waiting any longer")
            reaction()
