"""Files that only their owner may read: private keys, and the key of a station's cache.

The mode is set when the file is made and checked whenever it is read, on the open file, so that nothing can be put in
its place between the check and the use.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from edgeenh.errors import UsageError
from edgeenh.files import fitting_name, make_folder, read_once, translate_write_error

SECRET_MODE = 0o600
_MAX_BYTES = 64 * 1024


def create_secret(path: Path, data: bytes) -> None:
    """Write `data` to a new file with mode 0600; whole or not at all, and never over a file that is there.

    Raises:
        UsageError: There is a file of that name, the place may not be written to, or it keeps no modes.
        OutputFailed: The disk is full.
    """
    make_folder(path.parent)
    temporary = path.with_name(fitting_name(f".{path.name}", f".{secrets.token_hex(6)}.part"))
    try:
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, SECRET_MODE)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
            if stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
                raise UsageError(
                    f"{path.parent} keeps no file modes: choose a place where a file can be its owner's alone"
                )
        os.link(temporary, path)  # unlike a rename, it fails where the name is taken
    except FileExistsError as exc:
        raise UsageError(
            f"{path} exists, and a key is never overwritten: choose another name, or move it away"
        ) from exc
    except OSError as exc:
        raise translate_write_error(path, exc) from exc
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def read_secret(path: Path, what: str, make: str = "make one with `edgeenh keygen`") -> bytes:
    """Read a file that must be its owner's alone.

    Args:
        path: The file.
        what: What messages call it.
        make: How to come by one, for the message when it is missing.

    Raises:
        UsageError: It is missing, not a plain file of this user (or root), readable by others, or too large.
    """
    try:
        data, found = read_once(path, _MAX_BYTES, follow=False)
    except FileNotFoundError as exc:
        raise UsageError(f"there is no {what} at {path}: give its path, or {make}") from exc
    except OSError as exc:
        raise UsageError(f"the {what} {path} cannot be read ({exc.strerror}): give a plain file you may read") from exc
    if found.st_uid not in (os.geteuid(), 0):
        raise UsageError(
            f"the {what} {path} belongs to user {found.st_uid}, expected yours: chown it, or make your own"
        )
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise UsageError(
            f"the {what} {path} has the mode {mode:04o} and others can reach it, expected 0600: chmod 600 {path}"
        )
    if found.st_size > _MAX_BYTES:
        raise UsageError(f"the {what} {path} is larger than {_MAX_BYTES:,} bytes, which no key is: give the right file")
    return data
