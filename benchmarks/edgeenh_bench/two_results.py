"""Two results of `edgeenh bench` against each other: only where they can be compared, and with how sure one can be of a difference."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgeenh.errors import UsageError
from edgeenh_bench.clocks import POLICY
from edgeenh_bench.intervals import block_medians, rank_sum_p
from edgeenh_bench.modes import Mode
from edgeenh_bench.result import BUSY
from edgeenh_bench.rounds import MIN_BLOCK, blocks, rounds_for

Json = Mapping[str, Any]

SIGNIFICANT = 0.01
"""Probability of a chance difference below which two rows are said to differ."""

FEWEST_BLOCKS = 5
"""Of each run: with fewer, no difference however large could be significant (2 / C(10, 5) = 0.008)."""

_ENVIRONMENT = ("machine", "os", "kernel", "python", "cpu", "memory_mib", "gpus", "libraries")


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row in both results.

    Attributes:
        label: The row.
        before_ms, after_ms: Medians of its blocks' median latencies.
        ratio: After over before: above 1 is slower.
        p: Probability of so uneven blocks by chance; None where there are too few.
        verdict: `slower`, `faster`, `no difference shown`, or `too few blocks`.
        psnr_before, psnr_after: Drift in dB; None where identical or not measured.
    """

    label: str
    before_ms: float
    after_ms: float
    ratio: float
    p: float | None
    verdict: str
    psnr_before: float | None
    psnr_after: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two results say together.

    Attributes:
        unlike: Fields in which they may not differ and do, as `field: before → after`.
        remarks: What else differs and is no reason against: edgeenh's version, the bundle, the day.
        rows: Rows measured in both.
        only_before, only_after: Labels of rows measured in one of them alone.
    """

    unlike: tuple[str, ...]
    remarks: tuple[str, ...]
    rows: tuple[RowChange, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def compare_results(before: Json, after: Json) -> Comparison:
    """Compare two results, whether or not they are alike; who may not compare unlike ones asks `require_alike` first."""
    rows = [{_label(row): row for row in document["rows"] if row["available"]} for document in (before, after)]
    both = [label for label in rows[0] if label in rows[1]]
    return Comparison(
        tuple(_unlike(before, after)),
        tuple(_remarks(before, after)),
        tuple(_change(label, rows[0][label], rows[1][label]) for label in both),
        tuple(label for label in rows[0] if label not in rows[1]),
        tuple(label for label in rows[1] if label not in rows[0]),
    )


def require_alike(comparison: Comparison) -> None:
    """Refuse to compare what was measured under other circumstances.

    Raises:
        UsageError: Something differs; the message names every field.
    """
    if comparison.unlike:
        raise UsageError(
            f"the two results were not measured alike ({'; '.join(comparison.unlike)}): "
            "measure both on one machine in one way, or --force a comparison that proves nothing"
        )


def require_judgeable(baseline: Json, circumstances: Json, frames: int | None) -> None:
    """Refuse, before the work, a gate that would have to be refused after it, or could not fail.

    Args:
        baseline: The earlier result.
        circumstances: `environment`, `method`, `clocks` and `frames` of what is about to be measured, as far as they are known.
        frames: Frames per row; None = by time.

    Raises:
        UsageError: Something differs, no row of the baseline ran, or there are too few blocks for a verdict.
    """
    known = {**circumstances, "frames": {**baseline["frames"], **circumstances["frames"]}}
    require_alike(Comparison(tuple(_unlike(baseline, known)), (), (), (), ()))
    ran = [row for row in baseline["rows"] if row["available"]]
    if not ran:
        raise UsageError("the baseline has no row that ran, and nothing can be held against it: measure it again")
    fewest = FEWEST_BLOCKS * MIN_BLOCK
    if frames is not None and frames < fewest:
        raise UsageError(f"--frames {frames} are too few to tell a difference from chance: give {fewest} or more")
    if max(len(_medians(row)) for row in ran) < FEWEST_BLOCKS:
        raise UsageError(
            f"the baseline has too few frames to tell a difference from chance: measure it with {fewest} or more"
        )


def regressions(comparison: Comparison, largest: float) -> list[str]:
    """Rows that became slower by more than `largest` (0.05 = 5 %) beyond chance, or went missing, one line each."""
    slower = [
        f"{row.label}: {row.before_ms:.3g} → {row.after_ms:.3g} ms, {row.ratio - 1:+.1%} (p = {row.p:.2g})"
        for row in comparison.rows
        if row.p is not None and row.p < SIGNIFICANT and not row.ratio <= 1.0 + largest
    ]
    return slower + [f"{label}: measured in the baseline and not now" for label in comparison.only_before]


def undecided(comparison: Comparison, largest: float) -> list[str]:
    """Rows that look slower by more than `largest`, but not beyond chance, and rows with too few blocks for any verdict."""
    chance = [
        f"{row.label}: {row.ratio - 1:+.1%}, which may be chance (p = {row.p:.2g})"
        for row in comparison.rows
        if row.p is not None and not row.ratio <= 1.0 + largest and row.p >= SIGNIFICANT
    ]
    few = [
        f"{row.label}: {row.ratio - 1:+.1%}, with too few blocks to tell it from chance"
        for row in comparison.rows
        if row.p is None
    ]
    return chance + few


def _label(row: Json) -> str:
    return str(row.get("label") or "-".join(str(row[key]) for key in ("backend", "device", "precision") if row[key]))


def _change(label: str, before: Json, after: Json) -> RowChange:
    first, second = _medians(before), _medians(after)
    ratio = statistics.median(second) / statistics.median(first)
    enough = min(len(first), len(second)) >= FEWEST_BLOCKS
    p = rank_sum_p(first, second) if enough else None
    verdict = "too few blocks" if p is None else "no difference shown"
    if p is not None and p < SIGNIFICANT:
        verdict = "slower" if ratio > 1.0 else "faster"
    psnr = (row.get("psnr_db") for row in (before, after))
    return RowChange(label, statistics.median(first), statistics.median(second), ratio, p, verdict, *psnr)


def _medians(row: Json) -> list[float]:
    raw = row["raw_ms"]
    return block_medians(raw, row.get("blocks") or blocks(len(raw), rounds_for(len(raw))))


def _unlike(before: Json, after: Json) -> list[str]:
    found = []
    for name in _ENVIRONMENT:
        found += _differences(name, before["environment"].get(name), after["environment"].get(name))
    found += _differences("threads", before["method"].get("threads"), after["method"].get("threads"))
    found += _differences("mode", _mode(before), _mode(after))
    found += _differences("method", *_where_both(before["method"], after["method"], ("variables",)))
    found += _differences("clocks", *_where_both(_policy(before), _policy(after), POLICY))
    for name in ("size", "sha256"):
        found += _differences(f"frames.{name}", before["frames"].get(name), after["frames"].get(name))
    return found


def _policy(document: Json) -> Json:
    clocks: Json = document.get("clocks") or {}
    return clocks.get("before") or {}


def _where_both(before: Json, after: Json, names: Sequence[str]) -> tuple[Json, Json]:
    """Those of `names` that both have: a field that an older edgeenh did not write says nothing."""
    both = [name for name in names if name in before and name in after]
    return {name: before[name] for name in both}, {name: after[name] for name in both}


def _mode(document: Json) -> Any:
    """What compares of a mode; results of the first schema, which have a sentence there, knew the closed loop alone."""
    mode = document["method"].get("mode")
    known = mode if isinstance(mode, dict) else Mode().to_json()
    return {key: known[key] for key in ("name", "fps", "in_flight")}


def _differences(name: str, before: Any, after: Any) -> list[str]:
    """The leaves in which two JSON values differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys: Sequence[str] = sorted({*before, *after})
        return [line for key in keys for line in _differences(f"{name}.{key}", before.get(key), after.get(key))]
    if before != after and isinstance(before, list) and isinstance(after, list) and all(isinstance(one, str) for one in before + after):  # fmt: skip
        gone, new = ([one for one in a if one not in b] for a, b in ((before, after), (after, before)))
        return [
            f"{name}: {_short(', '.join(gone) or 'nothing')} only before, {_short(', '.join(new) or 'nothing')} only after"
        ]
    return [] if before == after else [f"{name}: {_short(before)} → {_short(after)}"]


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def _remarks(before: Json, after: Json) -> list[str]:
    found = _differences("edgeenh", before["environment"].get("edgeenh"), after["environment"].get("edgeenh"))
    found += _differences("model", before["model"], after["model"])
    for name, document in (("before", before), ("after", after)):
        share = document.get("cpu_share_of_other_programs") or 0.0
        if share > BUSY:
            found.append(f"{name}: other programs used {share:.0%} of the CPU meanwhile")
        if document.get("interrupted"):
            found.append(f"{name}: it was interrupted, and holds the frames measured until then")
    return found
