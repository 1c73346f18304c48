"""`edgeenh bench peers`, `scaling` and `roofline`: options, and what they print. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from edgeenh.cli import output
from edgeenh.cli.model import ModelOption, ThreadsOption

SizeOption = Annotated[str, typer.Option("--size", metavar="WxH", help="Size of the frames.")]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", metavar="SOURCE", help="Frames as `edgeenh run` takes them; default: golden frames."),
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
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="T", min=0.1, help="How long each row is measured.")
    ] = 10.0,
    threads: ThreadsOption = None,
    json_target: output.JsonOption = None,
) -> None:
    """Compare edgeenh with what one would use without it: bare runtimes, PyTorch, rivals' networks, OpenCV alone.

    Needs the extras train, export, cpu and openvino. Rows take turns; what cannot run is a row with its reason.

    Exit: 0 done; 2 bad usage or input; 5 none of ours can run.

    Example: edgeenh bench peers --size 1920x1080 --json peers.json
    """
    from edgeenh_bench.peers.comparison import Request, compare_peers
    from edgeenh_bench.peers.table import render
    from edgeenh_bench.source_frames import parse_size

    names = [name.strip() for name in only.split(",") if name.strip()]
    request = Request(model, source, parse_size(size), names, seconds, threads)
    document = reported("peers", lambda report: compare_peers(request, report, datetime.now(UTC)))
    output.say(render(document))
    output.emit_json(json_target, document)
    output.next_step("edgeenh bench roofline")


def scaling(
    model: ModelOption = None,
    backend: Annotated[
        str | None, typer.Option("--backend", metavar="NAME", help="Default: OpenVINO, else ONNX Runtime.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="T", min=0.1, help="How long each point is measured.")
    ] = 5.0,
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
    from edgeenh_bench.scaling_table import render
    from edgeenh_bench.source_frames import parse_size

    chosen = [parse_size(size) for size in sizes.split(",") if size.strip()] or work.SIZES
    request = work.Request(model, backend, chosen, seconds)
    document = reported("scaling", lambda report: work.measure_scaling(request, report, datetime.now(UTC)))
    output.say(render(document))
    output.emit_json(json_target, document)
    output.next_step("edgeenh bench roofline")


def roofline(
    model: ModelOption = None,
    size: SizeOption = "1280x720",
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="T", min=0.1, help="How long the graph is measured.")
    ] = 5.0,
    threads: ThreadsOption = None,
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


MEASUREMENTS: dict[str, Callable[..., Any]] = {"peers": peers, "scaling": scaling, "roofline": roofline}
