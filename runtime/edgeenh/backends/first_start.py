"""The first start of an engine on a station: the gate, on this GPU and with this driver, before the first frame.

An engine that was right elsewhere may be wrong here: another GPU takes other kernels, and a new driver compiles them
anew. So the bundle's golden frames are run once per engine, device and driver, and the station remembers which engines
passed. What failed is not remembered; it is judged again, since that is what everybody would want after a repair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from edgeenh.backends.base import Backend, SessionInfo, SessionOptions
from edgeenh.backends.contract import graph_precision
from edgeenh.backends.memory import Memory
from edgeenh.drift import Thresholds
from edgeenh.environment import fingerprint
from edgeenh.gate import Verdict, run_gate
from edgeenh.padding import padded_size
from edgeenh.pixels import scaled_shape
from edgeenh.slots import Slot, open_slot

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.pixels import Levels

MEMORY = "verdicts"
"""Folder of the cache that remembers which engines passed."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Whether an engine passed the bundle's gate on this station.

    Attributes:
        reasons: Why not; empty when it did, now or before.
        psnr_db: Lowest PSNR of the golden frames; None when identical or not measurable.
        ssim: Lowest SSIM; None when not measurable.
        info: What the engine is.
        remembered: It was judged at an earlier start.
        verdict: The verdict, when it was judged now.
        remarks: What the user should hear of the memory.
    """

    reasons: tuple[str, ...]
    psnr_db: float | None
    ssim: float | None
    info: SessionInfo
    remembered: bool = False
    verdict: Verdict | None = None
    remarks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """It did, now or before."""
        return not self.reasons


class GoldenRun:
    """A bundle's golden frames on one backend in one precision; a context manager, one session open at a time.

    Args:
        bundle: The model; thresholds and cap are its own.
        golden: `bundle.golden()`.
        backend: What opens the sessions.
        options: Precision, threads and device; the frame size is each frame's.
    """

    def __init__(
        self,
        bundle: Bundle,
        golden: Sequence[tuple[str, Levels, Levels]],
        backend: Backend,
        options: SessionOptions,
    ) -> None:
        self._bundle, self._pixels = bundle, bundle.manifest.pixels
        self._golden = sorted(golden, key=lambda one: one[1].shape)  # one session per size
        self._backend, self._options = backend, options
        self._slot: Slot | None = None
        self._size = (0, 0)
        self._notices: list[str] = []  # of the sessions, e.g. that a plan in the cache was refused

    def accept(self, cache_dir: Path | None) -> Acceptance:
        """Judge the engine, unless this station remembers that it passed.

        Raises:
            EdgeenhError: It cannot be opened, or failed on a frame.
        """
        info = self.open(self._golden[0][1].shape[:2]).session.info
        memory = Memory(self._circumstances(info), cache_dir, MEMORY)
        remembered = memory.recall()
        if remembered is not None and remembered.get("passed") is True:
            psnr_db, ssim = (_figure(remembered.get(name)) for name in ("psnr_db", "ssim"))
            return Acceptance((), psnr_db, ssim, info, remembered=True, remarks=tuple(self._notices))
        verdict = self._judge()
        if verdict.passed:
            memory.keep(verdict.to_json())
        return Acceptance(
            verdict.reasons,
            _figure(verdict.psnr_db),
            _figure(verdict.ssim),
            info,
            verdict=verdict,
            remarks=(*self._notices, *memory.remarks),
        )

    def open(self, size: tuple[int, ...]) -> Slot:
        """The slot for frames of `size` (height, width); the one that was open is closed unless it fits.

        Raises:
            EdgeenhError: The backend cannot open it.
        """
        padded = padded_size(size[0], size[1], self._bundle.manifest.generator.size_multiple)
        if self._slot is None or padded != self._size:
            self.close()
            options = replace(self._options, height=padded[0], width=padded[1])
            model = self._bundle.model(graph_precision(options.precision))
            session = self._backend.open_session(model, options)
            self._notices += getattr(session, "notices", ())
            self._slot = open_slot(session, padded, self._pixels, model.scale)
            self._size = padded
        return self._slot

    def close(self) -> None:
        """Give the session back; closing twice is allowed."""
        if self._slot is not None:
            self._slot.close()
            self._slot = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _judge(self) -> Verdict:
        manifest = self._bundle.manifest
        height, width = self._golden[0][1].shape[:2]
        thresholds = Thresholds(**manifest.gate.thresholds(self._options.precision))
        cap, scale = manifest.generator.cap, manifest.generator.scale
        size = (height, width)
        return run_gate(self._enhance, self._golden, thresholds, self._pixels, cap=cap, size=size, scale=scale)

    def _enhance(self, image: Levels, strength: float) -> Levels:
        out = np.empty(scaled_shape(image.shape, self._bundle.manifest.generator.scale), image.dtype)
        self.open(image.shape[:2]).run(image, strength, out, self._pixels.bits[1])
        return out

    def _circumstances(self, info: SessionInfo) -> dict[str, Any]:
        """What must be the same for a verdict to hold: the frames and thresholds, the engine, and what runs it."""
        machine = fingerprint()
        return {
            "bundle_sha256": self._bundle.sha256,
            "engine": asdict(info),
            "threads": self._options.threads,
            **{name: machine[name] for name in ("edgeenh", "cpu", "gpus", "libraries")},
        }


def _figure(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
