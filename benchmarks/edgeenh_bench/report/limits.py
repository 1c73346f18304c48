"""What `bench peers`, `scaling` and `roofline` wrote, as the page shows it: sentences, tables, charts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeenh.errors import InputError
from edgeenh_bench.report import charts
from edgeenh_bench.roofline import layers_against_p50

Json = Mapping[str, Any]
BUSY = 0.10
"""Share of the CPU that other programs may use before it is said."""


@dataclass(frozen=True, slots=True)
class Table:
    """A name, a head, and rows of texts as wide as the head."""

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One document as the page shows it.

    Attributes:
        title: What was measured.
        about: File, day and model.
        lines: Sentences.
        figures: SVG (trusted) and caption each.
        environment: Of the document.
    """

    title: str
    about: str
    lines: Sequence[str]
    tables: Sequence[Table]
    figures: Sequence[tuple[str, str]]
    environment: Json


def schema_of(path: Path) -> str | None:
    """The schema that a file names; None where it cannot be read or names none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = document.get("schema") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def read_panel(path: Path) -> Panel:
    """Read a document of one of `SHOWN`'s schemas.

    Raises:
        InputError: It cannot be read, is of another schema, or lacks a part.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return panel(document, path.name)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as exc:
        raise InputError(
            f"{path} is no whole result ({type(exc).__name__}: {exc}): give a file that `edgeenh bench peers`, "
            "`scaling` or `roofline` wrote with --json"
        ) from exc


def panel(document: Json, name: str) -> Panel:
    """One document, called `name`, as a panel; LookupError or TypeError where a part is missing."""
    title, build = SHOWN[document["schema"]]
    lines, tables, figures = build(document)
    busy = document["cpu_share_of_other_programs"]
    if busy > BUSY:
        lines = [*lines, f"Other programs used {busy:.0%} of the CPU: run it again on an idle machine."]
    model = document["model"]
    about = f"{name} · measured {document['created']} · {model['id']} {model['version']}"
    return Panel(title, about, lines, tables, [one for one in figures if one[0]], document["environment"])


Parts = tuple[list[str], list[Table], list[tuple[str, str]]]


def _peers(document: Json) -> Parts:
    ran = sorted((row for row in document["rows"] if row["available"]), key=lambda row: row["latency_ms"]["p50"])
    head = ("row", "p50 ms", "times ours", "95 % interval", "frames", "PSNR dB", "memory MB", "what it is")
    lines = [f"Not measured: {row['label']}: {row['reason']}" for row in document["rows"] if not row["available"]]
    if app := document["benchmark_app"]:
        lines.append(_app(app))
    bars = charts.bars({row["label"]: (row["latency_ms"]["p50"], None) for row in ran}, "p50 in ms")
    return (
        lines,
        [Table("Peers", head, [_peer(row) for row in ran])],
        [(bars, "Median latency of a frame; shorter is faster.")],
    )


def _peer(row: Json) -> tuple[str, ...]:
    times = row["times_ours"] or {"value": None, "low": None, "high": None}
    interval = "n/a" if times["low"] is None else f"{times['low']:.3g} to {times['high']:.3g}"
    psnr = "identical" if row["identical"] else _text(row["psnr_db"], ".1f")
    return (
        row["label"], _text(row["latency_ms"]["p50"], ".4g"), _text(times["value"], ".3g"), interval,
        str(row["latency_ms"]["n"]), psnr, _text(row["rss_mb"], ".0f"), row["what"],
    )  # fmt: skip


def _app(app: Json) -> str:
    if not app["available"]:
        return f"benchmark_app was not measured: {app['reason']}"
    agrees = {
        True: "they agree within 5 %",
        False: "they DISAGREE by more than 5 %",
        None: "nothing to compare it with",
    }
    return f"benchmark_app: median {app['median_ms']:.4g} ms; ours over theirs {app['ours_over_theirs']}: {agrees[app['agrees']]}."


