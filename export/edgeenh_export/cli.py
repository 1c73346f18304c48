"""`edgeenh export`: from a checkpoint to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgeenh.cli import output
from edgeenh.pixels import RGB

if TYPE_CHECKING:
    from edgeenh_export.report import ExportReport

_NEEDS = ("torch", "safetensors", "onnx", "onnxscript", "onnxruntime")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("export")(export)


def export(
    checkpoint: Path | None = typer.Argument(
        None, help="The .safetensors file of a training run; without it, the one that ships with edgeenh."
    ),
    fp16: bool = typer.Option(False, "--fp16", help="Write the FP16 graph beside the FP32 one (the default)."),
    fp32: bool = typer.Option(False, "--fp32", help="Write the FP32 graph alone."),
    int8: bool = typer.Option(False, "--int8", help="Not in this release."),
    size: list[str] = typer.Option(
        [], "--size", metavar="WxH", help="The only frame size; several: bounds. Without it any size works."
    ),
    tensorrt: str = typer.Option(
        "auto",
        "--tensorrt",
        metavar="T",
        help="Plan to add: auto (RTX where installed), rtx, full (for this GPU) or off.",
    ),
    calibration: Path | None = typer.Option(
        None, "--calibration", metavar="DIR", help="For --int8; not in this release."
    ),
    min_psnr: float = typer.Option(50.0, "--min-psnr", metavar="DB", help="Gate: least PSNR of FP16 against FP32."),
    min_ssim: float = typer.Option(0.995, "--min-ssim", metavar="S", help="Gate: least SSIM of FP16 against FP32."),
    out: Path | None = typer.Option(
        None, "--out", metavar="F.edgeenh", help="Where to; default: <model>.edgeenh here."
    ),
    json_target: output.JsonOption = None,
) -> None:
    """Turn a checkpoint into a bundle: ONNX in FP32 and FP16, judged by the gate, with a TensorRT plan where possible.

    Example: edgeenh export --fp16 --size 1280x720 --out out/m.edgeenh
    """
    from edgeenh.cli.interrupts import Interrupts
    from edgeenh_export import options

    precisions = options.choose_precisions(fp16=fp16, fp32=fp32, int8=int8 or calibration is not None)
    options.check_choice(tensorrt)
    options.check_thresholds(min_psnr, min_ssim)
    sizes = tuple(options.parse_size(text) for text in size)
    if checkpoint is not None:
        options.check_checkpoint_name(checkpoint)
    _check_installed()
    with Interrupts():  # a SIGTERM too then ends as a Ctrl-C does: nothing half-written
        _refuse_foreign(checkpoint)
        from edgeenh.drift import Thresholds
        from edgeenh_export import pipeline

        report = pipeline.export(
            checkpoint,
            out,
            precisions=precisions,
            sizes=sizes,
            tensorrt=tensorrt,
            thresholds=Thresholds(min_psnr, min_ssim),
            progress=lambda line: typer.echo(line, err=True),
            remark=output.remark,
        )
        _end(report, json_target)


def _refuse_foreign(checkpoint: Path | None) -> None:
    if checkpoint is not None and checkpoint.suffix.lower() == ".onnx":
        from edgeenh_export.foreign import refuse

        refuse(checkpoint)


def _check_installed() -> None:
    """Say which extra is missing, before anything of it is imported."""
    from importlib.util import find_spec

    from edgeenh.errors import MissingExtra

    if any(find_spec(name) is None for name in _NEEDS):
        raise MissingExtra("`edgeenh export`", "export")


def _end(report: ExportReport, json_target: str | None) -> None:
    output.emit_json(json_target, report.to_json())
    for line in report.lines():
        output.say(line)
    if report.bundle.manifest.pixels == RGB:
        width, height = _usual_size(report)
        output.next_step(f"edgeenh run synthetic:{width}x{height}@30 --frames 300 --model {report.bundle.path}")
    else:
        output.next_step(f"edgeenh enhance PICTURES --out DIR --model {report.bundle.path}")


def _usual_size(report: ExportReport) -> tuple[int, int]:
    """A frame size that the bundle takes: 1280×720 where it may, else its largest."""
    generator = report.bundle.manifest.generator
    usual = (1280, 720)
    inside = all(
        low <= side <= high for low, side, high in zip(generator.min_size, usual, generator.max_size, strict=True)
    )
    return usual if inside else generator.max_size
