"""The page: results in, one HTML file out, from a template with nothing to fetch."""

from __future__ import annotations

import base64
import importlib.resources
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.backends.laps import PARTS
from edgeenh.errors import InputError, MissingExtra
from edgeenh.files import write_text
from edgeenh_bench.noise import interval_text, noise_line
from edgeenh_bench.report import charts
from edgeenh_bench.report.choice import choice
from edgeenh_bench.report.panels import Panel
from edgeenh_bench.report.quality import tables
from edgeenh_bench.stopwatch import REST
from edgeenh_bench.table import TAIL_HEAD, tail, tail_cells

if TYPE_CHECKING:
    from edgeenh_bench.drift_pictures import DriftPicture

Json = Mapping[str, Any]

LEAST_TOP_DB = 110.0
"""Where identical pictures are drawn at least."""


@dataclass(frozen=True, slots=True)
class Section:
    """One result of `edgeenh bench` as the page shows it.

    Attributes:
        document: As `--json` writes it.
        name: What the page calls it, e.g. the file's name.
        pictures: Label of a row → its worst frames.
        missing: A sentence for each worst frame that the result names and that could not be read.
    """

    document: Json
    name: str
    pictures: Mapping[str, Sequence[DriftPicture]] = field(default_factory=dict)
    missing: Sequence[str] = ()


def write_page(
    path: Path, sections: Sequence[Section], quality: Sequence[Json] = (), panels: Sequence[Panel] = ()
) -> None:
    """Write the page.

    Args:
        path: The file; one that exists is replaced.
        sections: Comparisons; at least one, or a panel.
        quality: Documents of `edgeenh evaluate --json`, whose tables are shown beside.
        panels: Peers, scaling and rooflines, shown after the comparisons.

    Raises:
        UsageError, OutputFailed: The place cannot be written to.
        MissingExtra: jinja2 is not installed.
    """
    write_text(path, render_page(sections, quality, panels))


def require_shown(sections: Sequence[Section], quality: Sequence[tuple[Path, Json]]) -> None:
    """Refuse stored documents that the page cannot show, by the name of their file.

    Raises:
        InputError: One lacks a part, or has another kind of value there.
        MissingExtra: jinja2 is not installed.
    """
    alone = [(one.name, [Section(one.document, one.name)], list[Json]()) for one in sections]
    for name, shown, judged in [*alone, *((path.name, list[Section](), [one]) for path, one in quality)]:
        try:
            render_page(shown, judged)
        except MissingExtra:
            raise
        except Exception as exc:  # of a document from anywhere: a missing part, another type, a number beyond a float
            raise InputError(
                f"{name} is no whole result ({type(exc).__name__}: {exc}): give a file as its command wrote it, or measure again"
            ) from exc


