"""The memory of choices: small JSON files, one per bundle, frame size, options and machine; losing them costs seconds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from edgeenh.errors import EdgeenhError
from edgeenh.files import write_text

_SCHEMA = 1


class Memory:
    """What was chosen before under the same circumstances.

    Args:
        circumstances: JSON values that must all be equal for a memory to count.
        folder: Where the files lie; None = nothing is recalled or kept.

    Attributes:
        remarks: What the user should hear: a file that was ignored, a folder that cannot be written to.
    """

    def __init__(self, circumstances: dict[str, Any], folder: Path | None) -> None:
        self.remarks: list[str] = []
        self._circumstances = {
            "schema": _SCHEMA,
            **json.loads(json.dumps(circumstances)),
        }  # as they come back from a file
        text = json.dumps(self._circumstances, sort_keys=True)
        self._path = folder and folder / "choices" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"

    def recall(self) -> dict[str, Any] | None:
        """What `keep` was given, or None; a file that is damaged or of other circumstances is ignored with a remark."""
        if self._path is None or not self._path.exists():
            return None
        try:
            document = json.loads(self._path.read_text("utf-8"))
            if document["circumstances"] == self._circumstances and isinstance(document["choice"], dict):
                choice: dict[str, Any] = document["choice"]
                return choice
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self.remarks.append(f"{self._path} is not what edgeenh wrote and is ignored; measuring again")
        return None

    def keep(self, choice: dict[str, Any]) -> None:
        """Write `choice` (JSON values); a folder that cannot be written to is a remark, not an error."""
        if self._path is None:
            return
        document = {"circumstances": self._circumstances, "choice": choice}
        try:
            write_text(self._path, json.dumps(document, indent=2) + "\n")
        except EdgeenhError as exc:
            self.remarks.append(f"the chosen backend is not remembered: {exc}")
