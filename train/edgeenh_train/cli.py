"""`edgeenh train`: options in, a run's folder out. Imports nothing heavy; torch is loaded when a run begins."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeenh.cli import output
from edgeenh.cli.output import JsonOption
from edgeenh.errors import MissingExtra, UsageError
from edgeenh_train.config import CAMERA_NAMES, METHOD_NAMES, PRESETS, RIVAL_NAMES, remarks_on, resolve

if TYPE_CHECKING:
    from edgeenh.cli.progress import Progress as Bar
    from edgeenh_train.config import TrainConfig
    from edgeenh_train.loop import Progress, Report

_NEEDS = ("torch", "lightning_fabric", "safetensors", "kornia", "tensorboard")
_SPEED = ("images_per_second", "data_wait")


def register(app: typer.Typer) -> None:
    """Add `train` to the application."""
    app.command("train")(_train)


def _train(
    low: Annotated[Path | None, typer.Option(help="Folder of pictures to improve.", metavar="DIR")] = None,
    high: Annotated[Path | None, typer.Option(help="Folder of good pictures, of other scenes.", metavar="DIR")] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Folder with input/ and truth/, the same names in both.", metavar="DIR")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the run.", metavar="DIR")] = Path("runs/train"),
    preset: Annotated[str, typer.Option(help=f"Starting point: {', '.join(PRESETS)}.")] = "default",
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings; --dry-run prints them all.", metavar="F.toml")
    ] = None,
    method: Annotated[str | None, typer.Option(help=f"How to train: {', '.join(METHOD_NAMES)}.")] = None,
    variant: Annotated[str | None, typer.Option(help="Size of the generator: n, s, m or seed.")] = None,
    camera: Annotated[
        str | None, typer.Option(help=f"Makes pairs of good pictures: {', '.join(CAMERA_NAMES)}.")
    ] = None,
    images: Annotated[int | None, typer.Option(help="Pictures to see in all.", min=1)] = None,
    epochs: Annotated[int | None, typer.Option(help="The same, in passes over the folder to improve.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, order and views.", min=0)] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads; default: all cores.", min=1)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved settings and stop.")] = False,
    json_target: JsonOption = None,
) -> int | None:
    """Train an enhancer on pictures: unpaired, paired, or with a camera model.

    Example: edgeenh train --low photos/dim --high photos/good --variant n --images 24000 --out runs/mine
    """
    if images is not None and epochs is not None:
        raise UsageError("--images and --epochs say the same thing twice; give one of them")
    named = {"method": method, "variant": variant, "camera": camera, "images": images, "seed": seed}
    options: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    if epochs is not None:
        options["images"] = epochs * _count_pictures(_improved(low, high, pairs))
    if images is not None or epochs is not None:
        options |= {"constant_epochs": 0, "decay_epochs": 0}  # a length by hand replaces a preset's epochs
    resolved = resolve(preset, config, options)
    if dry_run:
        _say_config(resolved, json_target)
        return None
    report = _run(resolved, (low, high, pairs), out, device=device, threads=threads, resume=resume)
    if not _speaks():
        return None if report.finished else 130
    output.emit_json(json_target, _document(report, resolved))
    return _conclude(report, resolved)


def _speaks() -> bool:
    """Whether this process is the only one, or the first that `torchrun` started: the others would say everything again."""
    return os.environ.get("RANK", "0") == "0"


def _improved(low: Path | None, high: Path | None, pairs: Path | None) -> Path:
    folder = low or (pairs / "input" if pairs else high)
    if folder is None:
        raise UsageError("--epochs counts passes over a folder, and none was given; expected --low, --pairs or --high")
    return folder


def _run(
    config: TrainConfig, folders: tuple[Path | None, Path | None, Path | None], out: Path, *, device: str,
    threads: int | None, resume: bool,
) -> Report:  # fmt: skip
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtra("`edgeenh train`", "train")
    import torch

    from edgeenh_train.data import Folders
    from edgeenh_train.loop import train

    if threads is not None:
        torch.set_num_threads(threads)
    if not _speaks():
        return train(config, Folders(*folders), out, device=device, resume=resume)
    output.remark(f"training {config.method}, camera {config.camera}, into {out}; Ctrl-C saves and stops")
    for line in remarks_on(config):
        output.remark(line)
    with ExitStack() as bars, output.progress("read", None, "pictures") as reading:
        return train(
            config, Folders(*folders), out, device=device, resume=resume,
            progress=_shown(bars, reading), loading=lambda done, _total: reading.update(done),
        )  # fmt: skip


def _shown(bars: ExitStack, reading: Bar) -> Progress:
    bar: list[Bar] = []

    def show(images: int, total: int, figures: dict[str, float]) -> None:
        if not bar:  # the run's length is known once the folders are read
            reading.__exit__(None, None, None)  # two live bars would draw over each other
            bar.append(bars.enter_context(output.progress("train", total, "images")))
        words = [f"{name} {value:.3f}" for name, value in figures.items() if name not in _SPEED]
        bar[0].update(images, note=", ".join([f"data wait {100 * figures['data_wait']:.0f} %", *words]))

    return show


def _conclude(report: Report, config: TrainConfig) -> int | None:
    for line in report.remarks:
        output.remark(line)
    for name, value in report.losses.items():
        if name not in _SPEED and math.isfinite(value):
            output.remark(f"{name}: {value:.4f}")
    if report.images_per_second:
        output.remark(f"{report.images_per_second:.1f} images/s, data wait {100 * report.data_wait_share:.0f} %")
    sheets = report.out / "samples"
    samples = f"; sample sheets in {sheets}" if sheets.is_dir() else ""
    output.say(f"{report.checkpoint}  ({report.images} pictures seen{samples})")
    if report.finished and config.method in RIVAL_NAMES:  # which is there to be compared with, and is not exported
        output.next_step(f"edgeenh evaluate PAIRS --model {report.checkpoint}")
        return None
    if report.finished:
        output.next_step(f"edgeenh export {report.checkpoint} --fp16 --out {report.out / 'model.edgeenh'}")
        return None
    output.next_step("the same command with --resume")
    return 130


def _say_config(config: TrainConfig, json_target: str | None) -> None:
    fields = dataclasses.asdict(config)
    output.emit_json(json_target, {"schema": "edgeenh.train.config/1", **fields})
    for key, value in fields.items():
        output.say(f"{key} = {_toml(value)}")


def _toml(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def _document(report: Report, config: TrainConfig) -> dict[str, Any]:
    fields = dataclasses.asdict(report)
    return {
        "schema": "edgeenh.train/1",
        **{key: str(value) if isinstance(value, Path) else value for key, value in fields.items()},
        "config": dataclasses.asdict(config),
    }


def _count_pictures(folder: Path) -> int:
    from edgeenh_train.data.folder import picture_files

    return len(picture_files(folder))
