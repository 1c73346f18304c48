"""A comparison as a Markdown table, which reads as well on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgeenh_bench.noise import interval_text, noise_line

if TYPE_CHECKING:
    from edgeenh_bench.two_results import Comparison

Json = Mapping[str, Any]

HEAD = (
    "backend",
    "precision",
    "provider",
    "device",
    "load",
    "first frame",
    "p50",
    "frames/s",
    "PSNR",
    "SSIM",
    "max diff",
    "gate",
    "memory",
    "graph",
)
TAILS = ("p50", "p90", "p95", "p99", "p99.9", "max", "jitter")
TAIL_HEAD = ("backend", "precision", "frames", *TAILS, "vary by")
PACED_HEAD = ("backend", "precision", "frames", "late", "skipped", "missed", "age p50", "age p90", "age p99", "age max")
SPLIT_PARTS = ("convert", "copy_in", "enqueue", "compute", "copy_out", "convert_back", "rest", "end_to_end")
SPLIT_HEAD = ("backend", "precision", *(name.replace("_", " ") for name in SPLIT_PARTS))
TEXTS = ("backend", "precision", "provider", "device", "row", "verdict")


def render(document: Json) -> str:
    """The document of `edgeenh bench` for people: what was measured, a table of what ran, a list of what could not.

    Times are in milliseconds, PSNR in dB, memory in MB (10⁶ bytes) that the backend added, graph in MB of the file that is shipped.
    """
    ran = [row for row in document["rows"] if row["available"]]
    parts = [_headline(document)]
    if ran:
        parts.append(grid([HEAD, *(_cells(row) for row in ran)]))
        parts.append("Latency, ms; a percentile is given once there are enough frames, jitter is p99 − p50:")
        parts.append(grid([TAIL_HEAD, *((row["backend"], row["precision"], *tail_cells(row)) for row in ran)]))
    if split := [row for row in ran if row["split_ms"]]:
        parts.append("Where the mean of the time goes, ms; n/a: no such part, or not to be told apart:")
        parts.append(grid([SPLIT_HEAD, *(_split_cells(row) for row in split)]))
    if paced := [row for row in ran if row["paced"]]:
        parts.append(grid([PACED_HEAD, *(_paced_cells(row) for row in paced)]))
    if lines := _ratios(document):
        parts.append("\n".join(lines))
    refused = (_refused(document["rows"], failed=failed) for failed in (False, True))
    parts += ["\n".join(lines) for lines in (*refused, _remarks(document)) if lines]
    return "\n\n".join(parts)


def _headline(document: Json) -> str:
    model, frames = document["model"], document["frames"]
    width, height = frames["size"]
    counts = sorted({row["latency_ms"]["n"] for row in document["rows"] if row["latency_ms"]})
    many = "–".join(str(count) for count in dict.fromkeys(counts[:1] + counts[-1:])) or "no"
    what = f"{model['id']} {model['version']} at {width}×{height}"
    mode = document["method"]["mode"]
    how = {
        "paced": f", at {mode['fps']:g} a second" if mode["fps"] else "",
        "throughput": f", {mode['in_flight']} in flight",
    }
    given = how.get(mode["name"], "")
    from_source = f"{many} frames per row from {frames['source']} ({frames['count']} distinct){given}"
    return f"{what}: {from_source}; ms, dB, MB\n{_machine(document)}"


def _machine(document: Json) -> str:
    cpu, now = document["environment"]["cpu"], document["clocks"]["after"]
    cores = f"{cpu['cores_allowed']} of {cpu['cores']} cores"
    readings = (
        ("clock", now["mhz"] and f"{now['mhz']:.0f} MHz"),
        ("governor", now["governor"]),
        ("boost", now["boost"] if now["boost"] is None else "on" if now["boost"] else "off"),
        ("slowed down for heat", now["throttled"] if now["throttled"] is None else f"{now['throttled']} times so far"),
    )
    unread = ", ".join(name for name, value in readings if value is None)
    known = [f"{name} {value}" for name, value in readings if value is not None]
    return "; ".join([f"{cpu['model']}, {cores}", *known, *([f"not readable: {unread}"] if unread else [])])


def _ratios(document: Json) -> list[str]:
    """Each row against the fastest, and that one against itself."""
    ratios, noise = document["ratios"], document["noise"]
    lines = []
    if ratios and ratios["of"]:
        lines.append(f"Times the latency of {ratios['to']}, with {ratios['confidence']:.0%} intervals:")
        lines += [f"- {label}: {interval_text(ratio)}" for label, ratio in ratios["of"].items()]
    if noise:
        lines.append(noise_line(noise))
    return lines


def _paced_cells(row: Json) -> tuple[str, ...]:
    paced, age = row["paced"], row["paced"]["age_ms"]
    counts = (str(paced["frames"]), str(paced["late"]), str(paced["skipped"]), f"{paced['missed_share']:.2%}")
    return (row["backend"], row["precision"], *counts, *(tail(age, key) for key in ("p50", "p90", "p99", "max")))


def _split_cells(row: Json) -> tuple[str, ...]:
    mean = row["split_ms"]["mean"]
    return (row["backend"], row["precision"], *(_part(mean.get(name)) for name in SPLIT_PARTS))


def _part(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def render_comparison(comparison: Comparison) -> str:
    """Two results against each other, for people."""
    head = ("row", "before", "after", "ratio", "p", "verdict")
    cells = [
        (row.label, _ms(row.before_ms), _ms(row.after_ms), f"{row.ratio:.3f}", "n/a" if row.p is None else f"{row.p:.2g}", row.verdict)
        for row in comparison.rows
    ]  # fmt: skip
    parts = [grid([head, *cells]) if cells else "No row was measured in both."]
    notes = [f"NOT ALIKE: {line}" for line in comparison.unlike] + [f"Note: {line}" for line in comparison.remarks]
    notes += [f"Note: {label} was measured before and not after" for label in comparison.only_before]
    notes += [f"Note: {label} was measured after and not before" for label in comparison.only_after]
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else [])])


def _cells(row: Json) -> tuple[str, ...]:
    times = [_ms(row["load_ms"]), _ms(row["first_frame_ms"]), _ms(row["latency_ms"]["p50"])]
    drift = [_psnr(row), _number(row["ssim"], 5), _number(row["max_abs"], 0), _gate(row)]
    return (
        row["backend"],
        row["precision"],
        row["provider"],
        row["device"],
        *times,
        _number(row["throughput_fps"], 1),
        *drift,
        _number(row["rss_mb"], 0),
        _number(row.get("graph_mb"), 2),
    )


def tail_cells(row: Json) -> tuple[str, ...]:
    """How many frames a row measured, `TAILS`, and its coefficient of variation; results of the first schema have not all of them."""
    latency, share = row["latency_ms"], row.get("variation")
    return (str(latency["n"]), *(tail(latency, name) for name in TAILS), "n/a" if share is None else f"{share:.0%}")


def tail(latency: Json, name: str) -> str:
    """A percentile, or how many more frames it takes to earn one, e.g. `needs 592 more`."""
    missing = latency["frames_missing"].get("p99" if name == "jitter" else name)
    return f"needs {missing} more" if missing else _ms(latency.get(name))


def _refused(rows: Sequence[Json], *, failed: bool) -> list[str]:
    """One line per backend and reason, with the precisions it holds for: of rows that failed in the middle, or of those that never began."""
    precisions: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        if not row["available"] and bool(row["partial"]) == failed:
            name = row["backend"] if row["device"] is None else f"{row['backend']} on {row['device']}"
            precisions.setdefault((name, row["reason"], row["fix"]), []).append(row["precision"])
    lines = [
        f"- {name} ({', '.join(which)}): {reason}" + (f" → {fix}" if fix else "")
        for (name, reason, fix), which in precisions.items()
    ]
    title = "Failed in the middle; what was measured is in the JSON, without figures:" if failed else "Cannot run here:"
    return [title, *lines] if lines else []


def _remarks(document: Json) -> list[str]:
    return [f"Note: {remark}" for remark in document["remarks"]]


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells under a head; columns whose head is among `TEXTS` are words, the others numbers."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    numeric = [name not in TEXTS for name in rows[0]]
    rule = ["-" * (width - 1) + ":" if number else "-" * width for number, width in zip(numeric, widths, strict=True)]
    lines = [_line(rows[0], widths, numeric), f"|{'|'.join(f' {cell} ' for cell in rule)}|"]
    return "\n".join([*lines, *(_line(row, widths, numeric) for row in rows[1:])])


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if number else cell.ljust(width)
        for number, cell, width in zip(numeric, cells, widths, strict=True)
    )
    return f"| {' | '.join(padded)} |"


def _ms(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _number(value: float | None, digits: int) -> str:
    return "n/a" if value is None else f"{value:.{digits}f}"


def _psnr(row: Json) -> str:
    return "identical" if row["identical"] else _number(row["psnr_db"], 2)


def _gate(row: Json) -> str:
    return {True: "passed", False: "FAILED", None: "n/a"}[row["gate_passed"]]
