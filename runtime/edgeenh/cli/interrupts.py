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
    """While entered, the first Ctrl-C or SIGTERM calls `on_stop`; the second raises KeyboardInterrupt in the main thread.

    As long as `call_on_stop` was not called, the first one raises KeyboardInterrupt. Enter it in the main thread only;
    the former handlers come back at the end.

    Attributes:
        count: How many signals came so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._on_stop: Callable[[], object] | None = None
        # A handler may run while this very thread holds a lock, so it takes none: putting into a SimpleQueue is
        # reentrant, and another thread does the stopping.
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._watcher = threading.Thread(target=self._watch, name="edgeenh-interrupts", daemon=True)
        self._former: dict[int, Any] = {}

    def call_on_stop(self, on_stop: Callable[[], object]) -> None:
        """From now on the first signal says that the command is stopping and calls `on_stop`, in another thread."""
        self._on_stop = on_stop

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
        self._asked.put(False)
        self._watcher.join()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self._on_stop is None or self.count > 1:
            raise KeyboardInterrupt
        self._asked.put(True)

    def _watch(self) -> None:
        if self._asked.get() and self._on_stop is not None:
            output.remark("stopping after what is begun; Ctrl-C again ends at once")
            self._on_stop()
