"""The verdict on fidelity: figures over all pictures, and the gates they are held against."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeenh_train.fidelity.flicker import Flicker, ratio_of
from edgeenh_train.fidelity.good import GoodChange
from edgeenh_train.fidelity.pans import CONDITIONS, JUDGED
from edgeenh_train.fidelity.probe import MarkResult
from edgeenh_train.fidelity.run import Measured, Probed

CONDITION_WORDS = {
    "clean": "between the levels",
    "levels": "on the camera's levels",
    "dim": "of a dim picture on the camera's levels",
}
"""`pans.CONDITIONS` in words."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the gates ask for.

    Attributes:
        good: Largest mean ΔE2000 over the good pictures.
        survived: Least share of marks that survive.
        invented: Most invented structures over all probed pictures.
        flicker: Largest relative flicker of the output over that of the input in the worse of the judged conditions
            (`pans.JUDGED`), compared with two decimals, as it is printed.
    """

    good: float = 1.5
    survived: float = 1.0
    invented: int = 0
    flicker: float = 1.0


@dataclass(frozen=True, slots=True)
class Gate:
    """One figure against its threshold; `words` say what it is."""

    name: str
    value: float
    threshold: float
    passed: bool
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One enhancer's figures and gates.

    Attributes:
        name: The enhancer.
        facts: What is known of it, in JSON values.
        measured: Every figure.
        gates: In the order of `Thresholds`.
    """

    name: str
    facts: dict[str, Any]
    measured: Measured
    gates: tuple[Gate, ...]

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that were not passed."""
        return tuple(gate for gate in self.gates if not gate.passed)


def judge(name: str, facts: dict[str, Any], measured: Measured, thresholds: Thresholds) -> Verdict:
    """Hold the figures against the thresholds."""
    figures = summary(measured)
    good, survived = figures["good"]["mean"], figures["marks"]["survived_share"]
    invented, moving = figures["invented"]["total"], round(figures["flicker"]["ratio"], 2)
    where = CONDITION_WORDS[figures["flicker"]["condition"]]
    gates = (
        Gate("good", good, thresholds.good, good <= thresholds.good, "mean ΔE2000 on good pictures, at most"),
        Gate("survived", survived, thresholds.survived, survived >= thresholds.survived, "share of marks that survive, at least"),
        Gate("invented", invented, thresholds.invented, invented <= thresholds.invented, "invented structures, at most"),
        Gate("flicker", moving, thresholds.flicker, moving <= thresholds.flicker, f"relative flicker {where}, output over input, at most"),
    )  # fmt: skip
    return Verdict(name, facts, measured, gates)


def summary(measured: Measured) -> dict[str, Any]:
    """Figures over all pictures, in JSON values; means are over pictures, shares over marks."""
    return {
        "good": _good(measured.good),
        "marks": _marks(measured.probed),
        "invented": _invented(measured.probed),
        "structure": _structure(measured.probed),
        "flicker": _flicker(measured.flicker),
    }


def _good(changes: Sequence[GoodChange]) -> dict[str, Any]:
    worst = max(changes, key=lambda change: change.worst.mean)
    return {
        "pictures": len(changes),
        "mean": _mean([change.mean for change in changes]),
        "largest_mean": max(change.mean for change in changes),
        "p95": _mean([change.p95 for change in changes]),
        "worst_patch": {"picture": worst.name, **dataclasses.asdict(worst.worst)},
        "shift": [_mean([change.shift[channel] for change in changes]) for channel in range(3)],
    }


def _marks(probed: Sequence[Probed]) -> dict[str, Any]:
    marks = [mark for p in probed for mark in p.probe.marks]
    kinds = sorted({mark.kind for mark in marks})
    return {
        "pictures": len(probed),
        "missing": sum(p.probe.missing for p in probed),
        **_survival(marks),
        "by_kind": {kind: _survival([mark for mark in marks if mark.kind == kind]) for kind in kinds},
    }


def _survival(marks: Sequence[MarkResult]) -> dict[str, Any]:
    ratios = np.array([mark.ratio for mark in marks])
    survived = sum(mark.survived for mark in marks)
    percentiles = {f"p{q}": float(np.percentile(ratios, q)) for q in (5, 50, 95)}
    return {
        "painted": len(marks),
        "survived": survived,
        "survived_share": survived / len(marks),
        "gain": float(np.median([mark.gain for mark in marks])),
        "ratio": {"least": float(ratios.min()), **percentiles, "largest": float(ratios.max())},
    }


def _invented(probed: Sequence[Probed]) -> dict[str, Any]:
    beside = sum(len(p.probe.beside_marks) for p in probed)
    in_clean = sum(len(p.probe.in_clean) for p in probed)
    control = sum(p.probe.control for p in probed) / sum(len(p.probe.marks) for p in probed)
    return {"total": beside + in_clean, "beside_marks": beside, "in_clean": in_clean, "control_share": control}


def _structure(probed: Sequence[Probed]) -> dict[str, Any]:
    return {
        "likeness": _mean([p.structure.likeness for p in probed]),
        "least_likeness": min(p.structure.likeness for p in probed),
        "least_patch": min(p.structure.worst.mean for p in probed),
        "added_edges": _mean([p.structure.added_edges for p in probed]),
        "clipped_in": _mean([p.clipped_in for p in probed]),
        "clipped_out": _mean([p.clipped_out for p in probed]),
    }


def _flicker(moving: Sequence[Flicker]) -> dict[str, Any]:
    """Figures of the worse of the judged conditions, its name, and those of every condition."""
    by_condition = {
        condition: _steadiness([f for f in moving if f.condition == condition])
        for condition in CONDITIONS
        if any(f.condition == condition for f in moving)
    }
    worst = max((c for c in JUDGED if c in by_condition), key=lambda condition: by_condition[condition]["ratio"])
    return {"condition": worst, **by_condition[worst], "by_condition": by_condition}


def _steadiness(moving: Sequence[Flicker]) -> dict[str, Any]:
    names = ("raw_in", "raw_out", "relative_in", "relative_out", "own")
    figures = {name: _mean([float(getattr(f, name)) for f in moving]) for name in names}
    return {
        "pictures": len(moving),
        **figures,
        "ratio": ratio_of(figures["relative_out"], figures["relative_in"]),
        "jitter_in": _mean([f.jitter.relative_in for f in moving]),
        "jitter_out": _mean([f.jitter.relative_out for f in moving]),
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
