"""What a stream knows of itself at one moment, for whoever judges it (`edgeenh.monitoring.readiness`)."""

from __future__ import annotations

from dataclasses import dataclass

from edgeenh.stream.latency import Shown


@dataclass(frozen=True, slots=True)
class Vitals:
    """A stream at one moment; times by its clock.

    Attributes:
        source: The source's id.
        mode: live, exposure or offline.
        started: Its threads were started.
        ended: And they are all done, or it was closed.
        started_ns: When it began.
        max_age_ms: Live: the age beyond which nothing is shown; None in other modes.
        periodic: The source gives frames by itself, at a rate: a camera, and not a folder that is watched.
        fps: The rate, where it is known.
        lost: What is told of a source that is lost; empty while it is there.
        in_flight: Frames captured, and neither handed over nor dropped.
        shown: The last frames that were handed over.
        unspooled: Exposure: the spool could not be written to when it was last tried.
    """

    source: str
    mode: str
    started: bool
    ended: bool
    started_ns: int
    max_age_ms: float | None
    periodic: bool
    fps: float | None
    lost: str
    in_flight: int
    shown: Shown
    unspooled: bool = False
