"""The kernel's own word on what happens in a folder: inotify(7)."""

from __future__ import annotations

import ctypes
import os
import struct
from dataclasses import dataclass
from pathlib import Path

CLOSE_WRITE, MOVED_FROM, MOVED_TO, DELETE = 0x8, 0x40, 0x80, 0x200
DELETE_SELF, MOVE_SELF = 0x400, 0x800
UNMOUNT, OVERFLOW, IGNORED = 0x2000, 0x4000, 0x8000
GONE = DELETE_SELF | MOVE_SELF | UNMOUNT | IGNORED
_ONLYDIR = 0x01000000
_HEAD = struct.Struct("iIII")


@dataclass(frozen=True, slots=True)
class Change:
    """One event.

    Attributes:
        mask: What happened, as a sum of the constants above.
        cookie: The same for the two halves of a renaming; 0 otherwise.
        name: The file in the folder; empty where it is the folder itself.
    """

    mask: int
    cookie: int
    name: str


class FolderChanges:
    """What is written and closed, moved, or deleted in one folder; not in the folders in it.

    Args:
        folder: The folder.

    Raises:
        OSError: It is not there, is no folder, or may not be watched.
    """

    def __init__(self, folder: Path) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self.descriptor: int = self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise _error(folder)
        mask = CLOSE_WRITE | MOVED_FROM | MOVED_TO | DELETE | DELETE_SELF | MOVE_SELF | _ONLYDIR
        if self._library.inotify_add_watch(self.descriptor, os.fsencode(folder), mask) < 0:
            error = _error(folder)
            self.close()
            raise error

    def take(self) -> list[Change]:
        """What happened since the last call; never waits."""
        try:
            data = os.read(self.descriptor, 1 << 16)
        except BlockingIOError:
            return []
        return parse_changes(data)

    def close(self) -> None:
        """Watch no longer; twice is allowed."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def parse_changes(data: bytes) -> list[Change]:
    """The events in what inotify gave: struct inotify_event, one behind the other, each with its name filled up by zeros."""
    changes, at = [], 0
    while at + _HEAD.size <= len(data):
        _, mask, cookie, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        changes.append(Change(mask, cookie, os.fsdecode(data[at : at + length].rstrip(b"\0"))))
        at += length
    return changes


def _error(folder: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(folder))
