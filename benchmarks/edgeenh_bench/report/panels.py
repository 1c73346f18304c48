"""What a document becomes on the page: sentences, tables, charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """A name, a head, and rows of texts as wide as the head."""

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One document as the page shows it.

    Attributes:
        title: What was measured.
        about: File, day and model.
        lines: Sentences.
        figures: SVG (trusted) and caption each.
        environment: Of the document.
    """

    title: str
    about: str
    lines: Sequence[str]
    tables: Sequence[Table]
    figures: Sequence[tuple[str, str]]
    environment: Mapping[str, Any]


Parts = tuple[list[str], list[Table], list[tuple[str, str]]]
"""Sentences, tables, figures: what is particular to a schema."""
