"""`edgeenh bench`: its options, and what it prints."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeenh.cli import output
from edgeenh.cli.model import FloorOption, ModelOption, PublicKeyOption
from edgeenh.errors import BackendUnavailable, GateFailed, JobFailed, MissingExtra, UsageError
from edgeenh.loading import parse_floor
from edgeenh_bench.cli_keep import keep, keep_panel
from edgeenh_bench.cli_more import MEASUREMENTS, ThreadCountOption, checked_seconds, reported
from edgeenh_bench.cli_results import RESULTS, require_report
from edgeenh_bench.cli_sigterm import end_as_with_ctrl_c

if TYPE_CHECKING:
    from edgeenh_bench.comparison import Compared, Request

DEFAULT_FRAMES = 100

HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="F.html", help="One page with charts, worst frames and conditions.")
]

HELP = """Compare every backend and precision on the same real frames: latency, drift, memory.

Each row runs in a process of its own; rows take turns, one at a time. The drift is measured against the FP32 graph on
ONNX Runtime. A percentile is shown once the number of frames supports it: 64 frames for p90, 662 for p99.

One frame after another is the default. --paced lets frames come as a camera's do, and counts those that are late; --in-flight measures throughput;
--soak runs the stream for long and judges its memory; --fault plays faults and judges the answers.

--baseline compares with an earlier result of this machine and is a gate for CI; `edgeenh bench compare` compares two results.

Exit: 0 done; 2 bad usage or input; 3 slower than the baseline allows, or a soak or a fault missed its limit; 4 the bundle is not
what it says; 5 no backend could run.

Example: edgeenh bench --source clip.mp4 --size 1280x720 --frames 700 --json bench.json

