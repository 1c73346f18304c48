"""`edgeenh bench`: its options, and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgeenh.cli.output import JsonOption, emit_json, next_step, progress, remark, say
from edgeenh.errors import BackendUnavailable, MissingExtra, UsageError

if TYPE_CHECKING:
    from edgeenh_bench.comparison import Request

DEFAULT_FRAMES = 100

_HELP = """Compare every backend and precision on the same real frames: latency, drift, memory.

Each row runs in a process of its own; rows take turns, one at a time. A percentile is shown once the number of frames
supports it: 64 frames for p90, 662 for p99.

Example: edgeenh bench --source clip.mp4 --size 1280x720 --frames 700
"""


def register(app: typer.Typer) -> None:
    """Add `bench` to the command line."""
    app.command("bench", help=_HELP)(bench)


def bench(
    model: Path | None = typer.Option(
        None, metavar="FILE", help="A bundle.  [default: the one that ships with edgeenh]"
    ),
    source: str | None = typer.Option(
        None, help="Video, picture, folder, glob, camera:0, synthetic:WxH@FPS.  [default: the bundle's golden frames]"
    ),
    size: str | None = typer.Option(
        None, metavar="WxH", help="Crop and scale the frames to this size.  [default: the source's own]"
    ),
    backends: str = typer.Option("all", metavar="all|A,B", help="Backends to compare, by name."),
    frames: int | None = typer.Option(None, min=1, help=f"Frames to measure per row.  [default: {DEFAULT_FRAMES}]"),
    seconds: float | None = typer.Option(None, min=0.1, help="Measure each row for this long instead."),
    threads: int | None = typer.Option(None, min=1, help="CPU threads per frame.  [default: all cores]"),
    json_target: JsonOption = None,
) -> None:
    """See `_HELP`; the command line shows that text."""
    request = _request(model, source, size, backends, frames, seconds, threads)
    document = _compare(request)
    from edgeenh_bench.table import render

    say(render(document))
    emit_json(json_target, document)
    ran = [row for row in document["rows"] if row["available"]]
    if not ran:
        raise BackendUnavailable(
            "no backend could run here: `edgeenh doctor` says what is missing and how to install it"
        )
    next_step(_suggestion(request, ran))


def _request(
    model: Path | None,
    source: str | None,
    size: str | None,
    backends: str,
    frames: int | None,
    seconds: float | None,
    threads: int | None,
) -> Request:
    _require_bench_extra()
    from edgeenh.backends import get_backend
    from edgeenh_bench.comparison import Request
    from edgeenh_bench.source_frames import parse_size

    if frames is not None and seconds is not None:
        raise UsageError("--frames and --seconds exclude each other: give one of them")
    names = [] if backends == "all" else list(dict.fromkeys(name.strip() for name in backends.split(",")))
    for name in names:
        get_backend(name)
    if frames is None and seconds is None:
        frames = DEFAULT_FRAMES
    return Request(model, source, parse_size(size) if size else None, names, frames, seconds or 0.0, threads)


def _require_bench_extra() -> None:
    try:
        import psutil  # noqa: F401  asked for before the work begins, not in the middle of it
    except ImportError as exc:
        raise MissingExtra("`edgeenh bench`", "bench") from exc


def _compare(request: Request) -> dict[str, Any]:
    from datetime import UTC, datetime

    from edgeenh_bench.comparison import compare

    shown: list[str] = []

    def report(step: str, done: int, total: int | None) -> None:
        if [step] != shown[-1:]:
            shown.append(step)
            remark(step)
        bar.update(done, step if total is None else f"{step}, of {total}")

    with progress("bench", None, "frames") as bar:
        return compare(request, report, datetime.now(UTC))


def _suggestion(request: Request, ran: list[dict[str, Any]]) -> str:
    """Run the same source on the fastest row that passed the gate."""
    good = [row for row in ran if row["gate_passed"]] or ran
    best = min(good, key=lambda row: row["latency_ms"]["p50"])
    words = ["edgeenh run", request.source or "SOURCE", *(["--model", str(request.model)] if request.model else [])]
    return " ".join([*words, "--backend", best["backend"], "--precision", best["precision"], "--out enhanced.mp4"])
