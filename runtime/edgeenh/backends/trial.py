"""Trying a bundle on backends: the golden frames through the gate, then the time of a frame."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgeenh.backends.base import Backend, SessionOptions
from edgeenh.backends.contract import graph_precision
from edgeenh.drift import Thresholds, judge
from edgeenh.errors import EdgeenhError
from edgeenh.padding import padded_size
from edgeenh.slots import Slot, open_slot

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.pixels import Levels

WARM_UP = 2
"""Frames run before the timing starts."""

RUNS = 5
"""Timed frames per candidate; the median counts."""

_HOPELESS = 1.5
"""A candidate whose first timed frame takes this many times the best median so far is not timed further."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One backend in one precision, and what became of it.

    Attributes:
        backend: Its name.
        precision: Its precision.
        accepted: Available and through the gate.
        ran: Available, and the golden frames were judged, whatever the verdict.
        reason: Why not accepted; empty when it is.
        latency_ms: Median time of one frame; None when not accepted.
        psnr_db: Lowest PSNR of the golden frames; None when identical or not judged.
        ssim: Lowest SSIM of the golden frames; None when not judged.
    """

    backend: str
    precision: str
    accepted: bool = False
    ran: bool = False
    reason: str = ""
    latency_ms: float | None = None
    psnr_db: float | None = None
    ssim: float | None = None


class Trial:
    """One bundle at one frame size; candidate after candidate.

    Args:
        bundle: The model; golden frames and thresholds are its own.
        options: Frame size, threads and device; the precision is each candidate's.
        clock: Monotonic nanoseconds.
    """

    def __init__(self, bundle: Bundle, options: SessionOptions, clock: Callable[[], int]) -> None:
        gate = bundle.manifest.gate
        self._bundle, self._pixels = bundle, bundle.manifest.pixels
        self._options = options
        self._clock = clock
        self._golden = sorted(bundle.golden(), key=lambda golden: golden[1].shape)  # one session per size
        self._thresholds = Thresholds(gate.min_psnr_db, gate.min_ssim)
        self._best_ms = math.inf

    def run(self, backend: Backend, precision: str) -> Candidate:
        """Judge and time one candidate; what keeps it from being accepted becomes its reason, not an exception."""
        candidate = Candidate(backend.NAME, precision)
        found = backend.availability()
        if not found.usable:
            return replace(candidate, reason=f"{found.reason}: {found.fix}")
        if precision not in backend.PRECISIONS:
            return replace(candidate, reason=f"it offers {', '.join(backend.PRECISIONS)}")
        try:
            verdict = judge(self._enhanced(backend, precision), self._thresholds, self._pixels.top)
            psnr_db, ssim = _finite(verdict.psnr_db), _finite(verdict.ssim)
            candidate = replace(candidate, ran=True, psnr_db=psnr_db, ssim=ssim)
            if not verdict.passed:
                return replace(candidate, reason=f"it fails the gate: {verdict.reasons[0]}")
            return replace(candidate, accepted=True, latency_ms=self._latency_ms(backend, precision))
        except EdgeenhError as exc:
            return replace(candidate, reason=str(exc))

    def _open(self, backend: Backend, precision: str, height: int, width: int) -> Slot:
        options = replace(self._options, height=height, width=width, precision=precision)
        session = backend.open_session(self._bundle.model(graph_precision(precision)), options)
        return open_slot(session, (height, width), self._pixels)

    def _enhanced(self, backend: Backend, precision: str) -> Iterator[tuple[str, Levels, Levels]]:
        """Name, reference and the candidate's picture for each golden frame; one session per frame size."""
        multiple = self._bundle.manifest.generator.size_multiple
        slot: Slot | None = None
        size = (0, 0)
        try:
            for name, image, reference in self._golden:
                padded = padded_size(image.shape[0], image.shape[1], multiple)
                if slot is None or padded != size:
                    if slot is not None:
                        slot.close()
                    size = padded
                    slot = self._open(backend, precision, *size)
                out = np.empty_like(image)
                slot.run(image, 1.0, out, self._pixels.bits[1])
                yield name, reference, out
        finally:
            if slot is not None:
                slot.close()

    def _latency_ms(self, backend: Backend, precision: str) -> float:
        """Median time of a golden frame, resized to the frame size that will be used."""
        width, height = self._options.width, self._options.height
        golden = self._golden[0][1]
        frame: Levels = cv2.resize(golden, (width, height)).reshape(height, width, -1)
        out = np.empty_like(frame)
        slot = self._open(backend, precision, height, width)
        try:
            times: list[float] = []
            for turn in range(WARM_UP + RUNS):
                started = self._clock()
                slot.run(frame, 1.0, out, self._pixels.bits[1])
                if turn >= WARM_UP:
                    times.append((self._clock() - started) / 1e6)
                if times and times[0] > _HOPELESS * self._best_ms:
                    break
        finally:
            slot.close()
        latency = statistics.median(times)
        self._best_ms = min(self._best_ms, latency)
        return latency


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
