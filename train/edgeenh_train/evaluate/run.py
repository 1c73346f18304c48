"""Candidates on a set of pictures, judged by scorers: every figure of every picture, in a fixed order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgeenh.errors import EdgeenhError, JobFailed, PictureError, UsageError
from edgeenh_train.data.folder import refuse_many
from edgeenh_train.data.reading import FULL_16, Picture, as_float, as_uint8
from edgeenh_train.evaluate.candidate import Candidate
from edgeenh_train.evaluate.pairs import PairSet
from edgeenh_train.evaluate.scoring import COLOUR, Scorer, View
from edgeenh_train.evaluate.statistics import Mean, mean_of, paired_difference

IDENTICAL = "identical"
TRUTH = "truth"

Progress = Callable[[int, int, str], None]
"""Called with the pictures done, all pictures, and the name of the row at work."""


@dataclass(frozen=True, slots=True)
class Value:
    """One figure of one picture; where there is none, `note` says why (`identical` for PSNR without any difference)."""

    value: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """A row's figure over all pictures.

    Attributes:
        mean: Over the pictures with a finite figure; None where there is none.
        identical: Pictures whose PSNR is infinite; they are not in the mean.
        unmeasured: Pictures without a figure, counted by reason.
    """

    mean: Mean | None
    identical: int
    unmeasured: dict[str, int]

    @property
    def complete(self) -> bool:
        """Whether no picture is left unmeasured, so that rows may be compared."""
        return not self.unmeasured


@dataclass(slots=True)
class Row:
    """One candidate's results.

    Attributes:
        name, facts: The candidate's own.
        values: Figures by scorer key, then picture name, in the order of the set.
        failure: Why the candidate could not be judged; empty where it could.
    """

    name: str
    facts: dict[str, Any]
    values: dict[str, dict[str, Value]] = field(default_factory=dict)
    failure: str = ""

    def summary(self, key: str) -> Summary:
        """Everything about one figure of this row."""
        values = list(self.values.get(key, {}).values())
        finite = [value.value for value in values if value.value is not None]
        notes = [value.note for value in values if value.value is None]
        unmeasured = {note: notes.count(note) for note in sorted(set(notes) - {IDENTICAL})}
        return Summary(mean_of(finite) if finite else None, notes.count(IDENTICAL), unmeasured)

    def numbers(self, key: str) -> dict[str, float]:
        """The finite figures by picture."""
        return {name: value.value for name, value in self.values.get(key, {}).items() if value.value is not None}


@dataclass(frozen=True, slots=True)
class Report:
    """One set's results: a table.

    Attributes:
        pairs: The pictures that were judged.
        scorers, rows: The columns, and the rows.
        left_out: A line for every picture that cannot be used; no row has a figure of it.
    """

    pairs: PairSet
    scorers: tuple[Scorer, ...]
    rows: tuple[Row, ...]
    left_out: tuple[str, ...] = ()

    def row(self, name: str) -> Row:
        """The row of that name.

        Raises:
            UsageError: There is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise UsageError(f"there is no row '{name}'; choose one of {', '.join(row.name for row in self.rows)}")

    def difference(self, ours: str, theirs: str, key: str) -> Mean | None:
        """Mean of ours − theirs over the pictures that both have a figure for; None where there is none."""
        left, right = self.row(ours).numbers(key), self.row(theirs).numbers(key)
        both = left.keys() & right.keys()
        return paired_difference({n: left[n] for n in both}, {n: right[n] for n in both}) if both else None


