"""What a spool says of itself: its name, how many runs it has seen, and whose it is at the moment."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from edgeenh.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from edgeenh.stream.spool_disk import Disk

SCHEMA = "edgeenh.spool/1"
HEADER, OWNER = "spool.json", "owner.json"


class Header(NamedTuple):
    """`spool.json`.

    Attributes:
        id: The spool's own name, in the ids of its exposures.
        session: The number of the last run.
        damaged: There is one that cannot be read; this one is made of what the entries' names say.
    """

    id: str
    session: int
    damaged: bool = False

    def to_bytes(self) -> bytes:
        """The file."""
        return json.dumps({"schema": SCHEMA, "id": self.id, "session": self.session}).encode() + b"\n"


def read_header(disk: Disk, names: list[str], spool: str) -> Header:
    """The header of a spool, new where there is none.

    Raises:
        UsageError: It is of another version.
        OSError: It cannot be read.
    """
    sessions = [int(found[1]) for name in names if (found := re.match(r"([0-9]{8})-[0-9]{8}\.", name))]
    fresh = Header(secrets.token_hex(4), max(sessions, default=0))
    if HEADER not in names:
        return fresh
    try:
        document: Any = json.loads(disk.read(HEADER))
        schema = str(document["schema"])
    except (ValueError, KeyError, TypeError):
        return fresh._replace(damaged=True)
    if schema != SCHEMA:
        fix = "give its exposures out with the release that wrote it, or name another folder with --spool"
        raise UsageError(f"the spool {spool} is {schema}, expected {SCHEMA}; nothing in it was touched: {fix}")
    try:
        return Header(str(document["id"]), max(int(document["session"]), fresh.session))
    except (ValueError, KeyError, TypeError):
        return fresh._replace(damaged=True)


def write_owner(disk: Disk, now: datetime) -> None:
    """Say that it is this process's.

    Raises:
        OSError: It cannot be written.
    """
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": now.isoformat("T", "seconds")}
    disk.write(OWNER, [json.dumps(owner).encode() + b"\n"])


def owner_of(disk: Disk) -> str:
    """Whose it is, in words."""
    try:
        owner = json.loads(disk.read(OWNER))
        return f"process {owner['pid']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
