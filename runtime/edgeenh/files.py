"""Writing files so that nobody ever sees half of one: write beside, flush, then rename."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeenh.errors import EdgeenhError, OutputFailed, UsageError


def translate_write_error(path: Path, error: OSError) -> EdgeenhError:
    """Say what an `OSError` while writing `path` means and what to do; returns the error, does not raise it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputFailed(f"no space left to write {path}: free some space there, or choose another place with --out")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UsageError(f"{path} cannot be written ({error.strerror}): choose a place you may write to")
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return UsageError(f"{path} cannot be written ({error.strerror}): a part of the path is not what it must be; choose another --out")
    return OutputFailed(f"{path} could not be written: {error.strerror or error}")


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
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent)
        os.close(handle)
    except OSError as exc:
        raise translate_write_error(path, exc) from exc
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes 0600 files; results are ordinary files
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as exc:
        raise translate_write_error(path, exc) from exc
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` by way of `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` by way of `replacing`."""
    write_bytes(path, text.encode("utf-8"))
