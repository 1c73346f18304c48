"""The closed loop: which nodes of a graph stay in FP32, found by measuring, until a gate holds.

1. Everything in the low precision, except what is required to stay in FP32. If the gate holds, that is the answer.
2. Every unit (a node, or neighbouring nodes of a large graph) alone in FP32: what it gains in decibels, divided by what it
   costs, is its rank.
3. Units are taken in that order, each measured together with those before it, until the gate holds; one that gains nothing
   then is left out.
4. What was taken is given back again, the costliest first and in ever smaller parts, where the gate holds without it.

The loop knows neither FP16 nor INT8 nor what a cost is. It is greedy: no proof of the least cost, but every answer is measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

UNITS = 16
"""Units that a graph is cut into: each is measured once for its rank."""
MAX_TRIALS = 96
"""Candidates that are measured at most; then the search ends with what it has."""
LEAST_GAIN_DB = 0.05
"""What a unit must gain beside those already taken to be taken too."""
IDENTICAL_DB = 150.0
"""Decibels of identical pictures, and the most that count."""

_NAMED = 4


class Trial(NamedTuple):
    """What was measured of a candidate: whether the gate holds, the lowest PSNR, and the first reason where it does not."""

    passed: bool
    psnr_db: float
    reason: str = ""


class Unit(NamedTuple):
    """Nodes that stay in FP32 together, in the graph's order, and what that costs; at least a little above 0."""

    nodes: tuple[str, ...]
    cost: float


Evaluate = Callable[[frozenset[str]], Trial]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search came to.

    Attributes:
        passed: The gate holds.
        required: Nodes in FP32 by rule or necessity, not by choice.
        kept: Nodes that the search keeps in FP32 besides, in the graph's order.
        before_db: Lowest PSNR with `required` alone; None where a picture could not be measured.
        after_db: Lowest PSNR of the answer, or of the best candidate.
        reason: Why the best candidate does not pass; empty when it does.
        trials: Candidates that were measured.
        nodes: Nodes that could have been in the low precision.
    """

    passed: bool
    required: tuple[str, ...]
    kept: tuple[str, ...]
    before_db: float | None
    after_db: float | None
    reason: str
    trials: int
    nodes: int

    @property
    def named(self) -> str:
        """What is kept, for people: the first few nodes by name."""
        more = len(self.kept) - _NAMED
        return ", ".join(self.kept[:_NAMED]) + (f", and {more} more" if more > 0 else "")

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        return {
            "passed": self.passed,
            "required_fp32": list(self.required),
            "kept_fp32": list(self.kept),
            "psnr_db_before": self.before_db,
            "psnr_db_after": self.after_db,
            "reason": self.reason,
            "candidates_measured": self.trials,
            "nodes": self.nodes,
        }


def decibels(psnr_db: float) -> float:
    """A PSNR that can be compared: what could not be measured is 0 dB, identical is `IDENTICAL_DB`."""
    return min(IDENTICAL_DB, psnr_db) if psnr_db == psnr_db else 0.0


def into_units(nodes: Sequence[str], cost: Callable[[Sequence[str]], float], count: int = UNITS) -> list[Unit]:
    """Cut nodes, in the graph's order, into at most `count` units of neighbours."""
    size = max(1, math.ceil(len(nodes) / count))
    parts = [tuple(nodes[start : start + size]) for start in range(0, len(nodes), size)]
    return [Unit(part, cost(part)) for part in parts]


def search(
    units: Sequence[Unit],
    required: Iterable[str],
    evaluate: Evaluate,
    tell: Callable[[str], None],
    max_trials: int = MAX_TRIALS,
) -> Outcome:
    """Find what to keep in FP32.

    Args:
        units: What may be kept, in the graph's order.
        required: What is in any case.
        evaluate: Measures a candidate: the nodes in FP32, those required among them.
        tell: Takes a line of progress for each step.
        max_trials: As `MAX_TRIALS`.
    """
    return _Search(units, frozenset(required), evaluate, tell, max_trials).run()


