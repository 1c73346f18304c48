"""Which documents beside comparisons the page shows, and what `bench peers`, `scaling` and `roofline` become there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeenh.errors import InputError
from edgeenh_bench.noise import noise_line
from edgeenh_bench.peers.table import HEAD, app_line, cells
from edgeenh_bench.report import charts
from edgeenh_bench.report.panels import Panel, Parts, Table
from edgeenh_bench.report.running import endurance_panel, streams_panel
from edgeenh_bench.result import INTERRUPTED, doubts
from edgeenh_bench.roofline import GROUP_HEAD, group_cells, sentences
from edgeenh_bench.scaling_table import (
    CAMERA_HEAD,
    FLIGHT_HEAD,
    SIZE_HEAD,
    camera_cells,
    exponent_text,
    flight_cells,
    size_cells,
    size_name,
)
from edgeenh_bench.stored_result import MALFORMED, read_json

Json = Mapping[str, Any]


def schema_of(path: Path) -> str | None:
    """The schema that a file names; None where it cannot be read or names none."""
    try:
        document = read_json(path, "edgeenh bench --json")
    except InputError:
        return None
    found = document.get("schema") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def require_known(path: Path) -> str | None:
    """The schema that a file names, as `schema_of`.

    Raises:
        InputError: It is of one of `SHOWN`'s kinds and of another version.
    """
    schema = schema_of(path)
    kinds = {known.partition("/")[0]: known for known in SHOWN}
    if schema is not None and schema not in SHOWN and (known := kinds.get(schema.partition("/")[0])):
        raise InputError(f"{path} is of schema {schema!r}, expected {known}: update edgeenh")
    return schema


def read_panel(path: Path) -> Panel:
    """Read a document of one of `SHOWN`'s schemas.

    Raises:
        InputError: It cannot be read, is of another schema, or lacks a part.
    """
    document = read_json(path, "edgeenh bench … --json")
    try:
        return panel(document, path.name)
    except MALFORMED as exc:
        raise InputError(
            f"{path} is no whole result ({type(exc).__name__}: {exc}): give a file that `edgeenh bench peers`, `streams`, "
            "`scaling`, `roofline`, `--soak` or `--fault` wrote with --json"
        ) from exc


def panel(document: Json, name: str) -> Panel:
    """One document, called `name`, as a panel; LookupError or TypeError where a part is missing."""
    title, build = SHOWN[document["schema"]]
    lines, tables, figures = build(document)
    lines = [*lines, *(f"{_sentence(line)}." for line in doubts(document))]
    lines += [f"{_sentence(INTERRUPTED)}."] if document.get("interrupted") else []
    model = document["model"]
    about = f"{name} · measured {document['created']} · {model['id']} {model['version']}"
    return Panel(title, about, lines, tables, [one for one in figures if one[0]], document["environment"])


def _peers(document: Json) -> Parts:
    ran = sorted((row for row in document["rows"] if row["available"]), key=lambda row: row["latency_ms"]["p50"])
    lines = [f"Not measured: {row['label']}: {row['reason']}" for row in document["rows"] if not row["available"]]
    if app := document["benchmark_app"]:
        lines.append(f"{app_line(app)}.")
    if noise := document.get("noise"):
        lines.append(f"{noise_line(noise)}.")
    lines += document.get("remarks", [])
    bars = charts.bars({row["label"]: (row["latency_ms"]["p50"], None) for row in ran}, "ms")
    return (
        lines,
        [Table("Peers", (*HEAD, "what it is"), [(*cells(row), row["what"]) for row in ran])],
        [(bars, "Median latency of a frame; shorter is faster.")],
    )


def _scaling(document: Json) -> Parts:
    ran = [point for point in document["sizes"] if point["available"]]
    lines = [f"{document['backend']}; batch: {document['batch']}"]
    lines += [f"Exponent of size, {_threads(n)}: {exponent_text(found)}." for n, found in document["exponents"].items()]
    lines += [
        f"Not measured: {size_name(one)}, {one['threads']} threads, {one['in_flight']} in flight: {one['reason']}"
        for one in [*document["sizes"], *document["in_flight"]]
        if not one["available"]
    ]
    curves = {
        f"{_threads(n)}, exponent {exponent_text(found)}": [
            (p["pixels"] / 1e6, p["latency_ms"]["p50"]) for p in ran if str(p["threads"]) == n
        ]
        for n, found in document["exponents"].items()
    }
    caption = "Median latency over megapixels, both logarithmic: a line of slope 1 costs the same for every pixel."
    return lines, _scaling_tables(document, ran), [(charts.curves(curves, "megapixels", "p50 in ms"), caption)]


def _scaling_tables(document: Json, ran: Sequence[Json]) -> list[Table]:
    flights = [flight_cells(one) for one in document["in_flight"] if one["available"]]
    found = [
        Table("Sizes", SIZE_HEAD, [size_cells(point) for point in ran]),
        Table("Frames in flight, 1280×720", FLIGHT_HEAD, flights),
        Table("Cameras", CAMERA_HEAD, [camera_cells(one) for one in document["cameras"]]),
    ]
    return [table for table in found if table.rows]


def _roofline(document: Json) -> Parts:
    lines = [f"{_sentence(line)}." for line in sentences(document)]
    rows = [group_cells(group) for group in document["groups"]]
    bars = charts.bars({g["kind"]: (g["ms"], g["bound_ms"]) for g in document["groups"]}, "ms")
    caption = "Time of the layers by kind; the filled part is what this machine's limits ask for."
    return lines, [Table("Layers by kind", GROUP_HEAD, rows)], [(bars, caption)]


def _sentence(line: str) -> str:
    return line[:1].upper() + line[1:]


def _threads(number: int | str) -> str:
    return f"{number} thread" if str(number) == "1" else f"{number} threads"


SHOWN: Mapping[str, tuple[str, Callable[[Json], Parts]]] = {
    "edgeenh.bench-peers/1": ("Peers", _peers),
    "edgeenh.bench-peers/2": ("Peers", _peers),
    "edgeenh.bench-streams/1": ("Streams", streams_panel),
    "edgeenh.bench-endurance/1": ("Endurance", endurance_panel),
    "edgeenh.bench-scaling/1": ("Scaling", _scaling),
    "edgeenh.bench-roofline/1": ("Roofline", _roofline),
}
"""Schema → title, and what makes the parts."""
