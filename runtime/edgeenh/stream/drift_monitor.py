"""One in so many enhanced frames again, on the FP32 reference, in a process of low priority: are the pictures still right?

The health check of every frame finds a backend that broke; this finds one that is a little off. Each comparison asks
for what the bundle's gate asks; several misses among the last comparisons are an alarm.
"""

from __future__ import annotations

import atexit
import os
import statistics
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np

from edgeenh.containment.enhancer import ContainedEnhancer
from edgeenh.drift import Drift, measure
from edgeenh.errors import BackendUnavailable, EdgeenhError, UsageError
from edgeenh.notices import KEPT, Notice
from edgeenh.pixels import top_of

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.frames import Frame, Provenance
    from edgeenh.pixels import Levels

WINDOW = 8
"""The last comparisons that count."""

MISSES = 3
"""So many of them below the gate are an alarm; one frame at the edge of it is not."""

REFERENCES = ("onnxruntime", "openvino")
"""Backends that can be the reference, in FP32 on the CPU; the first that is installed is."""

LOWEST_PRIORITY = 19

LAST_S = 10.0
"""How long the comparison of one frame may take when the program ends, at the lowest priority."""


class Reference(Protocol):
    """What the frames are compared with."""

    def enhance_into(
        self, image: Levels, out: Levels, strength: float | None = None, *, bits: int | None = None
    ) -> object:
        """As `edgeenh.Enhancer.enhance_into`."""
        ...

    def close(self) -> None:
        """Give back everything, also while a frame is being enhanced."""
        ...


class _Sample(NamedTuple):
    """One frame, its result, and the model that made it."""

    image: Levels
    out: Levels
    bits: int
    strength: float
    sequence: int
    bundle: Bundle


def open_reference(bundle: Bundle, height: int, width: int) -> Reference:
    """The FP32 reference in a process of the lowest priority, with one thread.

    Raises:
        BackendUnavailable: None of `REFERENCES` can run here.
    """
    reasons = []
    for name in REFERENCES:
        enhancer = ContainedEnhancer(
            bundle, backend=name, precision="fp32", threads=1, device="cpu", nice=LOWEST_PRIORITY
        )
        try:
            enhancer.prepare(height, width)
        except BackendUnavailable as exc:
            enhancer.close()
            reasons.append(f"{name}: {exc}")
        else:
            return enhancer
    raise BackendUnavailable(f"no reference backend can run here ({'; '.join(reasons)})")


