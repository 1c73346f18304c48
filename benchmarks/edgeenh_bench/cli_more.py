"""`edgeenh bench peers`, `streams`, `scaling` and `roofline`: options, and what they print. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeenh.cli import output
from edgeenh.cli.model import ModelOption
from edgeenh.errors import UsageError

SizeOption = Annotated[str, typer.Option("--size", metavar="WxH", help="Size of the frames.")]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", metavar="SOURCE", help="Frames as `edgeenh run` takes them; default: golden frames."),
]

LONGEST_S = 86_400.0
MOST_THREADS = 1024


def checked_threads(threads: int | None) -> int | None:
    """`threads`, or UsageError when there can be no so many."""
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"--threads is {threads}, expected 1 to {MOST_THREADS}")
    return threads


def checked_seconds(seconds: float | None) -> float | None:
    """`seconds`, or UsageError when it is no time that a measurement can last: typer's `min` lets NaN and infinity through."""
    if seconds is not None and not 0.1 <= seconds <= LONGEST_S:
        raise UsageError(f"--seconds {seconds:g}: expected 0.1 to {LONGEST_S:g}")
    return seconds


SecondsOption = Annotated[
    float,
    typer.Option("--seconds", metavar="T", help="How long each row or point is measured.", callback=checked_seconds),
]
ThreadCountOption = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", help="CPU threads per frame; default: all cores.", callback=checked_threads),
]


def reported(name: str, work: Callable[[Callable[[str, int, int | None], None]], Any]) -> Any:
    """Run `work` with a progress bar, and a remark for every step."""
    shown: list[str] = []

    def report(step: str, done: int, total: int | None) -> None:
        if [step] != shown[-1:]:
            shown.append(step)
            output.remark(step)
        bar.update(done, step if total is None else f"{step}, of {total}")

    with output.progress(name, None) as bar:
        return work(report)


def peers(
    model: ModelOption = None,
    source: SourceOption = None,
    size: SizeOption = "1280x720",
    only: Annotated[str, typer.Option("--only", metavar="A,B", help="Only these peers.")] = "",
    seconds: SecondsOption = 10.0,
    threads: ThreadCountOption = None,
    json_target: output.JsonOption = None,
) -> None:
    """Compare edgeenh with what one would use without it: bare runtimes, PyTorch, rivals' networks, OpenCV alone.

    Needs the extras train, export, cpu and openvino. Rows take turns; what cannot run is a row with its reason.

    Exit: 0 done; 2 bad usage or input; 5 none of ours can run.

    Example: edgeenh bench peers --size 1920x1080 --json peers.json
    """
    from edgeenh_bench.cli_results import finish
    from edgeenh_bench.peers.comparison import Request, compare_peers
    from edgeenh_bench.peers.table import render
    from edgeenh_bench.source_frames import parse_size

    request = Request(model, source, parse_size(size), _names(only), seconds, threads)
    document = reported("peers", lambda report: compare_peers(request, report, datetime.now(UTC)))
    finish(render(document), document, json_target)
    output.next_step("edgeenh bench roofline")


