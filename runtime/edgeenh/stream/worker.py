"""One frame through the enhancer, such that something to show comes out whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from edgeenh.errors import InputError
from edgeenh.frames import EnhancedFrame, Frame, PassthroughReason, Provenance, Status
from edgeenh.pixels import GREY, RGB, Pixels, photometric_of
from edgeenh.stream.health import FrameHealth

if TYPE_CHECKING:
    from edgeenh.pixels import Levels
    from edgeenh.stream.clock import Clock

_EXPECTED = {RGB.photometric: "uint8 [H,W,3] RGB", GREY.photometric: "uint8 or uint16 [H,W] grey"}


class FrameEnhancer(Protocol):
    """What a stream needs of an enhancer; `edgeenh.Enhancer` is one.

    One that takes grey frames has an attribute `pixels` as well, which says so (`edgeenh.pixels.GREY`), and is told the
    `bits` of each; others need not know that word.
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


class Worker:
    """Fails open: on any failure the original goes out, flagged with the reason. Used by one thread.

    Args:
        enhancer: What enhances.
        strength: 0…1; None = the enhancer's own.
        clock: What stamps the results.
    """

    def __init__(self, enhancer: FrameEnhancer, strength: float | None, clock: Clock) -> None:
        self._enhancer, self._strength, self._clock = enhancer, strength, clock
        self._health, self._photometric = FrameHealth(), pixels_of(enhancer).photometric

    def enhance(self, frame: Frame) -> EnhancedFrame:
        """The enhanced frame, in memory of its own; or the original, with the reason and a line of detail."""
        started_ns = self._clock.now_ns()
        if photometric_of(frame.image) != self._photometric:
            found = f"found {frame.image.dtype} {list(frame.image.shape)}, expected {_EXPECTED[self._photometric]}"
            return self.pass_through(frame, PassthroughReason.UNSUPPORTED_FRAME, found, started_ns)
        try:
            # New memory every time: whoever gets the frame owns it, and may keep it or draw on it.
            out: Levels = np.empty(frame.image.shape, frame.image.dtype)
            self._health.arm(frame.image, out, frame.bits)
            bits = {"bits": frame.bits} if self._photometric == GREY.photometric else {}
            self._enhancer.enhance_into(frame.image, out, self._strength, **bits)
            problem = self._health.verdict(frame.image, out, frame.bits)
            provenance = self._enhancer.provenance(self._strength)
        except InputError as exc:
            return self.pass_through(frame, PassthroughReason.UNSUPPORTED_FRAME, str(exc), started_ns)
        except Exception as exc:  # a stream must go on whatever a backend raises
            return self.pass_through(frame, PassthroughReason.BACKEND_ERROR, f"{type(exc).__name__}: {exc}", started_ns)
        if problem:
            return self.pass_through(frame, PassthroughReason.UNHEALTHY_OUTPUT, problem, started_ns)
        return EnhancedFrame(out, frame, Status.ENHANCED, None, "", started_ns, self._clock.now_ns(), provenance)

    def pass_through(
        self, frame: Frame, reason: PassthroughReason, detail: str, started_ns: int | None = None
    ) -> EnhancedFrame:
        """The original, flagged."""
        finished_ns = self._clock.now_ns()
        started_ns = finished_ns if started_ns is None else started_ns
        return EnhancedFrame(frame.image, frame, Status.PASSTHROUGH, reason, detail, started_ns, finished_ns, None)