Example: edgeenh bench --baseline bench.json --max-regression 5% --source clip.mp4 --size 1280x720 --frames 700
"""


def register(app: typer.Typer) -> None:
    """Add the command and its subcommands."""
    group = typer.Typer(help=HELP, invoke_without_command=True, rich_markup_mode=None)
    group.callback(invoke_without_command=True, help=HELP)(bench)
    for name, command in {**RESULTS, **MEASUREMENTS}.items():
        group.command(name)(command)
    app.add_typer(group, name="bench")


def bench(
    context: typer.Context,
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
        float | None,
        typer.Option(
            "--seconds", metavar="T", help="Measure each row for this long instead.", callback=checked_seconds
        ),
    ] = None,
    paced: Annotated[
        float | None, typer.Option("--paced", metavar="FPS", help="Let frames come at this pace, with deadlines.")
    ] = None,
    in_flight: Annotated[
        int | None,
        typer.Option(
            "--in-flight", metavar="N", min=1, max=64, help="Throughput with N frames and sessions at a time."
        ),
    ] = None,
    soak: Annotated[
        str | None, typer.Option("--soak", metavar="TIME", help="Stream for this long (90s, 10m, 1h) and judge memory.")
    ] = None,
    fault: Annotated[
        str | None,
        typer.Option("--fault", metavar="NAME@TIME,…", help="Stream, play these faults, and judge the answers."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="F", help="An earlier result of this machine to compare with.")
    ] = None,
    max_regression: Annotated[
        str, typer.Option("--max-regression", metavar="P%", help="How much slower than the baseline a row may be.")
    ] = "5%",
    drift_frames: Annotated[
        int | None,
        typer.Option(
            "--drift-frames",
            metavar="N",
            min=1,
            max=10_000,
            help="Distinct frames to measure the drift on; default: up to 12.",
        ),
    ] = None,
    html: HtmlOption = None,
    threads: ThreadCountOption = None,
    public_key: PublicKeyOption = None,
    floor: FloorOption = None,
    json_target: output.JsonOption = None,
) -> int:
    """See `HELP`."""
    end_as_with_ctrl_c(context)  # also for the subcommands, which run while this context is open
    if context.invoked_subcommand is not None:
        return 0
    _refuse_together({"--paced": paced, "--in-flight": in_flight, "--soak": soak, "--fault": fault})
    _require_bench_extra()
    if soak is not None or fault is not None:
        if baseline is not None:
            raise UsageError("--baseline compares latencies; --soak and --fault have limits of their own: leave it out")
        if frames is not None or (soak is not None and seconds is not None):
            raise UsageError("--soak TIME and --fault last by time: leave --frames out; a rehearsal takes --seconds")
        if html is not None:
            require_report(html, [model])
        return _endure(
            model, source, size, backends, seconds, threads, (public_key, floor), soak, fault, json_target, html
        )
    from edgeenh_bench import modes
    from edgeenh_bench.stored_result import read_result

    largest = _share(max_regression)
    before = None if baseline is None else read_result(baseline)  # before the work, not after it
    request = _request(model, source, size, backends, frames, seconds, threads)
    request = replace(request, public_key=public_key, floor=parse_floor(floor), mode=modes.choose(paced, in_flight))
    request = replace(request, pictures=html is not None, drift_frames=drift_frames)
    if html is not None:
        require_report(html, [baseline, model])
    if before is not None:
        from edgeenh_bench.comparison import circumstances
        from edgeenh_bench.two_results import require_judgeable

        require_judgeable(before, circumstances(request), request.frames)
    compared = _compare(request)
    document = compared.document
    from edgeenh_bench.table import render

    output.say(render(document))
    keep(compared, json_target, html)  # after the table: it must not be lost when a file cannot be written
    if document["interrupted"]:
        raise KeyboardInterrupt  # only now: what was measured is not lost
    ran = [row for row in document["rows"] if row["available"]]
    if not ran:
        raise BackendUnavailable("no backend could run here: `edgeenh doctor` says what is missing and how to fix it")
    if before is not None:
        _gate(before, document, largest)
    output.next_step(_next(request, ran))
    return 0


def _refuse_together(options: dict[str, object]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other: give one of them")


def _share(text: str) -> float:
    """`5%` as 0.05."""
    try:
        share = float(text.strip().removesuffix("%")) / 100.0
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 10.0:
        raise UsageError(f"--max-regression {text!r}: expected a percentage from 0% to 1000%, e.g. 5%")
    return share


def _gate(before: dict[str, Any], document: dict[str, Any], largest: float) -> None:
    """Compare with the baseline.

    Raises:
        UsageError: It was not measured alike.
        GateFailed: A row became slower by more than allowed, beyond chance.
    """
    from edgeenh_bench import two_results
    from edgeenh_bench.table import render_comparison

    comparison = two_results.compare_results(before, document)
    two_results.require_alike(comparison)
    output.say(render_comparison(comparison))
    for line in two_results.undecided(comparison, largest):
        output.remark(f"not decided: {line}; measure more --frames")
    if found := two_results.regressions(comparison, largest):
        busy = any("other programs" in remark for remark in comparison.remarks)
        doubt = "; the machine was busy, measure both again on an idle one before believing it" if busy else ""
        raise GateFailed(f"slower than the baseline by more than {largest:.3g}: {'; '.join(found)}{doubt}")


def _endure(
    model: Path | None,
    source: str | None,
    size: str | None,
    backends: str,
    seconds: float | None,
    threads: int | None,
    demands: tuple[Path | None, str | None],
    soak: str | None,
    fault: str | None,
    json_target: str | None,
    html: Path | None,
) -> int:
    """A soak, or a rehearsal of faults, which runs as long as its last fault needs, or --seconds."""
    from datetime import UTC, datetime

    from edgeenh.loading import open_bundle
    from edgeenh_bench import endurance
    from edgeenh_bench.result import doubts
    from edgeenh_bench.source_frames import parse_size

    lasts = endurance.parse_duration(soak) if soak is not None else endurance.seconds_of(fault or "", seconds)
    streamed = source or endurance.default_source(parse_size(size) if size else None)
    bundle = open_bundle(model, *demands)
    asked = endurance.Endurance(bundle, streamed, "auto" if backends == "all" else backends, threads, lasts, fault)
    with output.progress("bench", None) as bar:
        document = endurance.endure(asked, lambda frames: bar.update(frames, "frames"), datetime.now(UTC))
    for line in [*document["lines"], *doubts(document)]:
        output.say(line)
    keep_panel(document, json_target, html)
    if document["interrupted"]:
        raise KeyboardInterrupt  # only now: what was seen is not lost
    if document["ended_early"]:
        raise JobFailed(document["ended_early"])
    if not document["passed"]:
        raise GateFailed("a limit was missed; the lines above say which")
    output.next_step(f"edgeenh run {shlex.quote(streamed)} --mode live")
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
    from edgeenh.backends import get_backend
    from edgeenh_bench.comparison import Request
    from edgeenh_bench.source_frames import parse_size

    if frames is not None and seconds is not None:
        raise UsageError("--frames and --seconds exclude each other: give one of them")
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


def _compare(request: Request) -> Compared:
    from datetime import UTC, datetime

    from edgeenh_bench.comparison import compare

    compared: Compared = reported("bench", lambda report: compare(request, report, datetime.now(UTC)))
    return compared


def _next(request: Request, ran: list[dict[str, Any]]) -> str:
    """Run the same source on the fastest row that passed the gate."""
    good = [row for row in ran if row["gate_passed"]] or ran
    best = min(good, key=lambda row: row["latency_ms"]["p50"])
    source = shlex.quote(request.source) if request.source else "SOURCE"
    model = ["--model", shlex.quote(str(request.model))] if request.model else []
    words = ["edgeenh run", source, *model, "--backend", best["backend"], "--precision", best["precision"]]
    return " ".join([*words, "--out enhanced.mp4"])
