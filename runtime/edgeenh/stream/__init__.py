"""Frames through the enhancer, in order or live, every one of them accounted for."""

from __future__ import annotations

from edgeenh.stream.accounting import Accounting, AccountingError, Counts
from edgeenh.stream.clock import Clock, ManualClock, MonotonicClock
from edgeenh.stream.events import Event
from edgeenh.stream.fault_schedule import FaultSchedule
from edgeenh.stream.group import StreamGroup
from edgeenh.stream.opening import Mode
from edgeenh.stream.sharing import SharedEnhancer
from edgeenh.stream.spool import Spool
from edgeenh.stream.stream import Stream

__all__ = [
    "Accounting",
    "AccountingError",
    "Clock",
    "Counts",
    "Event",
    "FaultSchedule",
    "ManualClock",
    "Mode",
    "MonotonicClock",
    "SharedEnhancer",
    "Spool",
    "Stream",
    "StreamGroup",
]
