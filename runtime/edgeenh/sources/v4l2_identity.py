"""Which camera a device file belongs to, where it is now, and its button, by what the kernel says under /sys."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from edgeenh.sources.v4l2_structs import EV_KEY, KEY_CAMERA, InputEvent

SYS = Path("/sys/class/video4linux")
DEV = Path("/dev")


def identity(path: Path, card: str, bus: str, sys: Path = SYS) -> str:
    """What tells this camera from any other: its USB serial, or its name and the socket it is in where it has none.

    Args:
        path: The device file.
        card: The camera's name, from the driver.
        bus: Where it is plugged in, from the driver.
        sys: Where the kernel lists cameras.
    """
    interface = sys / path.resolve().name / "device"
    serial = _text(interface.resolve().parent / "serial") if interface.exists() else ""
    return f"{card}, serial {serial}" if serial else f"{card} at {bus}"


def cameras(dev: Path = DEV) -> list[Path]:
    """The video devices of this machine, by number."""
    found = [path for path in dev.glob("video*") if path.name.removeprefix("video").isdigit()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("video")))


class Button:
    """The capture button of a camera, which the kernel shows as a keyboard with one key.

    Args:
        path: Its event file, e.g. /dev/input/event7.

    Raises:
        OSError: It may not be read.
    """

    def __init__(self, path: Path) -> None:
        self._device = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    @classmethod
    def of(cls, camera: Path, sys: Path = SYS, dev: Path = DEV) -> Button | None:
        """The button of a camera; None where it has none, or where this user may not read it (group `input`)."""
        for event in sorted((sys / camera.resolve().name / "device").glob("input/input*/event*")):
            try:
                return cls(dev / "input" / event.name)
            except OSError:
                continue
        return None

    def pressed(self) -> bool:
        """Whether it was pressed since the last look."""
        found = False
        size = ctypes.sizeof(InputEvent)
        while True:
            try:
                data = os.read(self._device, 64 * size)
            except OSError:  # EAGAIN: nothing; ENODEV: gone with its camera
                return found
            if not data:
                return found
            for at in range(0, len(data) - size + 1, size):
                event = InputEvent.from_buffer_copy(data, at)
                found = found or (event.type, event.code, event.value) == (EV_KEY, KEY_CAMERA, 1)

    def close(self) -> None:
        """Give it back; twice is allowed."""
        device, self._device = self._device, -1
        if device >= 0:
            os.close(device)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
