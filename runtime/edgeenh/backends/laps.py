"""Where the time of a frame goes: what sessions and slots tell whoever measures them.

A part of a run that has ended is told by its name to a `Lap`, which looks at its own clock; nobody else needs one. Where nobody measures, a
lap does nothing, and costs well under a microsecond. Between one lap and the next only the named part was at work, so the parts of a run add
up to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

CONVERT, COPY_IN, ENQUEUE, COMPUTE = "convert", "copy_in", "enqueue", "compute"
COPY_OUT, CONVERT_BACK = "copy_out", "convert_back"

PARTS = {
    CONVERT: "what stands before the session: padding, and for grey the way to 0…1",
    COPY_IN: "into memory of the session: page-locked, or of the device",
    ENQUEUE: "handing buffers and work to the library, as far as it does not wait",
    COMPUTE: "until the library has the result; of a device with the transfers that it queues itself",
    COPY_OUT: "from memory of the session into the caller's",
    CONVERT_BACK: "what stands behind it: cropping, and for grey the way back",
}
"""Name → what it is. A session that works in the caller's memory has no copies."""

Lap = Callable[[str], None]
"""Told one of `PARTS` when it has ended; a run may have the same part more than once. Must not raise."""


def no_lap(part: str) -> None:
    """Nobody measures."""


@runtime_checkable
class Lapped(Protocol):
    """A session that tells the parts of its runs; of one that is not, a run is one part."""

    lap: Lap
