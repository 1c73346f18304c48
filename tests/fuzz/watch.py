"""Proof that a target touches nothing but its bytes: an audit hook that ends the run at any other event."""

import sys
from collections.abc import Callable

WATCHED = ("open", "os.", "socket.", "subprocess.", "shutil.", "ctypes.dlopen", "mmap.", "pty.", "urllib.")


class OutsideError(BaseException):
    """A target reached for something outside; no `except Exception` can hide it."""


class Watch:
    """Runs a target with the hook on.

    Args:
        target: What is run.
    """

    def __init__(self, target: Callable[[bytes], None]) -> None:
        self._target = target
        self._on = False
        sys.addaudithook(self._hear)

    def __call__(self, data: bytes) -> None:
        """Run the target on `data`."""
        self._on = True
        try:
            self._target(data)
        finally:
            self._on = False

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._on and event.startswith(WATCHED):
            self._on = False
            raise OutsideError(f"{event} {arguments[:2]!r}")
