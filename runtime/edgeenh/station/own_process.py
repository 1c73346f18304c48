"""What a process that is a station and nothing else sets for itself; a library does not, for it is the whole process's."""

from __future__ import annotations

import sys

from edgeenh.station.memory import keep_picture_memory

SWITCH_S = 0.0005
"""A thread that wants the interpreter gets it after so long. A frame that comes back from its worker would wait up to Python's
5 ms for a thread that answers a browser."""


def settle() -> None:
    """Set it; before the station begins."""
    keep_picture_memory()
    sys.setswitchinterval(SWITCH_S)
