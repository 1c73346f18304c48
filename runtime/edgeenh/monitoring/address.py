"""Where something is served: `HOST:PORT`, on the loopback when nobody says otherwise."""

from __future__ import annotations

import re
from typing import NamedTuple

from edgeenh.errors import UsageError

LOOPBACK = "127.0.0.1"


class Address(NamedTuple):
    """A host and a TCP port; port 0 = one that is free."""

    host: str
    port: int

    @property
    def text(self) -> str:
        """As in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, what: str) -> Address:
    """`8080`, `:8080`, `192.168.0.2:8080`, `[::1]:8080`.

    Args:
        text: What the user wrote.
        what: How to call it in an error.

    Raises:
        UsageError: It is nothing of that kind.
    """
    match = re.fullmatch(r"(?:(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):)?([0-9]{1,5})", text)
    if match is None or int(match[3]) > 65535:
        raise UsageError(f"{what!r} names no place, expected HOST:PORT or PORT (on the loopback), e.g. 127.0.0.1:8080")
    return Address(match[1] or match[2] or LOOPBACK, int(match[3]))
