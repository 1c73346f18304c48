"""Writing files so that nobody ever sees half of one: write beside, flush, then rename."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeenh.errors import EdgeenhError, OutputFailed, UsageError

NAME_MAX = 255
"""Bytes of a file's name on the usual file systems (ext4, XFS, btrfs, tmpfs)."""


def fitting_name(name: str, ending: str = "") -> str:
    """`name` + `ending` where a file system takes it; otherwise `name` is cut and told apart by a digest of all of it."""
    if len(os.fsencode(name + ending)) <= NAME_MAX:
        return name + ending
    ending = f"~{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}{ending}"
    return _cut(name, NAME_MAX - len(os.fsencode(ending))) + ending


def readable(name: str) -> str:
    """A name as reports, metrics and pages can hold it: what in it is no UTF-8, as a file's may be, is escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _cut(text: str, most: int) -> str:
    """As many whole characters from the beginning as need no more than `most` bytes."""
    while len(os.fsencode(text)) > most:
        text = text[:-1]
    return text


def translate_write_error(path: Path, error: OSError) -> EdgeenhError:
    """Say what an `OSError` while writing `path` means and what to do; returns the error, does not raise it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputFailed(f"no space left to write {path}: free some space there, or choose another place")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UsageError(f"{path} cannot be written ({error.strerror}): choose a place you may write to")
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOENT, errno.ENAMETOOLONG, errno.EINVAL):
        return UsageError(
            f"{path} cannot be written ({error.strerror}): a part of the path is not what it must be; choose another place"
        )
    if error.errno == errno.EFBIG:
        return OutputFailed(
            f"{path} could not be written: a file of that size is not allowed there; raise the limit (`ulimit -f`), or choose another disk"
        )
    return OutputFailed(
        f"{path} could not be written ({error.strerror or error}): check the disk, or choose another place"
    )


def is_of_place(error: EdgeenhError) -> bool:
    """Whether it is the disk or the folder that did not take a file, which may pass; not what was to be written."""
    return isinstance(error, OutputFailed) or isinstance(error.__cause__, OSError)


def is_read_only(error: EdgeenhError) -> bool:
    """Whether the disk takes no file at all, so that the next one need not be tried."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EROFS


def make_folder(path: Path) -> Path:
    """Make `path` and its parents, and prove that files can be made in it.

    Raises:
        UsageError: It exists and is not a folder, or may not be written to.
        OutputFailed: The disk is full.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as exc:
        raise translate_write_error(path, exc) from exc
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; on success it takes the place of `path`, on any error it is removed.

    The suffix is kept, since writers (video, pictures) choose the format by it. The rename is atomic and the content is
    flushed before it, so `path` is at every moment either the old file, the new one, or absent.

    Raises:
        UsageError, OutputFailed: The place cannot be written to.
    """
    make_folder(path.parent)
    # Made with the ordinary mode, so that the result is an ordinary file; tempfile's would be readable by its owner alone.
    ending = f".{secrets.token_hex(6)}.part{_cut(path.suffix, 20)}"
    temporary = path.with_name(f".{_cut(path.stem, NAME_MAX - 1 - len(os.fsencode(ending)))}{ending}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as exc:
        raise translate_write_error(path, exc) from exc
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT) or exc.filename in (str(temporary), str(path), None):
            raise translate_write_error(path, exc) from exc
        raise  # the body failed to read something else; that is its own error to tell
    finally:
        with suppress(OSError):  # it has its name; or the disk takes no change any more, and why is being raised
            temporary.unlink()


def _flush(path: Path) -> None:
    """Bring a file's content, or a folder's names, to the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` by way of `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` by way of `replacing`."""
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the only one that writes a bundle or a floor file in `folder` while the context is open; others wait.

    Raises:
        UsageError, OutputFailed: The folder cannot be made, opened or locked.
    """
    make_folder(folder)
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise translate_write_error(folder, exc) from exc
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as exc:
            raise translate_write_error(folder, exc) from exc
        yield
    finally:
        os.close(handle)  # which gives the lock back


def read_once(path: Path, most: int, *, follow: bool = True) -> tuple[bytes, os.stat_result]:
    """Read a plain file by one open: what its state says is true of the bytes that come back.

    Args:
        path: The file. Opening a pipe does not wait for a writer.
        most: Bytes that are read at most; of a longer file nothing is read, and its state tells.
        follow: Follow a symbolic link at the end of the path.

    Raises:
        OSError: It cannot be read, or is no plain file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        if state.st_size > most:
            return b"", state
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(most), state
    finally:
        os.close(handle)
