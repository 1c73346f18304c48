"""What `bench streams`, `--soak` and `--fault` wrote, as the page shows it: sentences, tables, charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgeenh_bench.report import charts
from edgeenh_bench.report.panels import Parts, Table
from edgeenh_bench.streams.catalogue import PACED, SLOW
from edgeenh_bench.streams.table import refusals, sentences, tables

Json = Mapping[str, Any]

GROWTHS = {
    "station_mb": ("memory of the station", "mb", "MB"),
    "worker_mb": ("memory of the worker", "mb", "MB"),
    "age_p99_ms": ("99th percentile of the age", "ms", "ms"),
}
"""Key of a growth in a document → what it is, the key of its value, and the unit."""


def streams_panel(document: Json) -> Parts:
    """The tables of every pace, and how old frames became."""
    lines = [f"{line}." for line in sentences(document)] + [*refusals(document), *document["clip"]["remarks"]]
    captions = {
        PACED: "Age of the frames at a camera's pace, over the clip.",
        SLOW: "Age of the frames into a slow sink: a line that climbs is a loop that falls behind and does not say so.",
    }
    figures = [(charts.course(_ages(document, pace), "seconds", "age in ms"), text) for pace, text in captions.items()]
    return lines, [Table(title, head, rows) for title, head, rows in tables(document)], figures


def _ages(document: Json, pace: str) -> dict[str, list[charts.Point]]:
    """Of the first pass of every row: when a frame was there, and how old it was in the end."""
    firsts = {row["label"]: row["paces"][pace]["raw"][0] for row in document["rows"] if pace in row["paces"]}
    return {label: list(zip(one["due_s"], one["ages_ms"], strict=True)) for label, one in firsts.items()}


def endurance_panel(document: Json) -> Parts:
    """Limits and verdicts, the slopes with their intervals, and the course of memory and of the slowest frames."""
    backend = document["backend"]
    how = f" on {backend['name']}, {backend['precision']}" if backend else ""
    what = "Soak" if document["kind"] == "soak" else "Rehearsal of faults"
    unjudged = document.get("ended_early") or "interrupted, and not judged"
    verdict = {True: "every limit holds", False: "A LIMIT WAS MISSED", None: unjudged}[document["passed"]]
    lines = [f"{what} of {document['seconds']:g} s: {document['source']}{how}; {verdict}."]
    lines += [_growth_line(name, document["growth"].get(name)) for name in GROWTHS if "growth" in document]
    found = [Table("Limits", ("figure", "measured", "limit", "verdict"), [_figure(one) for one in document["figures"]])]
    if document.get("faults"):
        rows = [(one["fault"], one["demanded"], "yes" if one["answered"] else "NO") for one in document["faults"]]
        found.append(Table("Faults", ("fault", "what was promised", "answered"), rows))
    return lines, found, _courses(document)


def _growth_line(name: str, grown: Json | None) -> str:
    what, key, unit = GROWTHS[name]
    if grown is None:
        return f"Slope of the {what}: too few readings for a line."
    seconds = grown.get("seconds")
    hourly = "" if not seconds else f", {grown[key] / seconds * 3600:+.3g} {unit} an hour"
    interval = f"95 %: {grown['low']:+.3g} to {grown['high']:+.3g}"
    sure = "" if grown["low"] <= 0.0 <= grown["high"] else "; the interval leaves out 0"
    return f"Slope of the {what}: {grown[key]:+.3g} {unit} over the run ({interval}){hourly}{sure}."


def _figure(figure: Json) -> tuple[str, ...]:
    limits = (("≤", figure["at_most"]), ("≥", figure["at_least"]))
    limit = " ".join(f"{sign} {value:g}" for sign, value in limits if value is not None)
    measured = "not finite" if figure["value"] is None else f"{figure['value']:.4g} {figure['unit']}".rstrip()
    return figure["name"], measured, limit or "none", {True: "holds", False: "MISSED", None: ""}[figure["passed"]]


def _courses(document: Json) -> list[tuple[str, str]]:
    readings, fields = document.get("readings", []), document.get("reading_fields", [])
    memory = {
        name: _column(readings, fields, key) for name, key in (("station", "station_mb"), ("worker", "worker_mb"))
    }
    slowest = {"99th percentile": [(one[0], one[1]) for one in document.get("slowest_ms", [])]}
    return [
        (charts.course(memory, "seconds", "memory in MB"), "Resident memory of the station and of its worker."),
        (charts.course(slowest, "seconds", "age in ms"), "The 99th percentile of the age between two readings."),
    ]


def _column(readings: Sequence[Sequence[float | None]], fields: Sequence[str], name: str) -> list[charts.Point]:
    if name not in fields:
        return []
    at, column = fields.index("at_s"), fields.index(name)
    return [(when, value) for row in readings if (when := row[at]) is not None and (value := row[column]) is not None]