def streams(
    model: ModelOption = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="CLIP", help="A video file; default: the clip of the source tree."),
    ] = None,
    only: Annotated[str, typer.Option("--only", metavar="A,B", help="Only these ways, beside ours.")] = "",
    backends: Annotated[
        str, typer.Option("--backends", metavar="A,B", help="openvino, onnxruntime; default: the first that can run.")
    ] = "",
    rounds: Annotated[
        int, typer.Option("--rounds", metavar="N", min=1, help="How often each goes through the clip at each pace.")
    ] = 9,
    paced: Annotated[
        float | None, typer.Option("--paced", metavar="FPS", help="The camera's pace; default: the clip's own.")
    ] = None,
    slow: Annotated[
        float | None,
        typer.Option("--slow", metavar="MS", help="What a slow sink needs for a frame; default: 1.5 periods."),
    ] = None,
    threads: ThreadCountOption = None,
    json_target: output.JsonOption = None,
) -> None:
    """Compare the stream with the loops that one would write without it: PyAV, OpenCV, ffmpeg and a bare session.

    The same clip and graph, as fast as it goes, at a camera's pace, and into a slow sink. Frames in and out, what was dropped and whether
    anybody said so, how old frames are, memory of the whole process tree, CPU time. Rows take turns; what cannot run is a row with its reason.

    Exit: 0 done; 2 bad usage or input; 5 no backend can run; 130 interrupted, with what was measured until then.

    Example: edgeenh bench streams --source clip.mp4 --json streams.json
    """
    from edgeenh_bench.cli_results import finish
    from edgeenh_bench.streams.comparison import Request, compare_streams
    from edgeenh_bench.streams.table import render

    request = Request(_clip(source), model, _names(backends), _names(only), rounds, _above_0("--paced", paced, 1000.0), _above_0("--slow", slow, 60_000.0), threads)  # fmt: skip
    document = reported("streams", lambda report: compare_streams(request, report, datetime.now(UTC)))
    finish(render(document), document, json_target)
    output.next_step("edgeenh bench peers")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _above_0(option: str, value: float | None, most: float) -> float | None:
    if value is not None and not 0.0 < value <= most:
        raise UsageError(f"{option} {value:g}: expected above 0 and up to {most:g}")
    return value


def _clip(source: Path | None) -> Path:
    from edgeenh_bench.targets.figures import CLIP

    if source is None and not CLIP.is_file():
        raise UsageError("there is no clip beside an installed edgeenh: give --source a video, e.g. clip.mp4")
    return source or CLIP


def scaling(
    model: ModelOption = None,
    backend: Annotated[
        str | None, typer.Option("--backend", metavar="NAME", help="Default: OpenVINO, else ONNX Runtime.")
    ] = None,
    seconds: SecondsOption = 5.0,
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="WxH,WxH", help="Sizes of the frames; default: 480p to 2160p.")
    ] = "",
    json_target: output.JsonOption = None,
) -> None:
    """Measure how cost grows with the size of the frame, threads, frames in flight and cameras.

    Exit: 0 done; 2 bad usage or input; 5 the backend cannot run.

    Example: edgeenh bench scaling --json scaling.json
    """
    from edgeenh_bench import scaling as work
    from edgeenh_bench.cli_results import finish
    from edgeenh_bench.scaling_table import render
    from edgeenh_bench.source_frames import parse_size

    chosen = [parse_size(size) for size in sizes.split(",") if size.strip()] or work.SIZES
    request = work.Request(model, backend, chosen, seconds)
    document = reported("scaling", lambda report: work.measure_scaling(request, report, datetime.now(UTC)))
    finish(render(document), document, json_target)
    output.next_step("edgeenh bench roofline")


def roofline(
    model: ModelOption = None,
    size: SizeOption = "1280x720",
    seconds: SecondsOption = 5.0,
    threads: ThreadCountOption = None,
    json_target: output.JsonOption = None,
) -> None:
    """Measure this machine's peak arithmetic and bandwidth, and the share of them that the graph reaches on OpenVINO, layer by layer.

    Exit: 0 done; 2 bad usage or input; 5 OpenVINO cannot run.

    Example: edgeenh bench roofline --size 1920x1080 --json roofline.json
    """
    from edgeenh_bench.roofline import Request, measure_roofline, render
    from edgeenh_bench.source_frames import parse_size

    request = Request(model, parse_size(size), seconds, threads)
    document = reported("roofline", lambda report: measure_roofline(request, report, datetime.now(UTC)))
    output.say(render(document))
    output.emit_json(json_target, document)
    output.next_step("edgeenh bench scaling")


MEASUREMENTS: dict[str, Callable[..., Any]] = {
    "peers": peers,
    "streams": streams,
    "scaling": scaling,
    "roofline": roofline,
}
