"""Opening a device without waiting for it longer than somebody wants: libraries block in `open`, some for seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeenh.sources.device import Device

LOOK_S = 0.02
"""How often a waiting thread looks whether it was interrupted."""


class Attempt:
    """One try to open a device, in a thread of its own.

    Args:
        open_device: Opens it.
    """

    def __init__(self, open_device: Callable[[], Device]) -> None:
        self._open_device = open_device
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._abandoned = False
        self._device: Device | None = None
        self._failure: Exception | None = None
        threading.Thread(target=self._run, name="edgeenh-open", daemon=True).start()

    def wait(self, interrupted: threading.Event) -> Device | None:
        """The device, or None when `interrupted` was set first; then a device that opens later is closed at once.

        Raises:
            Exception: Whatever `open_device` raised.
        """
        while not self._done.wait(LOOK_S):
            if interrupted.is_set():
                break
        with self._lock:
            if not self._done.is_set():
                self._abandoned = True
                return None
        if self._failure is not None:
            raise self._failure
        return self._device

    def _run(self) -> None:
        device: Device | None = None
        try:
            device = self._open_device()
        except Exception as exc:
            self._failure = exc
        with self._lock:
            self._device = device
            late = self._abandoned
            self._done.set()
        if late and device is not None:
            device.close()


def close_within(device: Device, seconds: float) -> None:
    """Close a device; one that hangs is left to a thread that ends with the process."""
    closing = threading.Thread(target=device.close, name="edgeenh-close", daemon=True)
    closing.start()
    closing.join(seconds)
