"""The layout of shared memory in the documentation is the one in use."""

from __future__ import annotations

import re
from pathlib import Path

from edgeenh.sinks import shared_memory_layout as layout

DOCS = Path(__file__).parents[3] / "docs" / "sinks.md"


def rows(text: str) -> list[tuple[str, int]]:
    return [(name, int(at)) for at, name in re.findall(r"^\| (\d+) \| [^|]+ \| (\w+) \|", text, re.MULTILINE)]


def test_every_field_is_documented_where_it_is() -> None:
    header, slot = DOCS.read_text().split("**Slot**")
    for dtype, text in ((layout.HEADER, header), (layout.SLOT, slot)):
        assert dtype.fields is not None
        assert rows(text) == sorted(((name, field[1]) for name, field in dtype.fields.items()), key=lambda row: row[1])


def test_every_reason_is_documented() -> None:
    for word, number in layout.REASONS.items():
        assert f"{number} {word}" in DOCS.read_text().replace("\n", " ")