class _Search:
    """One search; used once."""

    def __init__(
        self,
        units: Sequence[Unit],
        required: frozenset[str],
        evaluate: Evaluate,
        tell: Callable[[str], None],
        max_trials: int,
    ) -> None:
        self._units, self._required, self._evaluate = units, required, evaluate
        self._tell, self._left = tell, max_trials
        self._known: dict[frozenset[str], Trial] = {}

    def run(self) -> Outcome:
        """The four steps."""
        first = self._try(frozenset())
        if first.passed:
            return self._outcome(frozenset(), first, first)
        kept, trial = self._take(self._ranked(first), first)
        if trial.passed:
            kept, trial = self._give_back(kept, trial)
        return self._outcome(kept, first, trial)

    def _try(self, kept: frozenset[str]) -> Trial:
        if kept not in self._known:
            self._left -= 1
            self._known[kept] = self._evaluate(self._required | kept)
        return self._known[kept]

    def _ranked(self, first: Trial) -> list[Unit]:
        self._tell(f"{_shown(first)}: measuring what each of {len(self._units)} parts gains in FP32")
        before = decibels(first.psnr_db)
        ranks = []
        for unit in self._units:
            if self._left <= 0:
                break
            gained = decibels(self._try(frozenset(unit.nodes)).psnr_db) - before
            ranks.append((gained / max(unit.cost, 1e-12), unit))
        return [unit for _, unit in sorted(ranks, key=lambda rank: -rank[0])]

    def _take(self, ranked: Sequence[Unit], first: Trial) -> tuple[frozenset[str], Trial]:
        kept, trial, left_out = frozenset[str](), first, list[Unit]()
        for unit in ranked:
            if trial.passed or self._left <= 0:
                return kept, trial
            wider = kept | set(unit.nodes)
            found = self._try(wider)
            if found.passed or decibels(found.psnr_db) >= decibels(trial.psnr_db) + LEAST_GAIN_DB:
                kept, trial = wider, found
            else:
                left_out.append(unit)
        # what gains nothing alone may be the other half of what does; the cheapest first, and what is too much is given back
        for unit in sorted(left_out, key=lambda unit: unit.cost):
            if trial.passed or self._left <= 0:
                break
            kept |= set(unit.nodes)
            trial = self._try(kept)
        return kept, trial

    def _give_back(self, kept: frozenset[str], trial: Trial) -> tuple[frozenset[str], Trial]:
        self._tell(f"{_shown(trial)} with {len(kept)} nodes in FP32: giving back what is not needed")
        queue = [unit.nodes for unit in sorted(self._units, key=lambda unit: -unit.cost) if kept.issuperset(unit.nodes)]
        while queue and self._left > 0:
            nodes = queue.pop(0)
            fewer = kept - set(nodes)
            found = self._try(fewer)
            if found.passed:
                kept, trial = fewer, found
            elif len(nodes) > 1:
                middle = len(nodes) // 2
                queue += [nodes[:middle], nodes[middle:]]
        return kept, trial

    def _outcome(self, kept: frozenset[str], first: Trial, trial: Trial) -> Outcome:
        names = [name for unit in self._units for name in unit.nodes]
        return Outcome(
            trial.passed,
            tuple(sorted(self._required)),
            tuple(name for name in names if name in kept),
            _figure(first.psnr_db),
            _figure(trial.psnr_db),
            trial.reason,
            len(self._known),
            len(names),
        )


def _shown(trial: Trial) -> str:
    return f"{trial.psnr_db:.1f} dB" if math.isfinite(trial.psnr_db) else "not measurable"


def _figure(psnr_db: float) -> float | None:
    """For JSON: None where it could not be measured."""
    return round(decibels(psnr_db), 3) if psnr_db == psnr_db else None
