"""Whether a stream does what it is there for, judged from its state and the time alone.

*Live* means that the process is at work: a supervisor that finds it not live should start it anew. *Ready* means that
enhanced frames come out within the contract, now: whoever shows pictures may say so. A stream whose originals go out is
live and not ready; so is one whose camera is unplugged.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeenh.stream.vitals import Vitals

PERIODS = 5
"""A source that gives frames by itself is silent when so many periods passed without one."""

LEAST_SILENCE_MS = 1000.0

STALL_MS = 10_000.0
"""A frame that was captured, and neither came out nor was dropped for so long, says that a thread hangs."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement.

    Attributes:
        live: The process is at work.
        ready: Enhanced frames come out within the contract.
        state: One word: starting, enhancing, waiting, passthrough, unspooled, late, silent, lost, stalled, ended.
        why: One line for people.
    """

    live: bool
    ready: bool
    state: str
    why: str


def judge(vitals: Vitals, now_ns: int) -> Verdict:
    """The verdict on a stream at a moment of its clock. The first rule that applies decides."""
    shown = vitals.shown
    if vitals.ended:
        return Verdict(live=False, ready=False, state="ended", why="the stream has ended")
    if not vitals.started:
        return Verdict(live=True, ready=False, state="starting", why="the model is being prepared")
    idle_ms = (now_ns - (shown.at_ns or vitals.started_ns)) / 1e6
    if vitals.in_flight and idle_ms > STALL_MS:
        return Verdict(
            live=False,
            ready=False,
            state="stalled",
            why=f"{vitals.in_flight} frames are in flight and none came out for {idle_ms:.0f} ms",
        )
    if vitals.lost:
        return Verdict(live=True, ready=False, state="lost", why=f"the source is lost: {vitals.lost}")
    if shown.at_ns is None:
        return Verdict(live=True, ready=False, state="starting", why="no frame came out yet")
    if shown.reason is not None:
        return Verdict(live=True, ready=False, state="passthrough", why=f"the originals go out ({shown.reason})")
    if vitals.unspooled:
        return Verdict(live=True, ready=False, state="unspooled", why="exposures cannot be written to the spool")
    if vitals.max_age_ms is not None and shown.age_ms > vitals.max_age_ms:
        return Verdict(
            live=True,
            ready=False,
            state="late",
            why=f"the last frame was {shown.age_ms:.0f} ms old, {vitals.max_age_ms:g} are allowed",
        )
    if (limit := silence_ms(vitals)) is not None and idle_ms > limit:
        return Verdict(live=True, ready=False, state="silent", why=f"no frame came out for {idle_ms:.0f} ms")
    state = "enhancing" if idle_ms <= (limit or LEAST_SILENCE_MS) else "waiting"
    return Verdict(
        live=True,
        ready=True,
        state=state,
        why=f"{shown.frames} frames came out, the last one enhanced {idle_ms:.0f} ms ago",
    )


def silence_ms(vitals: Vitals) -> float | None:
    """For how long nothing may come out; None = for ever, since the source gives a frame when somebody takes one."""
    if not vitals.periodic:
        return None
    period = 1000 / vitals.fps if vitals.fps else vitals.shown.interval_ms or 0.0
    return max(LEAST_SILENCE_MS, PERIODS * period)


def within_contract(vitals: Vitals) -> bool:
    """Whether the frame that just came out was enhanced, and young enough."""
    shown = vitals.shown
    young = vitals.max_age_ms is None or shown.age_ms <= vitals.max_age_ms
    return shown.at_ns is not None and shown.reason is None and young
