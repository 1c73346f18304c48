"""What a source, an enhancer or a monitor has to tell while frames go on."""

from __future__ import annotations

from dataclasses import dataclass

KEPT = 1000
"""Notices that wait for a reader at most; the oldest goes first. A fault that repeats for days must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell, e.g. a file that a source had to leave out, or an engine that failed the gate on this station.

    Attributes:
        kind: One word for programs, e.g. `unreadable`.
        detail: One line for people: what was found, what was expected, how to fix it.
    """

    kind: str
    detail: str
