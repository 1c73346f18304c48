"""A comparison as a Markdown table, which reads as well on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

HEAD = (
    "backend",
    "precision",
    "provider",
    "device",
    "load",
    "first frame",
    "p50",
    "p90",
    "p99",
    "max",
    "frames/s",
    "PSNR",
    "SSIM",
    "max diff",
    "gate",
    "memory",
)
NUMERIC = range(4, len(HEAD))


def render(document: Json) -> str:
    """The document of `edgeenh bench` for people: what was measured, a table of what ran, a list of what could not.

    Times are in milliseconds, PSNR in dB, memory in MB (10⁶ bytes) that the backend added.
    """
    ran = [row for row in document["rows"] if row["available"]]
    parts = [_headline(document)]
    if ran:
        parts.append(_grid([HEAD, *(_cells(row) for row in ran)]))
    parts += ["\n".join(lines) for lines in (_shortages(ran), _refused(document["rows"]), _remarks(document)) if lines]
    return "\n\n".join(parts)


def _headline(document: Json) -> str:
    model, frames = document["model"], document["frames"]
    width, height = frames["size"]
    counts = sorted({row["latency_ms"]["n"] for row in document["rows"] if row["latency_ms"]})
    many = "–".join(str(count) for count in dict.fromkeys(counts[:1] + counts[-1:])) or "no"
    what = f"{model['id']} {model['version']} at {width}×{height}"
    return f"{what}: {many} frames per row from {frames['source']} ({frames['count']} distinct); ms, dB, MB"


def _cells(row: Json) -> tuple[str, ...]:
    latency = row["latency_ms"]
    times = [
        _ms(row["load_ms"]),
        _ms(row["first_frame_ms"]),
        *(_ms(latency[key]) for key in ("p50", "p90", "p99", "max")),
    ]
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
    )


def _shortages(rows: Sequence[Json]) -> list[str]:
    """Which percentiles the counts do not earn, once for each count."""
    lines = []
    for count, missing in {
        (row["latency_ms"]["n"], tuple(row["latency_ms"]["frames_missing"].items())) for row in rows
    }:
        needs = ", ".join(f"{name} needs {more} more" for name, more in missing if more)
        if needs:
            lines.append(f"n/a: {count} frames do not support it ({needs}).")
    return sorted(lines)


def _refused(rows: Sequence[Json]) -> list[str]:
    """One line per backend and reason, with the precisions it holds for."""
    precisions: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        if not row["available"]:
            name = row["backend"] if row["device"] is None else f"{row['backend']} on {row['device']}"
            precisions.setdefault((name, row["reason"], row["fix"]), []).append(row["precision"])
    lines = [
        f"- {name} ({', '.join(which)}): {reason}" + (f" → {fix}" if fix else "")
        for (name, reason, fix), which in precisions.items()
    ]
    return ["Cannot run here:", *lines] if lines else []


def _remarks(document: Json) -> list[str]:
    return [f"Note: {remark}" for remark in document["remarks"]]


def _grid(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    rule = ["-" * (width - 1) + ":" if column in NUMERIC else "-" * width for column, width in enumerate(widths)]
    lines = [_line(rows[0], widths), f"|{'|'.join(f' {cell} ' for cell in rule)}|"]
    return "\n".join([*lines, *(_line(row, widths) for row in rows[1:])])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if column in NUMERIC else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
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
