"""What a stream checks and opens before it starts, and how it says that it could not go on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeenh.errors import EdgeenhError, JobFailed, UsageError
from edgeenh.pixels import RGB
from edgeenh.sources import Source, open_source
from edgeenh.stream.accounting import Accounting
from edgeenh.stream.clock import Clock
from edgeenh.stream.exposure_policy import ExposurePolicy
from edgeenh.stream.policy import LivePolicy, OfflinePolicy, Policy
from edgeenh.stream.spooled_source import SpooledSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.stream.fault_schedule import FaultSchedule
    from edgeenh.stream.rehearsal import Rehearsal
    from edgeenh.stream.spool import Spool

Mode = Literal["live", "exposure", "offline"]


def check_mode(mode: str, *, spool: bool = False) -> None:
    """Raise `UsageError` unless there is such a mode, and a spool where it needs one and only there."""
    if mode not in ("live", "exposure", "offline"):
        raise UsageError(f"mode {mode!r} is not known, expected live, exposure or offline")
    if mode == "exposure" and not spool:
        raise UsageError(
            "mode exposure keeps every frame on the disk until it is done with: name a folder, --spool DIR"
        )
    if mode != "exposure" and spool:
        raise UsageError(f"a spool is for mode exposure, and the mode is {mode}: give --mode exposure, or no spool")


def check_range(max_age_ms: float, strength: float | None, frames: int | None) -> None:
    """Raise `UsageError` unless every argument is within its range; written so that NaN fails."""
    if not 0 < max_age_ms <= 3_600_000:
        raise UsageError(f"max age is {max_age_ms:g} ms, expected above 0 and at most 3600000: give e.g. 250")
    if strength is not None and not 0 <= strength <= 1:
        raise UsageError(f"strength is {strength:g}, expected 0 (the original) to 1 (the model's full effect)")
    if frames is not None and frames < 1:
        raise UsageError(f"frames is {frames}, expected 1 or more")


def check_same_size(enhancer: object) -> None:
    """Raise `UsageError` for an enhancer that enlarges: where it fails the original is shown, in another size."""
    scale = getattr(enhancer, "scale", 1)
    if scale != 1:
        raise UsageError(
            f"this bundle gives pictures of {scale} times the width and height, and a stream shows the original wherever "
            "enhancing fails, expected both of one size: use `edgeenh enhance` for pictures, or a bundle of scale 1"
        )


def open_for(
    mode: Mode,
    source: str | Path | Source | Iterable[NDArray[Any]],
    clock: Clock,
    photometric: str = RGB.photometric,
    spool: Spool | None = None,
    rehearsal: Rehearsal | None = None,
) -> Source:
    """Open `source`; live, a recorded one is shown at its rate, and arrays without a rate at their own pace.

    When faults are rehearsed, a recorded source with a rate is shown at it in every mode: their times are times.
    """
    opened = open_source(source, clock=clock, photometric=photometric)
    try:
        recorded = mode == "live" and not opened.live and (opened.fps is not None or isinstance(source, str | Path))
        if recorded or (rehearsal is not None and not opened.live and opened.fps is not None):
            opened = open_source(opened, clock=clock, pace=True)
        if rehearsal is not None:
            _check_camera(mode, opened, rehearsal)
            opened = rehearsal.source(opened)
    except BaseException:
        opened.close()
        raise
    return opened if spool is None else SpooledSource(opened, spool, clock)


def _check_camera(mode: Mode, source: Source, rehearsal: Rehearsal) -> None:
    faults = rehearsal.schedule.needing("camera")
    if faults and (mode == "offline" or source.fps is None):
        raise UsageError(
            f"the fault {faults[0].kind} needs a source with a rate, in the mode live or exposure: {source.id}"
        )


def rehearsal_of(faults: str | FaultSchedule | None, clock: Clock, max_age_ns: int | None) -> Rehearsal | None:
    """What plays `faults`; None where none are asked for.

    Raises:
        UsageError: They are not understood.
    """
    if faults is None:
        return None
    from edgeenh.stream.fault_schedule import FaultSchedule
    from edgeenh.stream.rehearsal import Rehearsal

    return Rehearsal(FaultSchedule.parse(faults) if isinstance(faults, str) else faults, clock, max_age_ns)


def policy_for(mode: Mode, accounting: Accounting, max_age_ms: float, *, live: bool) -> Policy:
    """The policy of a mode; `live` says that the source does not wait for its reader."""
    if mode == "live":
        return LivePolicy(accounting, round(max_age_ms * 1e6))
    return ExposurePolicy(accounting, live=live) if mode == "exposure" else OfflinePolicy(accounting)


def failure_after(frames: int, error: Exception) -> EdgeenhError:
    """What to raise for `error` after so many frames: before the first it is the input's fault, later the job failed."""
    if isinstance(error, EdgeenhError) and not frames:
        return error
    what = str(error) if isinstance(error, EdgeenhError) else f"{type(error).__name__}: {error}"
    failure = JobFailed(f"the stream ended after {frames} frames: {what}")
    failure.__cause__ = error
    return failure
