"""On which line of a TOML file a key stands. `tomllib` knows, and does not tell."""

from __future__ import annotations

import re

Place = tuple[str | int, ...]
"""A way into the document: `("stream", "max_age_ms")`, `("source", 1, "spec")`; a table of its own is `("stream",)`."""

_HEADER = re.compile(r"\s*(\[\[|\[)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*=")


def lines_of(text: str) -> dict[Place, int]:
    """Where tables and keys stand, counted from 1, in a text that is valid TOML.

    Keys inside inline tables are not found, and whatever looks like a key inside a text of several lines is never
    asked for.
    """
    found: dict[Place, int] = {}
    counts: dict[str, int] = {}
    table: Place = ()
    quotes = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if quotes:
            quotes = "" if quotes in line else quotes
            continue
        if header := _HEADER.match(line):
            name = _names(header[2])
            table = name
            if header[1] == "[[" and len(name) == 1:
                index = counts[str(name[0])] = counts.get(str(name[0]), -1) + 1
                table = (*name, index)
            found.setdefault(table, number)
            continue
        if key := _KEY.match(line):
            found.setdefault((*table, *_names(key[1])), number)
        quotes = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")
    return found


def _names(dotted: str) -> Place:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
