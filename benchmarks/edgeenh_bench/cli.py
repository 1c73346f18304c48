"""`edgeenh bench`: its options, and what it prints."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeenh.cli import output
from edgeenh.cli.model import FloorOption, ModelOption, PublicKeyOption, ThreadsOption, parse_floor
from edgeenh.errors import BackendUnavailable, MissingExtra, UsageError

if TYPE_CHECKING:
    from edgeenh_bench.comparison import Request

DEFAULT_FRAMES = 100

HELP = """Compare every backend and precision on the same real frames: latency, drift, memory.

Each row runs in a process of its own; rows take turns, one at a time. The drift is measured against the FP32 graph on
ONNX Runtime. A percentile is shown once the number of frames supports it: 64 frames for p90, 662 for p99.

Exit: 0 done; 2 bad usage or input; 4 the bundle is not what it says; 5 no backend could run.

Example: edgeenh bench --source clip.mp4 --size 1280x720 --frames 700 --json bench.json
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench", help=HELP)(bench)


def bench(
    model: ModelOption = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help="A video, picture, folder, glob, camera:0, synthetic:WxH@FPS; default: the bundle's golden frames.",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH", help="Crop and scale the frames to this; default: the source's own."),
    ] = None,
    backends: Annotated[
        str, typer.Option("--backends", metavar="all|A,B", help="Which backends to compare, by name.")
    ] = "all",
    frames: Annotated[
        int | None,
        typer.Option("--frames", metavar="N", min=1, help=f"Frames to measure per row; default {DEFAULT_FRAMES}."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="T", min=0.1, help="Measure each row for this long instead.")
    ] = None,
    threads: ThreadsOption = None,
    public_key: PublicKeyOption = None,
    floor: FloorOption = None,
    json_target: output.JsonOption = None,
) -> int:
    """See `HELP`."""
    request = _request(model, source, size, backends, frames, seconds, threads)
    request = replace(request, public_key=public_key, floor=parse_floor(floor))
    document = _compare(request)
    from edgeenh_bench.table import render

    output.say(render(document))
    output.emit_json(json_target, document)  # after the table: it must not be lost when the file cannot be written
    ran = [row for row in document["rows"] if row["available"]]
    if not ran:
        raise BackendUnavailable("no backend could run here: `edgeenh doctor` says what is missing and how to fix it")
    output.next_step(_next(request, ran))
    return 0


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
    if threads is not None and not 1 <= threads <= 1024:
        raise UsageError(f"--threads is {threads}, expected 1 to 1024")
    names = [] if backends == "all" else list(dict.fromkeys(name.strip() for name in backends.split(",")))
    for name in names:
        get_backend(name)  # raises for one that does not exist, before anything is read
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
            output.remark(step)
        bar.update(done, step if total is None else f"{step}, of {total}")

    with output.progress("bench", None) as bar:
        return compare(request, report, datetime.now(UTC))


def _next(request: Request, ran: list[dict[str, Any]]) -> str:
    """Run the same source on the fastest row that passed the gate."""
    good = [row for row in ran if row["gate_passed"]] or ran
    best = min(good, key=lambda row: row["latency_ms"]["p50"])
    source = shlex.quote(request.source) if request.source else "SOURCE"
    model = ["--model", shlex.quote(str(request.model))] if request.model else []
    words = ["edgeenh run", source, *model, "--backend", best["backend"], "--precision", best["precision"]]
    return " ".join([*words, "--out enhanced.mp4"])