def render_page(sections: Sequence[Section], quality: Sequence[Json] = (), panels: Sequence[Panel] = ()) -> str:
    """The page as text; every word from a result is escaped.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as exc:
        raise MissingExtra("`edgeenh bench --html`", "bench") from exc
    folder = importlib.resources.files("edgeenh_bench.report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"ms": _ms, "number": _number, "decibels": _decibels, "megabytes": _megabytes}
    environment.filters |= {"tail": tail, "interval": interval_text, "noise": noise_line}
    template = environment.from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    shown = [_shown(section) for section in sections]
    judged = [table for document in quality for table in tables(document)]
    limits = [{"panel": panel, "environment": list(_leaves("", panel.environment))} for panel in panels]
    chosen = choice([section["labelled"] for section in shown], quality) if shown else None
    model = sections[0].document["model"] if sections else None
    title = f"{model['id']} {model['version']}" if model else ", ".join(panel.title for panel in panels)
    return template.render(
        title=title, sections=shown, quality=judged, limits=limits, choice=chosen, style=style, script=script
    )


def _shown(section: Section) -> dict[str, Any]:
    document = {"ratios": None, "noise": None, "energy": "not looked for when this was measured", **section.document}
    rows = [_row(row) for row in document["rows"]]
    ran = [row for row in rows if row["available"]]
    raw = {row["label"]: row["raw_ms"] for row in ran}
    top = _identical_db(ran)
    drift = {row["label"]: (row["latency_ms"]["p50"], row["decibels"]) for row in ran if row["decibels"] is not None}
    points = {label: (p50, min(decibels, top)) for label, (p50, decibels) in drift.items()}
    memory = {row["label"]: (row["latency_ms"]["p50"], row["rss_mb"]) for row in ran if row["rss_mb"] is not None}
    return {
        "name": section.name,
        "document": document,
        "labelled": {**document, "rows": rows},
        "rows": rows,
        "ran": ran,
        "tail_head": ("row", *TAIL_HEAD[2:]),
        "refused": _refused(rows),
        "colour": {row["label"]: number % 8 for number, row in enumerate(ran)},
        "split": charts.stacked({row["label"]: _parts(row) for row in ran if row["split_ms"]}, "ms"),
        "paced": [row for row in ran if row.get("paced")],
        "ecdf": charts.ecdf(raw),
        "timeline": charts.timeline(raw),
        "pareto": charts.scatter(points, "p50 in ms (logarithmic)", "PSNR against FP32 in dB"),
        "best": charts.pareto(drift),
        "identical_db": f"{top:.0f}",
        "memory": charts.scatter(memory, "p50 in ms (logarithmic)", "memory in MB", low_y=True),
        "lightest": charts.pareto({label: (p50, -megabytes) for label, (p50, megabytes) in memory.items()}),
        "drift": charts.strip(
            {row["label"]: [min(one, top) for one in row["decibels_of_each"]] for row in ran},
            "PSNR against FP32 in dB, a dot per frame",
        ),
        "missing": section.missing,
        "pictures": {label: [_picture(one) for one in found] for label, found in section.pictures.items()},
        "verdicts": list(_verdicts(document, ran)),
        "environment": list(_leaves("", document["environment"])),
        "method": list(_leaves("", document["method"])),
        "clocks": list(_leaves("", document.get("clocks") or {})),
    }


def _refused(rows: Sequence[Json]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if not row["available"]:
            found.setdefault((row["reason"], row["fix"]), []).append(row["label"])
    return found


def _row(row: Json) -> dict[str, Any]:
    label = row.get("label") or "-".join(str(row[key]) for key in ("backend", "device", "precision") if row[key])
    decibels = math.inf if row.get("identical") else row.get("psnr_db")
    each = row.get("drift_of_each") or []
    return {
        "paced": None,
        "graph_mb": None,
        "tails": tail_cells(row) if row["available"] else (),
        "joules_per_frame": None,
        "split_ms": None,
        **row,
        "label": label,
        "decibels": decibels,
        "each": _spread(each),
        "decibels_of_each": _decibels_of(each),
    }


def _parts(row: Json) -> dict[str, float]:
    """The means of a frame's parts by name, in the order in which they come; those that a backend does not have are left out."""
    mean = row["split_ms"]["mean"]
    return {name.replace("_", " "): value for name in (*PARTS, REST) if (value := mean.get(name)) is not None}


def _spread(each: Sequence[Json]) -> dict[str, float] | None:
    """Lowest, middle and highest PSNR over the compared frames; that of identical ones is infinite."""
    found = sorted(_decibels_of(each))
    return (
        {"least": found[0], "middle": found[len(found) // 2], "most": found[-1], "count": len(found)} if found else None
    )


def _decibels_of(each: Sequence[Json]) -> list[float]:
    return [math.inf if one["psnr_db"] is None else one["psnr_db"] for one in each]


def _identical_db(rows: Sequence[Json]) -> float:
    """Where identical pictures, whose PSNR is infinite, are drawn: above every other; one level off in one value of a frame may be 130 dB."""
    found: list[float] = [one for row in rows for one in (row["decibels"], *row["decibels_of_each"]) if one is not None]
    return max([LEAST_TOP_DB, *(one + 5.0 for one in found if math.isfinite(one))])


def _picture(picture: DriftPicture) -> dict[str, Any]:
    def data(kind: str, content: bytes) -> str:
        return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"

    return {
        "frame": picture.frame,
        "psnr_db": picture.psnr_db,
        "triple": data("jpeg", picture.triple),
        "heat": data("png", picture.heat),
        "original": data("jpeg", picture.original),
        "enhanced": data("jpeg", picture.enhanced),
    }


def _verdicts(document: Json, ran: Sequence[Json]) -> Any:
    """Sentences that a reader in a hurry needs, good or bad."""
    if not ran:
        yield "bad", "No backend could run here."
        return
    fastest = min(ran, key=lambda row: row["latency_ms"]["p50"])
    yield "good", f"Fastest: {fastest['label']}, p50 {_ms(fastest['latency_ms']['p50'])} ms."
    for row in ran:
        if row["gate_passed"] is False:
            yield "bad", f"{row['label']} fails the gate: {row['gate_reasons'][0]}."
        if row["gate_passed"] is None:
            yield "bad", f"{row['label']}: no drift was measured."
    for remark in document["remarks"]:
        yield "note", remark


def _leaves(name: str, value: Any) -> Any:
    """Name and text of every value in nested JSON values."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list | tuple):
        yield name, ", ".join(map(str, value)) or "none"
    else:
        yield name, "not known" if value is None else str(value)


def _ms(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _number(value: float | None, digits: int = 2) -> str:
    return "n/a" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _decibels(value: float) -> str:
    return "identical" if value == math.inf else f"{value:.2f} dB"


def _megabytes(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.0f}"
