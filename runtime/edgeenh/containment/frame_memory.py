"""Memory that two processes share: one slot for the frame, one for the result.

It is an anonymous file (memfd_create(2)) that only open descriptors refer to. It has no name, neither in /dev/shm nor
elsewhere, so nothing is left of it when both processes are gone, however they went. Its size is sealed: a worker that
could shrink it would end its parent with SIGBUS.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from typing import TYPE_CHECKING

import numpy as np

from edgeenh.errors import OutputFailed

if TYPE_CHECKING:
    from edgeenh.pixels import Levels


def memory_file(name: str, size: int, content: memoryview | None = None) -> int:
    """A new anonymous file of `size` bytes that can neither grow nor shrink, with `content` written when given.

    Returns:
        Its descriptor, which the caller closes; not inherited by other programs.

    Raises:
        OutputFailed: There is no memory left.
    """
    fd = -1
    try:
        fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.posix_fallocate(fd, 0, size)  # now, not with a SIGBUS when a page is first touched
        while content:
            content = content[os.write(fd, content) :]
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except OSError as exc:
        if fd >= 0:
            os.close(fd)
        raise OutputFailed(f"there are no {size:,} bytes of memory for {name} ({exc}): close other programs") from exc
    return fd


ROOMY, LARGE = 16, 32 << 20
"""Memory for frames above so many bytes is given back after so many frames in a row that need a quarter of it."""


class FrameMemory:
    """Two slots of `capacity` bytes each: slot 0 for the frame, slot 1 for its result.

    Args:
        fd: A file of `memory_file` of 2 · `capacity` bytes; kept open until `close`.
        capacity: Bytes of the largest frame, a multiple of the page size.
    """

    def __init__(self, fd: int, capacity: int) -> None:
        self.fd, self.capacity, self._small = fd, capacity, 0
        self._bytes = np.frombuffer(mmap.mmap(fd, 2 * capacity, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE), np.uint8)

    @classmethod
    def create(cls, nbytes: int) -> FrameMemory:
        """Memory for frames of up to so many bytes.

        Raises:
            OutputFailed: There is no memory left.
        """
        capacity = -(-nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
        return cls(memory_file("edgeenh-frames", 2 * capacity), capacity)

    def suits(self, nbytes: int) -> bool:
        """Whether to use it for the next frame: it is large enough, and has not been far too large for a while."""
        self._small = self._small + 1 if self.capacity > LARGE and 4 * nbytes <= self.capacity else 0
        return nbytes <= self.capacity and self._small <= ROOMY

    def slot(self, number: int, shape: tuple[int, ...], dtype: str) -> Levels:
        """A slot as an array: a view, to be written by the parent (0) and by the worker (1) alone."""
        nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        start = number * self.capacity
        return self._bytes[start : start + nbytes].view(dtype).reshape(shape)

    def close(self) -> None:
        """Close the file; the memory goes with the last view of it."""
        os.close(self.fd)
        self._bytes = np.empty(0, np.uint8)
