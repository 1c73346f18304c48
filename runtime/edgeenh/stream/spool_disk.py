"""What a spool asks of a disk: few operations, each of which says what of it survives a power cut."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """One folder. Every method may raise `OSError`; names are plain file names."""

    def open(self) -> bool:
        """Make the folder where there is none, and lock it; False when somebody else holds the lock."""
        ...

    def in_place(self) -> bool:
        """Whether the folder that was opened is still the one of that name: it may be moved, removed or mounted over."""
        ...

    def names(self) -> list[str]:
        """The files in it."""
        ...

    def read(self, name: str, most: int | None = None) -> bytes:
        """The first `most` bytes of a file, or all of it."""
        ...

    def write(self, name: str, parts: Sequence[bytes | memoryview]) -> None:
        """Write a file anew. After a power cut it may be there, not be there, or be there in part."""
        ...

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file that is there. When this returns it survives; a power cut before may leave a part of it."""
        ...

    def sync(self, name: str) -> None:
        """From here on the file's content survives; not yet its name."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, at once; a power cut may undo it until `sync_names`."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; a power cut may bring it back until `sync_names`."""
        ...

    def sync_names(self) -> None:
        """From here on the folder's names survive as they are."""
        ...

    def close(self) -> None:
        """Give the lock back; twice is allowed."""
        ...


class FolderDisk:
    """A folder of the file system; its lock is flock(2) on the folder itself, which a killed process cannot keep.

    Once it is open, everything is done in that very folder, also when it got another name meanwhile.

    Args:
        folder: Where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._handle = -1

    def open(self) -> bool:
        """See `Disk.open`."""
        if self._handle >= 0:
            return True
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def in_place(self) -> bool:
        """See `Disk.in_place`."""
        try:
            return os.path.samestat(self.folder.stat(), os.fstat(self._handle))
        except OSError:
            return False

    def names(self) -> list[str]:
        """See `Disk.names`."""
        with os.scandir(self._handle if self._handle >= 0 else self.folder) as entries:
            return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]

    def read(self, name: str, most: int | None = None) -> bytes:
        """See `Disk.read`."""
        opened = self._handle >= 0  # whose it is must be known also where somebody else has it
        with open(self._at(name, os.O_RDONLY) if opened else self.folder / name, "rb") as file:  # noqa: PTH123
            return file.read() if most is None else file.read(most)

    def write(self, name: str, parts: Sequence[bytes | memoryview]) -> None:
        """See `Disk.write`; what was written of it is removed when the rest could not be."""
        handle = self._at(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 (a descriptor)
                for part in filter(len, parts):
                    rest = memoryview(part).cast("B")
                    while rest:
                        rest = rest[file.write(rest) :]
        except OSError:
            with suppress(OSError):
                self.remove(name)
            raise

    def append(self, name: str, data: bytes) -> None:
        """See `Disk.append`."""
        handle = self._at(name, os.O_WRONLY | os.O_APPEND)
        try:
            if os.write(handle, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
            os.fsync(handle)
        finally:
            os.close(handle)

    def sync(self, name: str) -> None:
        """See `Disk.sync`: fsync(2)."""
        handle = self._at(name, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, old: str, new: str) -> None:
        """See `Disk.rename`."""
        folder = self._folder()
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    def remove(self, name: str) -> None:
        """See `Disk.remove`."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._folder())

    def sync_names(self) -> None:
        """See `Disk.sync_names`: fsync(2) of the folder."""
        os.fsync(self._folder())

    def close(self) -> None:
        """See `Disk.close`."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _folder(self) -> int:
        if self._handle < 0:
            raise OSError(errno.EBADF, "the folder is not open", str(self.folder))
        return self._handle

    def _at(self, name: str, flags: int) -> int:
        """A file of the folder, opened; the caller closes it."""
        return os.open(name, flags | os.O_CLOEXEC, 0o666, dir_fd=self._folder())
