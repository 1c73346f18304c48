"""Where each of several sources writes: one `--out`, shared out among them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from edgeenh.errors import UsageError
from edgeenh.files import fitting_name


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
    if colon and kind == "dicom":
        return _dicom_place(rest, place)
    if spec == "-" or spec.startswith("-?") or (Path(spec).suffix and not spec.endswith("/")):
        raise UsageError(f"--out {spec} is one file, and there are {sources} sources: name a folder, shm:NAME, or null")
    return f"{spec}/{place}/"


def _dicom_place(rest: str, place: str) -> str:
    """A folder in the folder; of an archive an outbox in the outbox, each with a sender of its own."""
    body, question, options = rest.partition("?")
    if not body.startswith("//"):
        return f"dicom:{body and f'{body}/{place}'}{question}{options}"
    parts = [f"{part}/{place}" if part.startswith("outbox=") else part for part in options.split("&")]
    return f"dicom:{body}{question}{'&'.join(parts)}"


def place_names(sources: Sequence[str]) -> list[str]:
    """A name for each of several sources, no two alike; each depends on what the sources are, not on their order.

    Args:
        sources: What the user wrote.
    """
    from edgeenh.sources.network import without_password

    shown = [without_password(source) for source in sources]
    plain = [folder_name(one) for one in shown]
    names = list[str]()
    for index, (one, name) in enumerate(zip(shown, plain, strict=True)):
        if plain.count(name) > 1:  # `a/b` and `a-b`
            name = fitting_name(f"{name[:200]}-{hashlib.sha256(os.fsencode(one)).hexdigest()[:8]}")
        names.append(name if name not in names else f"{name[:200]}-{index}")
    return names


def folder_name(source: str) -> str:
    """A folder's name for a source: what of its text may stand in one."""
    return fitting_name(re.sub(r"[^A-Za-z0-9.-]+", "-", source).strip("-.") or "source")
