"""The newest frame in named shared memory, for an application in another language on the same computer."""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from edgeenh.errors import OutputFailed, UsageError
from edgeenh.files import translate_write_error
from edgeenh.frames import EnhancedFrame
from edgeenh.sinks import shared_memory_layout as layout
from edgeenh.sinks.base import BaseSink
from edgeenh.stream.clock import Clock, MonotonicClock

FOLDER = Path("/dev/shm")

_FORMATS = {("RGB", 1): layout.RGB24, ("grey", 1): layout.GRAY8, ("grey", 2): layout.GRAY16LE}


class SharedMemorySink(BaseSink):
    """Publishes each frame, with its original, under the name `shm_open(3)` knows; a reader never waits, and nobody waits for it.

    A slow reader misses frames and sees by `number` how many; a frame that is being read is overwritten two frames
    later at the earliest, which the reader notices. The layout is `edgeenh.sinks.shared_memory_layout`. The memory is
    made for the size of the first frame; for a larger one the name gets other memory, and the old one says `MOVED`.

    The writer holds a lock on the file that the kernel takes back when it ends, however it ends: a name that a dead writer
    left is taken over, one that a living writer has is refused.

    Args:
        name: Letters, digits, `.`, `_`, `-`; `edgeenh` is `/edgeenh` for `shm_open`.
        mode: Who may open it; by default this user alone, for these are pictures of patients.
        clock: Stamps the publication.
        folder: Where the names are.

    Raises:
        UsageError: The name is none, has a living writer, or may not be used.
        OutputFailed: There is no memory left.
    """

    keeps = False

    def __init__(self, name: str, *, mode: int = 0o600, clock: Clock | None = None, folder: Path = FOLDER) -> None:
        super().__init__(f"shm:{name}")
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}", name):
            raise UsageError(f"shm:{name} is no name, expected letters, digits, '.', '_' or '-', e.g. shm:edgeenh")
        self._path, self._mode, self._clock = folder / name, mode, clock or MonotonicClock()
        self._fence = threading.Lock()
        self._published = 0
        _claim(self._path)
        self._region = self._make(0)

    def write(self, frame: EnhancedFrame) -> None:
        """Publish the frame; see `Sink.write`."""
        kind = (frame.original.photometric, frame.image.dtype.itemsize)
        if kind not in _FORMATS:
            raise UsageError(f"{self.id} holds RGB and grey pictures, found {kind[0]} of {8 * kind[1]} bits per value")
        if layout.slot_bytes(frame.image.nbytes) > self._region.slot_bytes:
            self._move(frame.image.nbytes)
        number = self._published + 1
        slot = self._region.slot(number % layout.SLOTS)
        self._lock(slot, 2 * number - 1)
        self._fill(slot, frame, number)
        self._lock(slot, 2 * number)
        self._region.header["published"] = self._published = number
        self._region.header["beat_ns"] = self._clock.now_ns()

    def close(self) -> None:
        """Say that no frame comes any more, and remove the name; who has the memory open keeps it."""
        if self._region.closed:
            return
        self._region.header["state"] = layout.ENDED
        with suppress(OSError):
            self._path.unlink()
        self._region.close()

    def abort(self) -> None:
        """As `close`."""
        self.close()

    def _lock(self, slot: Slot, value: int) -> None:
        """Set the slot's lock such that it is seen after all that was written before, and before all that is written next.

        Processors of the ARM kind order nothing by themselves; taking and giving back a lock does. On x86 stores are
        seen in order anyway.
        """
        self._barrier()
        slot.about["lock"] = value
        self._barrier()

    def _barrier(self) -> None:
        with self._fence:
            pass

    def _fill(self, slot: Slot, frame: EnhancedFrame, number: int) -> None:
        about, image, original = slot.about, frame.image, frame.original
        size = image.nbytes
        shown_at = layout.SLOT.itemsize
        original_at = shown_at if image is original.image else shown_at + layout.aligned(size)
        slot.put(shown_at, image)
        if original_at != shown_at:
            slot.put(original_at, original.image)
        provenance = frame.provenance
        values: dict[str, Any] = {
            "number": number, "sequence": original.sequence, "captured_ns": original.captured_ns,
            "width": image.shape[1], "height": image.shape[0],
            "format": _FORMATS[original.photometric, image.dtype.itemsize], "bits": original.bits,
            "row_bytes": size // image.shape[0], "picture_bytes": size, "shown_at": shown_at, "original_at": original_at,
            "status": layout.ENHANCED if frame.enhanced else layout.PASSTHROUGH,
            "reason": layout.reason_code(frame.reason), "reason_text": (frame.reason or "").encode(),
            "strength": provenance.strength if provenance else 0.0,
            "bundle_sha256": provenance.bundle_sha256.encode() if provenance else b"",
            "source": original.source.encode()[:40], "published_ns": self._clock.now_ns(),
        }  # fmt: skip
        for name, value in values.items():
            about[name] = value

    def _move(self, picture_bytes: int) -> None:
        """Give the name to memory that is large enough."""
        former = self._region
        self._region = self._make(layout.slot_bytes(picture_bytes))
        former.header["state"] = layout.MOVED
        former.close()

    def _make(self, slot_bytes: int) -> Region:
        """New memory, locked by this process, under the name; readers see the old or the new, never half of one."""
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(6)}")
        size = layout.PAGE + layout.SLOTS * slot_bytes
        fd = -1
        try:
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.fchmod(fd, self._mode)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.posix_fallocate(fd, 0, size)  # now, not with a SIGBUS when a page is first touched
            region = Region(fd, size, slot_bytes)
            region.header["published"] = 0
            self._published = 0
            temporary.replace(self._path)
        except OSError as exc:
            with suppress(OSError):
                temporary.unlink()
            if fd >= 0:
                os.close(fd)
            if exc.errno in (28, 12):  # ENOSPC, ENOMEM
                raise OutputFailed(
                    f"there are no {size:,} bytes of shared memory for {self.id}: close other programs"
                ) from exc
            raise translate_write_error(self._path, exc) from exc
        return region


