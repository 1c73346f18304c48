"""`edgeenh run`: frames from a source through the enhancer into a sink."""

# ruff: noqa: ARG001 (the parameters of the command are taken from the context, with where each is from)

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from edgeenh.cli import output
from edgeenh.cli.model import (
    BackendOption,
    BitsOption,
    DeviceOption,
    FloorOption,
    ModelOption,
    PrecisionOption,
    PublicKeyOption,
    StrengthOption,
    ThreadsOption,
)

HELP = """Stream frames from SOURCE through a model, and account for every one of them.

SOURCE is a video, a picture, a folder of pictures, a glob, camera:0, gige:SERIAL, rtsp://HOST/PATH, http://HOST/PATH,
watch:FOLDER, a DICOM file or folder, dicom-listen:PORT, - for raw frames on stdin, or synthetic:1280x720@30;
docs/sources.md and docs/dicom.md have their options. When the model fails on a frame, the original goes out, flagged;
the model runs in a process of its own, which may die or hang without ending the run. A model for grey (X-ray) takes 8-
and 16-bit grey pictures.

Several sources share the model fairly, an exposure first; each has a folder of its own in --out and in --spool, and a
report. --mode exposure loses nothing, not by kill -9 nor by a power cut: each frame is in the folder --spool before anything
else is done with it, until it stands in --out; what a run left there the next one gives out.

--out may be given several times. It is a video (.mp4, .mov, .avi, or .mkv which is lossless), a folder, dicom:FOLDER,
dicom://AET@HOST:PORT, shm:NAME (shared memory for another program), preview:PORT (a
picture in the browser), - (raw frames on stdout; words then go to stderr), or null; docs/sinks.md. --http and --events tell
what the station does; --config has it all in one file; docs/monitoring.md, docs/station-config.md.

--fault plays faults while frames go on, to see how this station answers them: camera-lost@10s,worker-kill@20s,
model-nan@25s,slow-model@30s,disk-full@40s,clock-step@50s and others (docs/stream.md). Then 0 = each was answered as it
must be, 1 = one was not.

Exit: 0 done; 1 the job failed, a frame was not written, or in the modes offline and exposure a frame was lost or is not
enhanced; 2 bad usage or input; 4 the bundle is not what it says; 5 the backend is unavailable; 130 interrupted, within
two seconds, after a clean end and the report.

Example: edgeenh run clip.mp4 --out enhanced.mp4 --json report.json

Example: edgeenh run --config station.toml --dry-run

Example: edgeenh run watch:/srv/xray --mode exposure --spool /var/spool/edgeenh --out enhanced/
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", help=HELP)(run)


def run(
    context: typer.Context,
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help="Where frames come from.", show_default=False)
    ] = None,
    model: ModelOption = None,
    backend: BackendOption = "auto",
    precision: PrecisionOption = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", metavar="MODE", help="live, exposure or offline; default: live for a camera."),
    ] = None,
    spool: Annotated[
        Path | None,
        typer.Option("--spool", metavar="DIR", help="exposure: keeps each frame until it is written."),
    ] = None,
    max_age: Annotated[
        float, typer.Option("--max-age", metavar="MS", help="live: show nothing older than this.")
    ] = 250.0,
    strength: StrengthOption = None,
    out: Annotated[
        list[str] | None,
        typer.Option("--out", metavar="SINK", help="Where frames go, more than once if wanted; default: nowhere."),
    ] = None,
    frames: Annotated[int | None, typer.Option("--frames", metavar="N", help="Capture at most so many frames.")] = None,
    threads: ThreadsOption = None,
    device: DeviceOption = "auto",
    bits: BitsOption = None,
    public_key: PublicKeyOption = None,
    floor: FloorOption = None,
    raw: Annotated[
        str | None, typer.Option("--raw", metavar="WxH:FORMAT@FPS", help="What raw frames on stdin are.")
    ] = None,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="Run the model in this process: faster to start, contains nothing.")
    ] = False,
    watch_model: Annotated[
        bool, typer.Option("--watch-model", help="Go on with a newer bundle when the file of --model is replaced.")
    ] = False,
    drift_every: Annotated[
        int | None, typer.Option("--drift-every", metavar="N", help="Compare one in N frames with the FP32 reference.")
    ] = None,
    fault: Annotated[
        str | None,
        typer.Option("--fault", metavar="NAME@TIME,…", help="Rehearse: play faults, and judge how they are answered."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="F.toml", help="The station's file; options go before it.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what holds, and where it is from; run nothing.")
    ] = False,
    http: Annotated[
        str | None, typer.Option("--http", metavar="HOST:PORT", help="Serve /live, /ready and /metrics.")
    ] = None,
    events: Annotated[
        str | None, typer.Option("--events", metavar="FILE", help="Write events as JSON lines; - = stdout.")
    ] = None,
    json_target: output.JsonOption = None,
) -> int:
    """See `HELP`."""
    from edgeenh.cli.run_config import StationRun
    from edgeenh.cli.run_station import run_station

    named = [
        name for name in context.params if (found := context.get_parameter_source(name)) and found.name != "DEFAULT"
    ]
    station = StationRun(config, context.params, set(named))
    if dry_run:
        output.say(station.shown().rstrip())
        output.next_step(f"edgeenh run --config {shlex.quote(str(config or 'station.toml'))}")
        return 0
    return run_station(station.config.one("monitoring"), **station.options())
