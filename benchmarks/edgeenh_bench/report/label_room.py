"""Room for names in charts: none may be cut, on a phone either, where letters are largest."""

from __future__ import annotations

from collections.abc import Sequence

LETTER = 9.8
"""Width of a letter on a phone, in a chart's own units."""

LEAST, MOST = 170.0, 330.0
"""Room before bars."""


def wide(name: str) -> float:
    """Room for a name and a gap."""
    return len(name) * LETTER + 8.0


def left_of(names: Sequence[str]) -> float:
    """Room for names that stand before bars; at least one name."""
    return min(MOST, max(LEAST, *map(wide, names)))
