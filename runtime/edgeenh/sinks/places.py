"""Where each of several sources writes: one `--out`, shared out among them."""

from __future__ import annotations

import re
from pathlib import Path

from edgeenh.errors import UsageError


def place_of(spec: str, place: str, index: int, sources: int) -> str:
    """The sink of one source of several: a folder in the folder, a name behind the name, a port after the port.

    Raises:
        UsageError: It is one place, and cannot be shared.
    """
    kind, colon, rest = spec.partition(":")
    if spec == "null":
        return spec
    if colon and kind == "shm":
        name, question, options = rest.partition("?")
        return f"shm:{name}.{place}{question}{options}"
    if colon and kind == "preview":
        from edgeenh.monitoring.address import parse_address

        address = parse_address(rest, spec)
        return f"preview:{address._replace(port=address.port and address.port + index).text}"
    if spec == "-" or spec.startswith("-?") or Path(spec).suffix:
        raise UsageError(f"--out {spec} is one file, and there are {sources} sources: name a folder, shm:NAME, or null")
    return f"{spec}/{place}/"


def folder_name(source: str) -> str:
    """A folder's name for a source: what of its text may stand in one."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", source).strip("-.") or "source"
