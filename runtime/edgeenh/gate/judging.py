"""The one function that judges pictures, and the one that lets an engine make them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from edgeenh.drift import Drift, Thresholds, measure
from edgeenh.gate.misplaced import Staleness, misplacement
from edgeenh.gate.self_test import Enhance, SelfTest, self_test
from edgeenh.gate.verdict import Figures, Verdict, shortfalls
from edgeenh.metrics import DATA_RANGE
from edgeenh.picture_faults import as_levels, fault_of

if TYPE_CHECKING:
    from edgeenh.pixels import Levels, Pixels

Pair = tuple[str, "Levels", NDArray[Any]]
"""Name, reference, candidate."""


def run_gate(
    enhance: Enhance,
    golden: Iterable[Pair],
    thresholds: Thresholds,
    pixels: Pixels,
    *,
    cap: float,
    size: tuple[int, int],
    scale: int = 1,
) -> Verdict:
    """Judge an engine: its self-test, then the golden frames.

    Args:
        enhance: The engine: a frame and a strength to a picture, which may be the same memory each time.
        golden: Name, frame, and what the FP32 reference makes of it at strength 1.
        thresholds: What each picture must reach.
        pixels: What the pictures are.
        cap: Largest change of a value at strength 1, where 1 is the full range.
        size: (height, width) of the self-test's frames.
        scale: How many times the frame's size the engine gives.

    Raises:
        InferenceFailed: The engine failed on a frame.
    """
    tested = self_test(enhance, pixels, size, cap, scale)
    pairs = ((name, reference, enhance(image, 1.0)) for name, image, reference in golden)
    return judge(pairs, thresholds, pixels.top, tested)


def judge(
    pairs: Iterable[Pair], thresholds: Thresholds, data_range: int = DATA_RANGE, tested: SelfTest | None = None
) -> Verdict:
    """Run the gate over `(name, reference, candidate)` triples; a set without pictures fails.

    Each picture is checked in this order, and a failed check ends it: shape and type → finite → not constant and not all
    clipped (where the reference is not) → not the previous picture again → every pixel in its place and every channel
    in its order → the thresholds.

    Args:
        pairs: Names, references (as in `edgeenh.drift.measure`) and candidates (the same, or floating point on the
            scale of the data range, which is what a graph holds before its last cast; it is clamped and rounded half to
            even here, as that cast would). Taken one at a time, so a generator keeps only one pair in memory.
        thresholds: What each picture must reach.
        data_range: As in `measure`.
        tested: What the engine's self-test found; its faults fail the gate.
    """
    gathering = _Gathering(thresholds, data_range)
    for name, reference, candidate in pairs:
        gathering.take(name, reference, candidate)
    return gathering.verdict(tested)


class _Gathering:
    """Takes one picture after another, and keeps the figures of all and the pixels of the worst."""

    def __init__(self, thresholds: Thresholds, data_range: int) -> None:
        self._thresholds, self._range = thresholds, data_range
        self._stale = Staleness(data_range)
        self._reasons: list[str] = []
        self._figures: list[Figures] = []
        self._unmeasured: list[str] = []
        self._evidence: tuple[Levels, NDArray[Any]] | None = None

    def take(self, name: str, reference: Levels, candidate: NDArray[Any]) -> None:
        fault = fault_of(reference, candidate, self._range)
        if fault:
            self._spoilt(name, fault, reference, candidate)
            return
        levels = as_levels(candidate, self._range)
        drift = measure(reference, levels, self._range)
        fault = self._stale.see(reference, levels) or misplacement(reference, levels, drift)
        if fault:
            self._spoilt(name, fault, reference, candidate)
            return
        if not self._unmeasured and all(drift.psnr_db < worst.psnr_db for _, worst in self._figures):
            self._evidence = reference.copy(), levels.copy()
        self._figures.append((name, drift))
        self._reasons += [f"{name}: {reason}" for reason in shortfalls(drift, self._thresholds)]

    def _spoilt(self, name: str, fault: str, reference: Levels, candidate: NDArray[Any]) -> None:
        if not self._unmeasured:
            self._evidence = reference.copy(), candidate.copy()
        self._unmeasured.append(name)
        self._reasons.append(f"{name}: {fault}")

    def verdict(self, tested: SelfTest | None) -> Verdict:
        """The worst of all; no figure at all when any picture has none."""
        reasons = [*(tested.faults if tested else ()), *self._reasons]
        if not self._figures and not self._unmeasured:
            reasons.append("no picture was judged: the gate needs at least one")
        measured = [drift for _, drift in self._figures] if not self._unmeasured else []
        worst = min(self._figures, key=lambda figure: figure[1].psnr_db)[0] if measured else ""
        return Verdict(
            passed=not reasons,
            reasons=tuple(reasons),
            pictures=len(self._figures) + len(self._unmeasured),
            psnr_db=_worst(min, measured, lambda drift: drift.psnr_db),
            ssim=_worst(min, measured, lambda drift: drift.ssim),
            max_abs=max((drift.max_abs for drift in measured), default=None),
            worst_patch=min((drift.worst_patch for drift in measured), key=lambda patch: patch.psnr_db, default=None),
            worst_picture=self._unmeasured[0] if self._unmeasured else worst,
            share_off_by_more_than_1=_worst(max, measured, lambda drift: drift.share_off_by_more_than_1),
            mean_shift=max((drift.mean_shift for drift in measured), key=_largest, default=None),
            figures=tuple(self._figures),
            self_test=tested,
            evidence=self._evidence,
        )


def _worst(choose: Callable[..., float], drifts: list[Drift], figure: Callable[[Drift], float]) -> float:
    return choose(figure(drift) for drift in drifts) if drifts else math.nan


def _largest(shift: tuple[float, ...]) -> float:
    return max(abs(value) for value in shift)
