"""The memory of choices and verdicts: small JSON entries of the station's cache; losing them costs seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeenh.cache import Cache


class Memory:
    """What was found out before under the same circumstances.

    Args:
        circumstances: JSON values that must all be equal for a memory to count.
        folder: The cache; None = nothing is recalled or kept.
        kind: What sort of memory it is.

    Attributes:
        remarks: What the user should hear: an entry that this station did not write, a folder that cannot be written to.
    """

    def __init__(self, circumstances: dict[str, Any], folder: Path | None, kind: str = "choices") -> None:
        self._cache = Cache(folder, kind)
        self._key = dict(_flat("", circumstances))

    @property
    def remarks(self) -> list[str]:
        """The remarks of the cache; the caller may add its own."""
        return self._cache.remarks

    def recall(self) -> dict[str, Any] | None:
        """What `keep` was given, or None; an entry of other circumstances or of another writer is ignored with a remark."""
        data = self._cache.recall(self._key)
        return None if data is None else json.loads(data)

    def keep(self, choice: dict[str, Any]) -> None:
        """Remember `choice` (JSON values); a folder that cannot be written to is a remark, not an error."""
        self._cache.remember(self._key, json.dumps(choice).encode())


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Name and text of every value, so that `edgeenh cache why` can say which one changed."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), part)
    else:
        yield name, json.dumps(value, sort_keys=True)
