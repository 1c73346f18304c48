"""One frame through the enhancer, such that something to show comes out whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edgeenh.errors import InputError, WorkerFailed
from edgeenh.frames import EnhancedFrame, Frame, PassthroughReason, Provenance, Status
from edgeenh.pixels import GREY, RGB, Pixels, photometric_of
from edgeenh.stream.health import Bounds, FrameHealth, bounds_of

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.pixels import Levels
    from edgeenh.stream.clock import Clock
    from edgeenh.stream.drift_monitor import DriftMonitor

_EXPECTED = {RGB.photometric: "uint8 [H,W,3] RGB", GREY.photometric: "uint8 or uint16 [H,W] grey"}


class FrameEnhancer(Protocol):
    """What a stream needs of an enhancer; `edgeenh.Enhancer` and `edgeenh.ContainedEnhancer` are two.

    What it has beyond that is used where it is there:
    one that takes grey frames says so in `pixels` (`edgeenh.pixels.GREY`), and is told the `bits` of each;
    one whose `keeps_time` is true is told in `budget_s` when a live frame must be out, in seconds from the call;
    one that returns its provenance is believed, others are asked for it afterwards;
    `bundle` tells what its pictures can be (see `edgeenh.stream.health.Bounds`);
    `distrust(detail)` is called when a result was no picture, `degrade(detail)` when the drift monitor gives an alarm;
    `notices` become the stream's events.
    """

    def prepare(self, height: int, width: int) -> object:
        """Open and warm whatever frames of this size need."""
        ...

    def enhance_into(
        self, image: Levels, out: Levels, strength: float | None = None, *, bits: int | None = None
    ) -> object:
        """Enhance `image` (as `Frame` holds it, only read) into `out` (the same type and shape, overwritten whole)."""
        ...

    def provenance(self, strength: float | None = None) -> Provenance:
        """Which model made the last picture, and how."""
        ...


def pixels_of(enhancer: FrameEnhancer) -> Pixels:
    """What the pictures of an enhancer are; colour where it does not say."""
    pixels: Pixels = getattr(enhancer, "pixels", RGB)
    return pixels


MARGIN = 0.9
"""A frame that is not enhanced by then must still be handed over before its `max_age`."""


class Worker:
    """Fails open: on any failure the original goes out, flagged with the reason. Used by one thread.

    Args:
        enhancer: What enhances.
        strength: 0…1; None = the enhancer's own.
        clock: What stamps the results.
        max_age_ns: Live: the age beyond which a frame is not shown; None = there is no hurry.
        monitor: Compares one in so many results with a reference; None = nobody does.
    """

    def __init__(
        self,
        enhancer: FrameEnhancer,
        strength: float | None,
        clock: Clock,
        max_age_ns: int | None = None,
        monitor: DriftMonitor | None = None,
    ) -> None:
        self._enhancer, self._strength, self._clock = enhancer, strength, clock
        self._health, self._photometric = FrameHealth(), pixels_of(enhancer).photometric
        self._monitor = monitor
        self._max_age_ns = max_age_ns if getattr(enhancer, "keeps_time", False) else None
        self._bounds_of("")  # golden frames are read before the first frame comes, not with it

    def enhance(self, frame: Frame) -> EnhancedFrame:
        """The enhanced frame, in memory of its own; or the original, with the reason and a line of detail."""
        started_ns = self._clock.now_ns()
        if photometric_of(frame.image) != self._photometric or not frame.image.size:
            found = f"found {frame.image.dtype} {list(frame.image.shape)}, expected {_EXPECTED[self._photometric]}"
            return self.pass_through(frame, PassthroughReason.UNSUPPORTED_FRAME, found, started_ns)
        if self._monitor is not None and (alarm := self._monitor.alarm_for(self._enhancer)):
            return self.pass_through(frame, PassthroughReason.DRIFT, alarm, started_ns)
        try:
            # New memory every time: whoever gets the frame owns it, and may keep it or draw on it.
            out: Levels = np.empty(frame.image.shape, frame.image.dtype)
            self._health.arm(frame.image, out, frame.bits)
            made = self._enhancer.enhance_into(frame.image, out, self._strength, **self._more(frame, started_ns))
            provenance = made if isinstance(made, Provenance) else self._enhancer.provenance(self._strength)
            bounds = self._bounds_of(provenance.bundle_sha256)
            problem = self._health.verdict(frame.image, out, frame.bits, bounds, provenance.strength)
        except InputError as exc:
            return self.pass_through(frame, PassthroughReason.UNSUPPORTED_FRAME, str(exc), started_ns)
        except WorkerFailed as exc:
            return self.pass_through(frame, PassthroughReason(exc.reason), str(exc), started_ns)
        except Exception as exc:  # a stream must go on whatever a backend raises
            return self.pass_through(frame, PassthroughReason.BACKEND_ERROR, f"{type(exc).__name__}: {exc}", started_ns)
        if problem:
            getattr(self._enhancer, "distrust", _nobody)(problem)
            return self.pass_through(frame, PassthroughReason.UNHEALTHY_OUTPUT, problem, started_ns)
        if self._monitor is not None:
            self._monitor.offer(frame, out, provenance, getattr(self._enhancer, "bundle", None))
        return EnhancedFrame(out, frame, Status.ENHANCED, None, "", started_ns, self._clock.now_ns(), provenance)

    def _more(self, frame: Frame, now_ns: int) -> dict[str, Any]:
        """What the enhancer is told beyond the frame, of what it understands."""
        more: dict[str, Any] = {}
        if self._photometric == GREY.photometric:
            more["bits"] = frame.bits
        if self._max_age_ns is not None:
            more["budget_s"] = (frame.captured_ns + MARGIN * self._max_age_ns - now_ns) / 1e9
        return more

    def _bounds_of(self, sha256: str) -> Bounds | None:
        """The bounds of the bundle that made a picture; None when another was swapped in meanwhile."""
        bundle: Bundle | None = getattr(self._enhancer, "bundle", None)
        if bundle is None:
            return None
        bounds = bounds_of(bundle)
        return bounds if bundle.sha256 == sha256 else None

    def pass_through(
        self, frame: Frame, reason: PassthroughReason, detail: str, started_ns: int | None = None
    ) -> EnhancedFrame:
        """The original, flagged."""
        finished_ns = self._clock.now_ns()
        started_ns = finished_ns if started_ns is None else started_ns
        return EnhancedFrame(frame.image, frame, Status.PASSTHROUGH, reason, detail, started_ns, finished_ns, None)


def _nobody(_detail: str) -> None:
    """An enhancer that does not want to know."""
