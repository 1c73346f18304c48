"""The chain of a journal, checked: each line holds the SHA-256 of the line before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeenh.errors import OutputFailed

FIRST = "0" * 64
"""What the first line has for the hash of the line before."""


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What `verify_journal` found.

    Attributes:
        lines: Lines in all files.
        head: SHA-256 of the last line; compare it with one that was kept elsewhere.
        anchored: The very first line is there (`prev` is zeros); False = older files are gone.
        problem: The first line that does not fit, in words; empty when all do.
    """

    lines: int
    head: str
    anchored: bool
    problem: str

    @property
    def holds(self) -> bool:
        """Nothing was changed, removed or inserted in between."""
        return not self.problem


def verify_journal(path: Path) -> ChainVerdict:
    """Check the chain of a journal over all of its files, oldest first.

    Raises:
        OutputFailed: A file cannot be read.
    """
    return verify_chain(read_journal(path))


def read_journal(path: Path) -> dict[str, bytes]:
    """The content of a journal's files by their names, oldest first.

    Raises:
        OutputFailed: A file cannot be read.
    """
    numbered = sorted(
        (int(found.suffix[1:]), found) for found in path.parent.glob(f"{path.name}.*") if found.suffix[1:].isdigit()
    )
    files = [*(found for _, found in reversed(numbered)), *([path] if path.exists() else [])]
    contents = {}
    for file in files:
        try:
            contents[file.name] = file.read_bytes()
        except OSError as exc:
            raise OutputFailed(f"{file} cannot be read: {exc.strerror}") from exc
    return contents


def verify_chain(files: Mapping[str, bytes]) -> ChainVerdict:
    """Check the chain over the contents of a journal's files, oldest first; names are for the verdict."""
    head, lines, anchored, broken = "", 0, False, False
    for name, content in files.items():
        for number, line in enumerate(content.split(b"\n")[: None if content[-1:] != b"\n" else -1], start=1):
            found = _prev_of(line)
            where = f"{name}, line {number}"
            if found is None:
                if broken:
                    return ChainVerdict(lines, head, anchored, f"{where} is no event")
                broken = True  # may be the rest of a power cut: then the next line says so
            elif lines == 0:
                anchored = found == FIRST
            elif found != head:
                return ChainVerdict(lines, head, anchored, f"{where} does not follow the line before it")
            elif broken:
                if json.loads(line).get("kind") != "line_repaired":
                    return ChainVerdict(lines, head, anchored, f"the line before {where} is no event")
                broken = False
            head, lines = hashlib.sha256(line).hexdigest(), lines + 1
    return ChainVerdict(lines, head, anchored, "the last line is cut off" if broken else "")


def _prev_of(line: bytes) -> str | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    prev = event.get("prev") if isinstance(event, dict) else None
    return prev if isinstance(prev, str) else None