def evaluate(
    candidates: Sequence[Candidate], pairs: PairSet, scorers: Sequence[Scorer], progress: Progress | None = None
) -> Report:
    """Judge every candidate on every picture; a truth gets a last row of its own, for measures that need none.

    A candidate that raises, or gives something else than a picture of the same shape, is given up at that picture: its
    row says so and holds no figures, since means over other pictures than the rest could not be compared. A picture that
    cannot be decoded is left out of every row and named.

    Raises:
        UsageError: There is no candidate, or two have one name.
        InputError: More than 5 % of the pictures cannot be decoded.
    """
    _check_names(candidates)
    rows = [_new_row(candidate.name, candidate.facts, scorers) for candidate in candidates]
    truth_row = _new_row(TRUTH, {"method": TRUTH, "trained": False}, scorers)
    left_out: dict[str, str] = {}
    for done, pair in enumerate(pairs.pairs):
        try:
            given, truth = pair.read()
        except PictureError as exc:
            left_out[pair.name] = str(exc)
            refuse_many(pairs.folder, [*pairs.left_out, *left_out.values()], len(pairs.pairs) + len(pairs.left_out))
            continue
        given8, truth8 = _as_judged(given), None if truth is None else _as_judged(truth)
        for candidate, row in zip(candidates, rows, strict=True):
            if progress is not None:
                progress(done, len(pairs.pairs), candidate.name)
            result = _result_or_failure(candidate, given, row, pair.name)
            if result is not None:
                _score(row, pair.name, View(result, given8, truth8), scorers)
        if truth8 is not None:
            _score(truth_row, pair.name, View(truth8, given8), [s for s in scorers if not s.needs_truth])
    shown = [*rows, truth_row] if pairs.paired else rows
    judged = replace(pairs, pairs=tuple(pair for pair in pairs.pairs if pair.name not in left_out))
    return Report(judged, tuple(scorers), tuple(shown), (*pairs.left_out, *left_out.values()))


def enhanced(candidate: Candidate, given: Picture) -> Picture:
    """What a candidate makes of a picture, rounded: uint8 for colour, the depth of `given` for grey.

    Raises:
        JobFailed: It gave no picture of the same shape, or values that are not finite.
    """
    result = candidate.enhance(as_float(given))
    if not isinstance(result, np.ndarray) or result.shape != given.shape:
        found = list(result.shape) if isinstance(result, np.ndarray) else type(result).__name__
        raise JobFailed(f"gave {found}, expected an array {list(given.shape)}")
    if not np.isfinite(result).all():
        raise JobFailed("gave values that are not finite")
    unit = np.clip(result, 0.0, 1.0).astype(np.float64)
    if given.shape[2] != COLOUR and given.dtype == np.uint16:
        return np.rint(unit * FULL_16).astype(np.uint16)
    return np.rint(unit * 255.0).astype(np.uint8)


def _check_names(candidates: Sequence[Candidate]) -> None:
    names = [candidate.name for candidate in candidates]
    if not names:
        raise UsageError("there is nothing to evaluate: give --model or --method")
    for name in names:
        if names.count(name) > 1 or name == TRUTH:
            raise UsageError(f"the name '{name}' is taken: give every row one of its own with --model NAME=FILE")


def _new_row(name: str, facts: dict[str, Any], scorers: Sequence[Scorer]) -> Row:
    return Row(name, facts, {scorer.key: {} for scorer in scorers})


def _as_judged(picture: Picture) -> Picture:
    return as_uint8(picture) if picture.shape[2] == COLOUR else picture


def _result_or_failure(candidate: Candidate, given: Picture, row: Row, name: str) -> Picture | None:
    if row.failure:
        return None
    try:
        return enhanced(candidate, given)
    except Exception as exc:  # whatever a method raises is its own affair: the other rows go on
        words = " ".join(str(exc).split())
        reason = words if isinstance(exc, EdgeenhError) else f"{type(exc).__name__}: {words}"
        row.failure = f"failed on {name}: {reason}"
        row.values = {key: {} for key in row.values}
        return None


def _score(row: Row, name: str, view: View, scorers: Sequence[Scorer]) -> None:
    for scorer in scorers:
        if scorer.score is None:
            row.values[scorer.key][name] = Value(None, scorer.absent)
        elif scorer.needs_truth and view.truth is None:
            row.values[scorer.key][name] = Value(None, "no truth")
        else:
            row.values[scorer.key][name] = _value(scorer.score, view)


def _value(score: Callable[[View], float], view: View) -> Value:
    try:
        figure = score(view)
    except PictureError as exc:
        return Value(None, str(exc))
    if figure == math.inf:
        return Value(None, IDENTICAL)
    return Value(figure) if math.isfinite(figure) else Value(None, f"the measure gave {figure}")
