"""A folder where received objects stand, whole and on the disk, until they were enhanced.

    NNNNNNNN.dcm     received, and not yet given to anybody
    taken/           given to the stream; kept, for the station's own retention to remove

Names are numbers: none is made of what a sender wrote.
"""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path

from edgeenh.errors import UsageError
from edgeenh.files import make_folder, translate_write_error, write_bytes

TAKEN = "taken"


class Inbox:
    """A folder of received objects, of one process at a time. Usable from several threads: senders come at once.

    Args:
        folder: Where; made where it is not.

    Raises:
        UsageError: It may not be written to, or another process has it.
        OutputFailed: The disk is full.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = make_folder(folder)
        make_folder(folder / TAKEN)
        self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(self._handle)
            raise UsageError(f"the inbox {folder} is in use by another process: name another folder") from exc
        # A former process was killed before it had told its sender success.
        for unfinished in folder.glob(".*.part.dcm"):
            with suppress(OSError):
                unfinished.unlink()
        numbers = [int(path.stem) for path in (*self.waiting(), *(folder / TAKEN).glob("*.dcm")) if path.stem.isdigit()]
        self._next = max(numbers, default=0) + 1
        self._lock = threading.Lock()

    def waiting(self) -> list[Path]:
        """What was received and not yet taken, oldest first."""
        return sorted(path for path in self.folder.glob("*.dcm") if path.stem.isdigit())

    def add(self, content: bytes) -> Path:
        """Keep an object; when this returns it survives the end of the process and of the power.

        Raises:
            UsageError, OutputFailed: It cannot be written.
        """
        with self._lock:  # a number is given before anything is written, or two senders would get the same one
            number = self._next
            self._next += 1
        path = self.folder / f"{number:08d}.dcm"
        write_bytes(path, content)
        return path

    def take(self, path: Path) -> None:
        """Whoever got the object has it: it is not given again.

        Raises:
            UsageError, OutputFailed: It cannot be moved.
        """
        try:
            path.rename(self.folder / TAKEN / path.name)
            for folder in (self.folder, self.folder / TAKEN):
                _flush_names(folder)
        except OSError as exc:
            raise translate_write_error(path, exc) from exc

    def close(self) -> None:
        """Let another process have it; twice is allowed."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            with suppress(OSError):
                os.close(handle)


def _flush_names(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
