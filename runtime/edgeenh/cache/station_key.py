"""The station's key: 32 random bytes in a file of mode 0600, made at first use. It never leaves the station."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from edgeenh.errors import IntegrityError, UsageError
from edgeenh.secret_files import create_secret, read_secret

NAME = "station.key"
_LENGTH = 32


def station_key(folder: Path) -> bytes:
    """The key of the cache in `folder`; made when there is none. Of several processes that make it, one wins.

    Raises:
        IntegrityError: Others can read the file, it is another user's, or it is no key; the message has the remedy.
        UsageError, OutputFailed: It cannot be made: the folder may not be written to, or the disk is full.
    """
    path = folder / NAME
    if not os.path.lexists(path):
        try:
            create_secret(path, secrets.token_bytes(_LENGTH))
        except UsageError:
            if not os.path.lexists(path):  # otherwise another process was first, and its key is as good
                raise
    try:
        key = read_secret(path, "station key")
    except UsageError as exc:
        raise IntegrityError(f"{exc}, or delete it: the cache is then made anew") from exc
    if len(key) != _LENGTH:
        raise IntegrityError(
            f"the station key {path} holds {len(key)} bytes, expected {_LENGTH}: delete it, a new one is made"
        )
    return key
