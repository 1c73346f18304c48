"""Faults that a worker plays when told to, so that a station can see for itself that they are contained.

die          the process kills itself
hang         it computes for ever and answers nothing more
raise        the backend fails on the frame
lose-device  the backend fails such that only a new process helps
constant     the result is one value
garbage      the result is noise
nothing      the result is not written
wrong-size   the answer says that fewer bytes were written than the frame has
slow         the answer comes `amount` milliseconds late
leak         `amount` MiB more memory are held, for good
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeenh.errors import DeviceLost, InferenceFailed, UsageError

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

BEFORE = ("die", "hang", "raise", "lose-device", "slow", "leak")
AFTER = ("constant", "garbage", "nothing", "wrong-size")
FAULTS = (*BEFORE, *AFTER)


@dataclass(slots=True)
class Fault:
    """One fault to play.

    Attributes:
        kind: One of `FAULTS`.
        times: On so many frames.
        amount: Milliseconds or MiB, for the kinds that say so.
    """

    kind: str
    times: int = 1
    amount: float = 0.0


def check_fault(kind: str) -> str:
    """`kind`, or UsageError when there is no such fault."""
    if kind not in FAULTS:
        raise UsageError(f"there is no fault {kind!r} of a worker: choose one of {', '.join(FAULTS)}")
    return kind


class Player:
    """Plays faults in the worker, one after another. Used by one thread."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._leaked: list[bytearray] = []

    def add(self, document: dict[str, Any]) -> None:
        """Play a fault from the next frame on."""
        self._faults.append(Fault(**document))

    def before(self) -> Fault | None:
        """Play what comes before the backend's work; returns the fault of this frame for `after`."""
        if not self._faults:
            return None
        fault = self._faults[0]
        fault.times -= 1
        if fault.times <= 0:
            self._faults.pop(0)
        self.play(fault)
        return fault

    def play(self, fault: Fault) -> None:
        """Play a fault that needs no frame."""
        if fault.kind == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        while fault.kind == "hang":
            pass
        if fault.kind == "raise":
            raise InferenceFailed("the worker was told to fail on this frame")
        if fault.kind == "lose-device":
            raise DeviceLost("the worker was told to lose its device")
        if fault.kind == "slow":
            time.sleep(fault.amount / 1e3)
        if fault.kind == "leak":
            self._leaked.append(bytearray(os.urandom(1 << 10) * round(fault.amount * 1024)))


def spoil(fault: Fault | None, out: Levels, former: Levels) -> int:
    """Spoil a result as `fault` says.

    Args:
        fault: The frame's; None = nothing is spoilt.
        out: The result, overwritten.
        former: What was in its memory before.

    Returns:
        The bytes that the answer shall say were written.
    """
    import numpy as np

    kind = fault.kind if fault else ""
    if kind == "constant":
        out[...] = 0
    elif kind == "garbage":
        out[...] = np.random.default_rng(0).integers(0, np.iinfo(out.dtype).max, out.shape, out.dtype, endpoint=True)
    elif kind == "nothing":
        out[...] = former
    return out.nbytes // 2 if kind == "wrong-size" else out.nbytes
