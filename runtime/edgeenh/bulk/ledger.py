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
from typing import TYPE_CHECKING, Any

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
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._path, self._key = folder, folder / LIST, key
        self._lines = _read(self._path)

    def has(self, target: Path, source: bytes) -> bool:
        """Whether `target` is what a former run made of these bytes under the same settings."""
        line = self._lines.get(target.relative_to(self._folder).as_posix())
        if line is None or (line.get("settings"), line.get("input_sha256")) != (self._key, sha256(source)):
            return False
        try:
            return sha256(target.read_bytes()) == line.get("output_sha256")
        except OSError:
            return False

    def add(self, target: Path, source: Path, data: bytes, written: bytes, made: Provenance) -> None:
        """Note a result that is on the disk.

        Raises:
            UsageError, OutputFailed: The line cannot be written.
        """
        name = target.relative_to(self._folder).as_posix()
        line = {
            "output": name,
            "input": str(source),
            "input_sha256": sha256(data),
            "output_sha256": sha256(written),
            "settings": self._key,
            "provenance": asdict(made),
        }
        try:
            with self._path.open("ab") as file:
                file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise translate_write_error(self._path, exc) from exc
        self._lines[name] = line


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
