"""Waking a thread that waits for a file descriptor."""

from __future__ import annotations

import contextlib
import os
import threading


class Wake:
    """A descriptor that becomes readable when somebody says so; `set` may be called from any thread, also after `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.descriptor, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def set(self) -> None:
        """Make it readable."""
        with self._lock:
            if self._write >= 0:
                with contextlib.suppress(BlockingIOError):  # full: it is readable already
                    os.write(self._write, b"!")

    def close(self) -> None:
        """Give both ends back; twice is allowed."""
        with self._lock:
            if self._write >= 0:
                os.close(self._write)
                os.close(self.descriptor)
                self._write = self.descriptor = -1