class Region:
    """The memory behind a name: its header and its slots, mapped for writing.

    Args:
        fd: The file, of `size` bytes; closed by `close`.
        size: Bytes of all of it.
        slot_bytes: Bytes of a slot; 0 = there are none yet.
    """

    def __init__(self, fd: int, size: int, slot_bytes: int) -> None:
        self._fd, self.slot_bytes, self.closed = fd, slot_bytes, False
        self._bytes = np.frombuffer(mmap.mmap(fd, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE), np.uint8)
        self.header = self._bytes[: layout.HEADER.itemsize].view(layout.HEADER)[0]
        self.header["version"], self.header["header_bytes"] = layout.VERSION, layout.PAGE
        self.header["slots"], self.header["slot_bytes"] = layout.SLOTS if slot_bytes else 0, slot_bytes
        self.header["writer_pid"], self.header["state"] = os.getpid(), layout.LIVE
        self.header["magic"] = layout.MAGIC

    def slot(self, number: int) -> Slot:
        """A slot: views of the memory."""
        start = layout.PAGE + number * self.slot_bytes
        return Slot(self._bytes[start : start + self.slot_bytes])

    def close(self) -> None:
        """Give back the lock and the file; the memory goes with its last user."""
        self.closed = True
        os.close(self._fd)


class Slot:
    """One frame's place.

    Args:
        memory: uint8, of the region.
    """

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self.about = memory[: layout.SLOT.itemsize].view(layout.SLOT)[0]

    def put(self, at: int, picture: Any) -> None:
        """Copy a picture to a place in the slot."""
        self._memory[at : at + picture.nbytes].view(picture.dtype).reshape(picture.shape)[...] = picture


def _claim(path: Path) -> None:
    """Refuse a name that a living writer has; tell readers of a dead one's memory that it has ended.

    Raises:
        UsageError: It has a living writer, is of another kind, or may not be opened.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise translate_write_error(path, exc) from exc
    try:
        header = np.frombuffer(
            os.pread(fd, layout.HEADER.itemsize, 0).ljust(layout.HEADER.itemsize, b"\0"), layout.HEADER
        )[0]
        if bytes(header["magic"]) != layout.MAGIC.rstrip(b"\0"):
            raise UsageError(
                f"shm:{path.name} is taken by something that is not of edgeenh ({path}): choose another name"
            )
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise UsageError(
                f"shm:{path.name} is written by process {header['writer_pid']}: choose another name, or end that process"
            ) from exc
        os.pwrite(fd, layout.ENDED.to_bytes(4, "little"), layout.HEADER.fields["state"][1])  # type: ignore[index]
    finally:
        os.close(fd)
