"""Which variant, precision and backend to ship: every row with its latency, drift, quality, memory, size and energy, and which of them no other beats.

A row is beaten where another is at least as good in everything that is known of both, and better in something; times, memory and energy that are
less than 5 % apart count as equal, as a machine's noise is no reason. What fails the gate is no choice.
Quality is that of the model, found in tables of `edgeenh evaluate` by the digest of the bundle or of its checkpoint; what a backend and a precision
change of it is the drift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeenh_bench.noise import NOISY
from edgeenh_bench.report import charts

Json = Mapping[str, Any]

IDENTICAL_DB = 1000.0
"""Stands for the infinite PSNR of identical pictures: more than any that is finite."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Something to choose by: how it is called, how it is written, whether more of it is better, and what share of it is no difference."""

    name: str
    text: str
    more: bool = False
    equal: float = 0.0


AXES = (
    Axis("p50 ms", "{:.3g}", equal=NOISY),
    Axis("drift dB", "{:.4g}", more=True),
    Axis("memory MB", "{:.0f}", equal=NOISY),
    Axis("graph MB", "{:.2f}"),
    Axis("joules a frame", "{:.3g}", equal=NOISY),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A row: its model, what it is called, its value on every axis (None = not known), and whether it passed the gate."""

    model: str
    name: str
    values: tuple[float | None, ...]
    passed: bool


def choice(documents: Sequence[Json], quality: Sequence[Json]) -> dict[str, Any] | None:
    """The table and the picture; None where there are not two rows to choose among.

    Args:
        documents: Results of `edgeenh bench`; those that were not measured as the first was are left out, and that is said.
        quality: Documents of `edgeenh evaluate --json`.

    Returns:
        `head`, `rows` of texts, `charts` (SVG and caption each), `lines`.
    """
    alike = [document for document in documents if _measured(document) == _measured(documents[0])]
    axes = [*AXES, *(axis for axis, _ in _qualities(quality))]
    found = [
        Choice(name, f"{name}, {row['label']}", _values(document, row, quality), row["gate_passed"] is not False)
        for name, document in zip(_names(alike), alike, strict=True)
        for row in document["rows"]
        if row["available"]
    ]  # fmt: skip
    if len(found) < 2:
        return None
    known = [n for n, axis in enumerate(axes) if any(one.values[n] is not None for one in found)]
    return {
        "head": ("row", *(axes[n].name for n in known), "verdict"),
        "rows": [(one.name, *(_text(axes[n], one.values[n]) for n in known), _verdict(one, found, axes)) for one in found],
        "charts": [chart for n in known if n >= len(AXES) and (chart := _chart(found, axes[n], n))],
        "lines": _lines(documents, alike, quality, axes, known),
    }  # fmt: skip


def _names(documents: Sequence[Json]) -> list[str]:
    """Model and version of each; of several results of one model, also which."""
    models = [f"{document['model']['id']} {document['model']['version']}" for document in documents]
    return [f"{one} ({number})" if models.count(one) > 1 else one for number, one in enumerate(models, 1)]


def _measured(document: Json) -> tuple[Any, ...]:
    """What must be the same for two results to stand in one picture."""
    method = document["method"]
    return document["environment"].get("cpu"), document["frames"]["size"], method.get("threads"), method.get("mode")


def _values(document: Json, row: Json, quality: Sequence[Json]) -> tuple[float | None, ...]:
    drift = IDENTICAL_DB if row.get("identical") else row.get("psnr_db")
    own = (row["latency_ms"]["p50"], drift, row.get("rss_mb"), row.get("graph_mb"), row.get("joules_per_frame"))
    digests = {document["model"].get("digest"), document.get("checkpoint_sha256")} - {None}
    return (*own, *(next((means[one] for one in digests if one in means), None) for _, means in _qualities(quality)))


def _qualities(quality: Sequence[Json]) -> list[tuple[Axis, dict[str, float]]]:
    """Of every set of pictures the first scorer that has a direction: the axis, and the mean of each method that has a digest."""
    found = []
    for one in (one for document in quality for one in document["sets"]):
        scorer = next((s for s in one["scorers"] if not s["absent"] and s["higher_is_better"] is not None), None)
        if scorer is not None:
            summaries = {row["facts"].get("sha256"): row["summary"].get(scorer["key"]) for row in one["rows"]}
            means = {digest: s["mean"] for digest, s in summaries.items() if digest and s and s["mean"] is not None}
            axis = Axis(f"{scorer['label']} on {one['name']}", "{:.4g}", more=bool(scorer["higher_is_better"]))
            found.append((axis, means))
    return found


def _verdict(one: Choice, all_of_them: Sequence[Choice], axes: Sequence[Axis]) -> str:
    if not one.passed:
        return "FAILS THE GATE"
    beaten = next((other.name for other in all_of_them if other.passed and _beats(other, one, axes)), None)
    return "not beaten" if beaten is None else f"beaten by {beaten}"


def _beats(first: Choice, second: Choice, axes: Sequence[Axis]) -> bool:
    gains = [_gain(axis, a, b) for axis, a, b in zip(axes, first.values, second.values, strict=True)]
    return min(gains) >= 0 and max(gains) > 0


def _gain(axis: Axis, first: float | None, second: float | None) -> int:
    """1 where the first is better, -1 where it is worse, 0 where they are equal or one is not known."""
    if first is None or second is None or abs(first - second) <= axis.equal * min(abs(first), abs(second)):
        return 0
    return 1 if (first > second) == axis.more else -1


def _text(axis: Axis, value: float | None) -> str:
    if axis is AXES[1] and value == IDENTICAL_DB:
        return "identical"
    return "not known" if value is None else axis.text.format(value)


def _chart(found: Sequence[Choice], axis: Axis, number: int) -> tuple[str, str] | None:
    """Quality against latency of the models, each by its fastest row that passed the gate; None where there are not two."""
    best: dict[str, Choice] = {}
    for one in sorted(found, key=lambda one: one.values[0] or 0.0):
        if one.passed and one.values[number] is not None:
            best.setdefault(one.model, one)
    if len(best) < 2:
        return None
    points = {one.name: (one.values[0] or 0.0, one.values[number] or 0.0) for one in best.values()}
    svg = charts.scatter(points, "p50 in ms (logarithmic)", axis.name, low_y=not axis.more)
    better = "up" if axis.more else "down"
    return svg, f"Models, each by its fastest row that passes the gate: left is faster, {better} is better."


def _lines(
    documents: Sequence[Json],
    alike: Sequence[Json],
    quality: Sequence[Json],
    axes: Sequence[Axis],
    known: Sequence[int],
) -> list[str]:
    lines = []
    if len(alike) < len(documents):
        lines.append(f"{len(documents) - len(alike)} of {len(documents)} results are left out: another machine, size, mode or number of threads.")  # fmt: skip
    unknown = [axis.name for n, axis in enumerate(axes) if n >= len(AXES) and n not in known]
    if unknown:
        lines.append(f"No model here is in the table of {', '.join(unknown)}: its digest is not there.")
    if not quality:
        lines.append(
            "Quality is not known here: `edgeenh bench report R.json --quality Q.json` brings in what `edgeenh evaluate --json Q.json` found."
        )
    return lines
