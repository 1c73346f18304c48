"""Why something was made again: the fields of its key that are not those of the entry before it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeenh.cache.entries import Entry

_SHOWN = 60
_LEAD = 20


@dataclass(frozen=True, slots=True)
class Change:
    """A field of a key with its value before and now; None = it was not there."""

    field: str
    before: str | None
    now: str | None

    def text(self) -> str:
        """The change for people."""
        pairs = zip(self.before or "", self.now or "", strict=False)
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        return f"{self.field} was {_short(self.before, same)}, is {_short(self.now, same)}"


@dataclass(frozen=True, slots=True)
class Reason:
    """An entry, the nearest of the entries before it, and what differs; no such entry: it was the first of its kind."""

    entry: Entry
    before: Entry | None
    changes: tuple[Change, ...]


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[Change, ...]:
    """The fields in which two keys differ, by name."""
    names = sorted(before.keys() | now.keys())
    return tuple(Change(name, before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name))


def reasons(entries: Sequence[Entry]) -> list[Reason]:
    """For each entry, the last used first, why it was made although others were there."""
    ordered = sorted(entries, key=lambda entry: entry.used_ns, reverse=True)
    found = []
    for number, entry in enumerate(ordered):
        older = ordered[number + 1 :]
        before = min(older, key=lambda other: len(changes(other.key, entry.key)), default=None)
        found.append(Reason(entry, before, changes(before.key, entry.key) if before else ()))
    return found


def _short(value: str | None, same: int) -> str:
    """A value in a few words: where it is long, from a little before the place where it begins to differ."""
    if value is None:
        return "not there"
    start = max(0, same - _LEAD) if len(value) > _SHOWN else 0
    shown = value[start : start + _SHOWN - 1] + "…" if len(value) - start > _SHOWN else value[start:]
    return f"…{shown}" if start else shown
