"""What is done already: a line for every result, by which a second run knows what it need not do again.

A result counts as done when a line says that it was made of these very bytes under these very settings, and the file
still is what was written. Times of files are not asked: they tell nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from edgeenh.files import translate_write_error

if TYPE_CHECKING:
    from edgeenh.frames import Provenance

LIST = "enhanced.jsonl"
"""One JSON object per line and result, oldest first; of a result that stands there twice the last line counts."""


def sha256(data: bytes) -> str:
    """In lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def settings_key(**settings: Any) -> str:
    """A digest of everything that decides what a picture becomes, besides its own bytes."""
    return sha256(json.dumps(settings, sort_keys=True).encode())


class Ledger:
    """The list of results in a folder.

    Args:
        folder: The folder of results, which is there.
        key: See `settings_key`.

    Attributes:
        folder: As given.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder, self._path, self._key = folder, folder / LIST, key
        self._lines = _read(self._path)

    def known(self, target: Path) -> tuple[str, str] | None:
        """The digests of input and result of a former run under the same settings; None when there was none."""
        line = self._lines.get(self._name(target), {})
        digests = line.get("input_sha256"), line.get("output_sha256")
        if line.get("settings") != self._key or not all(isinstance(digest, str) for digest in digests):
            return None
        return str(digests[0]), str(digests[1])

    def has(self, target: Path, source: bytes) -> bool:
        """Whether `target` is what a former run made of these bytes under the same settings."""
        known = self.known(target)
        if known is None or known[0] != sha256(source):
            return False
        try:
            return sha256(target.read_bytes()) == known[1]
        except OSError:
            return False

    def add(self, target: Path, source: Path, input_sha256: str, written: bytes, made: Provenance) -> None:
        """Note a result that is on the disk: `written`, made of an input of this digest.

        Raises:
            UsageError, OutputFailed: The line cannot be written.
        """
        name = self._name(target)
        line = {
            "output": name,
            "input": str(source),
            "input_sha256": input_sha256,
            "output_sha256": sha256(written),
            "settings": self._key,
            "provenance": asdict(made),
        }
        try:
            with self._path.open("a+b") as file:
                # Names that are not UTF-8 are held with escapes, as JSON allows.
                file.write(_end_of_line(file) + json.dumps(line).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise translate_write_error(self._path, exc) from exc
        self._lines[name] = line

    def _name(self, target: Path) -> str:
        return target.relative_to(self.folder).as_posix()


def _end_of_line(file: BinaryIO) -> bytes:
    """What ends a line that a full disk cut, so that the next one stays whole."""
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """The last whole line of each result; lines that are none (a full disk cut one) are passed over."""
    lines: dict[str, dict[str, Any]] = {}
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    for text in content.splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("output"), str):
            lines[line["output"]] = line
    return lines