def _scaling(document: Json) -> Parts:
    ran = [point for point in document["sizes"] if point["available"]]
    lines = [f"{document['backend']}; batch: {document['batch']}"]
    lines += [f"Exponent of size, {_threads(n)}: {_exponent(found)}." for n, found in document["exponents"].items()]
    lines += [
        f"Not measured: {_size(one)}, {one['threads']} threads, {one['in_flight']} in flight: {one['reason']}"
        for one in [*document["sizes"], *document["in_flight"]]
        if not one["available"]
    ]
    curves = {
        f"{_threads(n)}, exponent {_exponent(found)}": [
            (p["pixels"] / 1e6, p["latency_ms"]["p50"]) for p in ran if str(p["threads"]) == n
        ]
        for n, found in document["exponents"].items()
    }
    caption = "Median latency over megapixels, both logarithmic: a line of slope 1 costs the same for every pixel."
    return lines, _scaling_tables(document, ran), [(charts.curves(curves, "megapixels", "p50 in ms"), caption)]


def _scaling_tables(document: Json, ran: Sequence[Json]) -> list[Table]:
    sizes = [
        (_size(p), str(p["threads"]), _text(p["latency_ms"]["p50"], ".3g"), f"{p['latency_ms']['p50'] / p['pixels'] * 1e6:.3g}")
        for p in ran
    ]  # fmt: skip
    flights = [
        (str(one["in_flight"]), _text(one["throughput_fps"], ".1f"), _text(one["latency_ms"]["p50"], ".3g"))
        for one in document["in_flight"]
        if one["available"]
    ]
    cameras = [
        (*(str(one[key]) for key in ("cameras", "captured", "enhanced", "dropped")), *_age(one["age_ms"]), "yes" if one["holds"] else "NO")
        for one in document["cameras"]
    ]  # fmt: skip
    found = [
        Table("Sizes", ("size", "threads", "p50 ms", "ms per megapixel"), sizes),
        Table("Frames in flight, 1280×720", ("in flight", "frames/s", "p50 ms"), flights),
        Table("Cameras", ("cameras", "captured", "enhanced", "dropped", "age p50 ms", "age max ms", "every frame accounted for"), cameras),
    ]  # fmt: skip
    return [table for table in found if table.rows]


def _roofline(document: Json) -> Parts:
    width, height = document["size"]
    lines = [
        f"Peak {document['peak_gmacs_per_s']:.0f} GMAC/s and {document['bandwidth_gb_per_s']:.1f} GB/s (read and written), {_threads(document['threads'])}.",
        f"{width}×{height}: p50 {document['p50_ms']:.3g} ms; bound of its layers {document['bound_ms']:.3g} ms: {document['share']:.0%} reached.",
        f"Were all of it one layer that reads and writes the frame once: {document['fused_bound_ms']:.3g} ms, {document['fused_share']:.0%}.",
    ]
    lines.append(f"{_sentence(layers_against_p50(document))}.")
    rows = [
        (g["kind"], str(g["layers"]), f"{g['ms']:.3f}", f"{g['bound_ms']:.3f}", _text(g["share"], ".0%"), f"{g['macs'] / 1e6:.1f}", f"{g['bytes'] / 1e6:.1f}")
        for g in document["groups"]
    ]  # fmt: skip
    head = ("kind", "layers", "ms", "bound ms", "share", "MMAC", "MB")
    bars = charts.bars({g["kind"]: (g["ms"], g["bound_ms"]) for g in document["groups"]}, "ms")
    caption = "Time of the layers by kind; the filled part is what this machine's limits ask for."
    return lines, [Table("Layers by kind", head, rows)], [(bars, caption)]


def _age(age: Json | None) -> tuple[str, str]:
    return ("n/a", "n/a") if age is None else (_text(age["p50"], ".3g"), _text(age["max"], ".3g"))


def _sentence(line: str) -> str:
    return line[:1].upper() + line[1:]


def _size(point: Json) -> str:
    return f"{point['size'][0]}×{point['size'][1]}"


def _threads(number: int | str) -> str:
    return f"{number} thread" if str(number) == "1" else f"{number} threads"


def _exponent(found: Json) -> str:
    return "n/a" if found["value"] is None else f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def _text(value: float | None, form: str) -> str:
    return "n/a" if value is None else format(value, form)


SHOWN: Mapping[str, tuple[str, Callable[[Json], Parts]]] = {
    "edgeenh.bench-peers/1": ("Peers", _peers),
    "edgeenh.bench-scaling/1": ("Scaling", _scaling),
    "edgeenh.bench-roofline/1": ("Roofline", _roofline),
}
"""Schema → title, and what makes the parts."""