class DriftMonitor:
    """Compares in a thread of its own; a frame that comes while it is busy is left out. Usable as a context manager.

    Args:
        every: Compare one in so many enhanced frames; 1 or more.
        open_reference: (bundle, height, width) → what to compare with; closed by the monitor.

    Attributes:
        notices: What happened, oldest first; whoever reads takes them out.

    Raises:
        UsageError: `every` is less than 1.
    """

    def __init__(self, every: int, open_reference: Callable[[Bundle, int, int], Reference] = open_reference) -> None:
        if every < 1:
            raise UsageError(f"every is {every}, expected 1 or more: one in so many frames is compared")
        self.notices: deque[Notice] = deque(maxlen=KEPT)
        self._every, self._open = every, open_reference
        self._queue: Queue[_Sample | None] = Queue(1)
        self._lock = threading.Lock()
        self._seen = self._skipped = self._alarms = 0
        self._figures: list[tuple[float, float]] = []
        self._window: deque[bool] = deque(maxlen=WINDOW)
        self._missed, self._alarm, self._off, self._closed = 0, "", "", False
        self._reference: tuple[Bundle, Reference] | None = None
        self._thread = threading.Thread(target=self._run, name="edgeenh-drift", daemon=True)
        self._thread.start()
        # OpenCV must not be at work in a thread while the interpreter ends: that would abort the whole process.
        atexit.register(self.close, LAST_S)

    def offer(self, frame: Frame, out: Levels, provenance: Provenance, bundle: Bundle | None) -> None:
        """Look at the next enhanced frame; returns at once, and keeps a copy of `out` when it is to be compared."""
        self._seen += 1
        if self._seen % self._every or bundle is None or bundle.sha256 != provenance.bundle_sha256:
            return
        sample = _Sample(frame.image, out, frame.bits, provenance.strength, frame.sequence, bundle)
        if self._off or self._queue.full():
            self._skipped += 1
            return
        with suppress(Full):
            self._queue.put_nowait(sample._replace(out=out.copy()))

    def alarm_for(self, enhancer: object) -> str:
        """Why frames must pass through from now on; empty while they need not.

        After an alarm the enhancer is asked once to go on with its next backend (`degrade`); when it does, the
        comparisons begin anew.
        """
        alarm = self._alarm
        if alarm and getattr(enhancer, "degrade", _cannot)(alarm):
            with self._lock:
                self._alarm = ""
                self._window.clear()
            return ""
        return alarm

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values; a PSNR is null where all were identical, or nothing was compared."""
        with self._lock:
            levels = [psnr for psnr, _ in self._figures if psnr != float("inf")]
            likeness = [ssim for _, ssim in self._figures]
            return {
                "every": self._every,
                "compared": len(likeness),
                "skipped": self._skipped,
                "missed": self._missed,
                "alarms": self._alarms,
                "off": self._off or None,
                "psnr_db": {"min": min(levels, default=None), "median": _median(levels)},
                "ssim": {"min": min(likeness, default=None), "median": _median(likeness)},
            }

    def wait_idle(self) -> None:
        """Wait until what was offered is compared; for the end of a run, and for tests."""
        self._queue.join()

    def close(self, within_s: float = 1.0) -> None:
        """End the reference's process at once, and the thread within so many seconds; closing twice is allowed."""
        with self._lock:
            self._closed, reference = True, self._reference
        if reference is not None:
            reference[1].close()  # whatever is being compared ends with an error
        with suppress(Empty):
            self._queue.get_nowait()
            self._queue.task_done()
        with suppress(Full):
            self._queue.put_nowait(None)
        self._thread.join(within_s)
        if not self._thread.is_alive():
            atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
        while (sample := self._queue.get()) is not None:
            try:
                if not self._closed:
                    self._compare(sample)
            except BackendUnavailable as exc:
                self._off = str(exc)
                self.notices.append(Notice("drift_monitor_off", f"frames are not compared any more: {exc}"))
            except EdgeenhError as exc:
                if not self._closed:
                    self.notices.append(Notice("drift_not_measured", f"frame {sample.sequence}: {exc}"))
            finally:
                self._queue.task_done()

    def _compare(self, sample: _Sample) -> None:
        height, width = sample.image.shape[:2]
        expected = np.empty_like(sample.out)
        self._reference_for(sample.bundle, height, width).enhance_into(
            sample.image, expected, sample.strength, bits=sample.bits
        )
        shape = (height, width, -1)
        drift = measure(expected.reshape(shape), sample.out.reshape(shape), top_of(sample.bits))
        self._judge(drift, sample)

    def _reference_for(self, bundle: Bundle, height: int, width: int) -> Reference:
        if self._reference is not None and self._reference[0] is bundle:
            return self._reference[1]
        former, self._reference = self._reference, None
        if former is not None:
            former[1].close()
        opened = self._open(bundle, height, width)
        with self._lock:
            if self._closed:
                opened.close()
            self._reference = (bundle, opened)
            self._window.clear()
        return opened

    def _judge(self, drift: Drift, sample: _Sample) -> None:
        gate = sample.bundle.manifest.gate
        passed = drift.psnr_db >= gate.min_psnr_db and drift.ssim >= gate.min_ssim
        with self._lock:
            self._figures.append((drift.psnr_db, drift.ssim))
            del self._figures[:-10_000]
            self._window.append(passed)
            self._missed += not passed
            misses = self._window.count(False)
            if misses < MISSES or self._alarm:
                return
            found = f"PSNR {drift.psnr_db:.2f} dB, SSIM {drift.ssim:.5f} in frame {sample.sequence}"
            asked = f"at least {gate.min_psnr_db:g} dB and {gate.min_ssim:g}"
            self._alarms += 1
            self._alarm = (
                f"{misses} of {len(self._window)} frames drifted from the reference: {found}, expected {asked}"
            )
        self.notices.append(Notice("drift_alarm", self._alarm))


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def _cannot(_detail: str) -> bool:
    """An enhancer without another backend."""
    return False
