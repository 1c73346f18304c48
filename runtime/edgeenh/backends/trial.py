"""Trying a bundle on backends: the gate first, unless this station knows the engine already, then the time of a frame."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgeenh.backends.base import Backend, SessionOptions
from edgeenh.backends.first_start import Acceptance, GoldenRun
from edgeenh.errors import EdgeenhError
from edgeenh.pixels import scaled_shape

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.pixels import Levels

WARM_UP = 2
"""Frames run before the timing starts."""

RUNS = 5
"""Timed frames per candidate; the median counts."""

FEWEST = 2
"""Timed frames of a candidate so slow that `ENOUGH_MS` are over: the first frame on a station waits for all of this."""

ENOUGH_MS = 100.0
"""Spent on one candidate's frames, warm-up included, before only `FEWEST` are timed."""

_HOPELESS = 2.0
"""A candidate that takes this many times the best median so far, from its second frame on, is not timed further."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One backend in one precision, and what became of it.

    Attributes:
        backend: Its name.
        precision: Its precision.
        accepted: Available and through the gate.
        ran: Available, and the golden frames were judged, now or before, whatever the verdict.
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
        cache_dir: Where this station remembers which engines passed; None = nowhere.

    Attributes:
        remarks: What the user should hear of that memory.
    """

    def __init__(
        self, bundle: Bundle, options: SessionOptions, clock: Callable[[], int], cache_dir: Path | None = None
    ) -> None:
        self._bundle, self._pixels = bundle, bundle.manifest.pixels
        self._options, self._cache_dir = options, cache_dir
        self._clock = clock
        self._golden = bundle.golden()
        self._best_ms = math.inf
        self.remarks: list[str] = []

    def run(self, backend: Backend, precision: str) -> Candidate:
        """Judge and time one candidate; what keeps it from being accepted becomes its reason, not an exception."""
        candidate = Candidate(backend.NAME, precision)
        found = backend.availability()
        if not found.usable:
            return replace(candidate, reason=f"{found.reason}: {found.fix}")
        if precision not in backend.PRECISIONS:
            return replace(candidate, reason=f"it offers {', '.join(backend.PRECISIONS)}")
        try:
            with self._run_of(backend, precision) as run:
                accepted = run.accept(self._cache_dir)
            self.remarks += accepted.remarks
            candidate = replace(candidate, ran=True, psnr_db=accepted.psnr_db, ssim=accepted.ssim)
            if not accepted.passed:
                return replace(candidate, reason=f"it fails the gate: {accepted.reasons[0]}")
            return replace(candidate, accepted=True, latency_ms=self._latency_ms(backend, precision))
        except EdgeenhError as exc:
            return replace(candidate, reason=str(exc))

    def prove(self, backend: Backend, precision: str) -> Acceptance:
        """Judge one engine, or recall that this station did.

        Raises:
            EdgeenhError: It cannot be opened, or failed on a frame.
        """
        with self._run_of(backend, precision) as run:
            return run.accept(self._cache_dir)

    def _run_of(self, backend: Backend, precision: str) -> GoldenRun:
        return GoldenRun(self._bundle, self._golden, backend, replace(self._options, precision=precision))

    def _latency_ms(self, backend: Backend, precision: str) -> float:
        """Median time of a golden frame, resized to the frame size that will be used."""
        width, height = self._options.width, self._options.height
        golden = self._golden[0][1]
        frame: Levels = cv2.resize(golden, (width, height)).reshape(height, width, -1)
        out = np.empty(scaled_shape(frame.shape, self._bundle.manifest.generator.scale), frame.dtype)
        with self._run_of(backend, precision) as run:
            slot = run.open((height, width))
            times: list[float] = []
            for _ in range(WARM_UP + RUNS):
                started = self._clock()
                slot.run(frame, 1.0, out, self._pixels.bits[1])
                times.append((self._clock() - started) / 1e6)
                if len(times) > 1 and times[-1] > _HOPELESS * self._best_ms:
                    break
                if len(times) >= WARM_UP + FEWEST and sum(times) > ENOUGH_MS:
                    break
        latency = statistics.median(times[WARM_UP:] or times[-1:])
        self._best_ms = min(self._best_ms, latency)
        return latency
