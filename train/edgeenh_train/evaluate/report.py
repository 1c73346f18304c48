"""Reports for machines and for people: a JSON document with every figure, and a Markdown table of means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeenh_train.evaluate.run import IDENTICAL, TRUTH, Report, Row, Summary
from edgeenh_train.evaluate.scoring import Scorer
from edgeenh_train.evaluate.statistics import Mean

SCHEMA = "edgeenh.quality/1"
_DIGITS = {"ssim": 4, "niqe": 3, "brisque": 1, "nima": 3}
_NOT_KNOWN = "–"
_COLUMNS = {
    "images_seen": "images seen", "training_seconds": "training s", "parameters": "parameters", "macs_per_pixel": "MACs/pixel",
}  # fmt: skip
"""Facts of a row that have a column, before the measures."""


def document(
    reports: Sequence[Report], *, environment: dict[str, Any], created: str | None, ours: str | None
) -> dict[str, Any]:
    """Everything that was measured, in JSON values.

    Args:
        reports: One per set.
        environment: `edgeenh.environment.fingerprint()`.
        created: When, UTC; None leaves it out of the document's knowledge.
        ours: The row that the others are compared with; None = no comparison.
    """
    sets = [_set(report, ours) for report in reports]
    return {"schema": SCHEMA, "created": created, "environment": environment, "ours": ours, "sets": sets}


def markdown(report: Report, ours: str | None = None) -> str:
    """The table of one set: mean ± half the 95 % interval per method, the best of a column in bold; then notes."""
    scorers = [s for s in report.scorers if not s.needs_truth or report.pairs.paired]
    labels = [s.label + {True: " ↑", False: " ↓", None: ""}[s.higher_is_better] for s in scorers]
    head = ["method", *_COLUMNS.values(), *labels]
    lines = [_line(head), _line(["---"] * 2 + ["---:"] * (len(head) - 2))]
    best = {s.key: _best(report, s) for s in scorers}
    lines += [_line(_cells(row, scorers, best)) for row in report.rows]
    notes = [f"{report.pairs.name}: {_pictures(report)}; mean ± half of the 95 % interval (Student) over pictures."]
    notes += [f"16-bit grey read as of {bits} bits" for bits in {pair.bits for pair in report.pairs.pairs} if bits]
    notes += [f"left out: {reason}" for reason in report.left_out]
    notes += [f"{row.name} {row.failure}" for row in report.rows if row.failure]
    notes += [f"{row.name}: {row.facts['setting']}" for row in report.rows if row.facts.get("setting")]
    notes += [f"{row.name}: at strength {row.facts['strength']:g}" for row in report.rows if _weakened(row)]
    notes += [f"{s.label}: {_facts(s)}" for s in scorers if s.facts]
    parts = ["\n".join(lines), "\n".join(f"- {note}" for note in notes)]
    if ours is not None and len(report.rows) > 1:
        parts.insert(1, _comparison(report, scorers, ours))
    return "\n\n".join(part for part in parts if part) + "\n"


def _weakened(row: Row) -> bool:
    return row.facts.get("strength") not in (None, 1.0)


def _comparison(report: Report, scorers: Sequence[Scorer], ours: str) -> str:
    judged = [s for s in scorers if s.higher_is_better is not None and s.score is not None]
    others = [row for row in report.rows if row.name not in (ours, TRUTH) and not row.failure]
    if not judged or not others or report.row(ours).failure:
        return ""
    lines = [_line([f"{ours} minus", *(s.label for s in judged)]), _line(["---"] + ["---:"] * len(judged))]
    for row in others:
        cells = [_signed(report.difference(ours, row.name, s.key), _DIGITS.get(s.key, 2)) for s in judged]
        lines.append(_line([row.name, *cells]))
    return "\n".join(lines)


def _set(report: Report, ours: str | None) -> dict[str, Any]:
    pairs = report.pairs
    return {
        "name": pairs.name,
        "sha256": pairs.sha256,
        "found": pairs.found,
        "paired": pairs.paired,
        "unreadable": list(report.left_out),
        "pictures": [
            {"name": p.name, "size": list(p.size), "bits": p.bits or None, "sha256": p.sha256, "draw": p.draw}
            for p in pairs.pairs
        ],
        "scorers": [
            {
                "key": s.key,
                "label": s.label,
                "higher_is_better": s.higher_is_better,
                "absent": s.absent,
                "facts": s.facts,
            }
            for s in report.scorers
        ],
        "rows": [_row(row, report) for row in report.rows],
        "differences": {} if ours is None else _differences(report, ours),
    }


def _row(row: Row, report: Report) -> dict[str, Any]:
    keys = [s.key for s in report.scorers]
    pictures = {
        pair.name: {key: _json_value(row, key, pair.name) for key in keys if pair.name in row.values[key]}
        for pair in report.pairs.pairs
    }
    return {
        "name": row.name,
        "facts": row.facts,
        "failure": row.failure,
        "summary": {key: _json_summary(row.summary(key)) for key in keys},
        "pictures": {name: figures for name, figures in pictures.items() if figures},
    }


def _json_value(row: Row, key: str, picture: str) -> float | str | None:
    value = row.values[key][picture]
    return IDENTICAL if value.note == IDENTICAL else value.value


def _json_summary(summary: Summary) -> dict[str, Any]:
    return {**_json_mean(summary.mean), "identical": summary.identical, "unmeasured": summary.unmeasured}


def _json_mean(mean: Mean | None) -> dict[str, Any]:
    if mean is None:
        return {"mean": None, "half_width_95": None, "pictures": 0}
    return {"mean": mean.value, "half_width_95": mean.half_width, "pictures": mean.count}


def _differences(report: Report, ours: str) -> dict[str, Any]:
    others = [row.name for row in report.rows if row.name != ours]
    keys = [s.key for s in report.scorers]
    return {name: {key: _json_mean(report.difference(ours, name, key)) for key in keys} for name in others}


def _best(report: Report, scorer: Scorer) -> float | None:
    """The best mean among rows whose every picture was measured; the truth does not compete."""
    summaries = [row.summary(scorer.key) for row in report.rows if row.name != TRUTH and not row.failure]
    means = [s.mean.value for s in summaries if s.mean is not None and s.complete]
    if scorer.higher_is_better is None or len(means) < 2:
        return None
    return max(means) if scorer.higher_is_better else min(means)


def _cells(row: Row, scorers: Sequence[Scorer], best: dict[str, float | None]) -> list[str]:
    left = [row.name, *(_number(row.facts.get(key)) for key in _COLUMNS)]
    if row.failure:
        return [*left, *["failed"] * len(scorers)]
    return [*left, *(_figure(row, s, best[s.key]) for s in scorers)]


def _figure(row: Row, scorer: Scorer, best: float | None) -> str:
    if row.name == TRUTH and scorer.needs_truth:
        return _NOT_KNOWN
    summary, digits = row.summary(scorer.key), _DIGITS.get(scorer.key, 2)
    if summary.mean is None:
        if summary.identical and summary.complete:
            return IDENTICAL
        return scorer.absent or "not measured"
    text = _plain(summary.mean, digits)
    if summary.complete and row.name != TRUTH and summary.mean.value == best:
        text = f"**{text}**"
    if summary.identical:
        text += f" ({summary.identical} identical)"
    return text if summary.complete else f"{text} ({summary.mean.count} pictures only)"


def _plain(mean: Mean, digits: int) -> str:
    return f"{mean.value:.{digits}f}" + ("" if mean.half_width is None else f" ± {mean.half_width:.{digits}f}")


def _signed(mean: Mean | None, digits: int) -> str:
    if mean is None:
        return _NOT_KNOWN
    return f"{mean.value:+.{digits}f}" + ("" if mean.half_width is None else f" ± {mean.half_width:.{digits}f}")


def _number(value: Any) -> str:
    if value is None:
        return _NOT_KNOWN
    if isinstance(value, int | float):
        return f"{value:,.0f}".replace(",", " ")
    return str(value)


def _pictures(report: Report) -> str:
    pairs = report.pairs
    kind = "with truth" if pairs.paired else "without truth"
    taken = f" of {pairs.found}" if pairs.found != len(pairs.pairs) else ""
    noun = "picture" if len(pairs.pairs) == 1 and not taken else "pictures"
    return f"{len(pairs.pairs)}{taken} {noun} {kind}, sha256 {pairs.sha256[:12]}…"


def _facts(scorer: Scorer) -> str:
    return ", ".join(f"{key} {value}" for key, value in scorer.facts.items())


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
