"""`edgeenh export`: from a checkpoint to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgeenh.cli import output
from edgeenh.cli.model import FloorOption, PublicKeyOption
from edgeenh.pixels import RGB
from edgeenh_export.sources.overrides import parse_overrides
from edgeenh_export.stated import refuse_stated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgeenh.bundle import Bundle
    from edgeenh_export.options import Size
    from edgeenh_export.report import ExportReport
    from edgeenh_export.serving.command import Layouts
    from edgeenh_export.sources.overrides import ModuleSource, Overrides
    from edgeenh_export.up_to_date import Exports

_NEEDS = ("torch", "safetensors", "onnx", "onnxscript", "onnxruntime")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("export")(export)


def export(
    context: typer.Context,
    checkpoint: Path | None = typer.Argument(
        None,
        help="A training run's .safetensors, or any image-to-image .onnx; without it, the one that ships with edgeenh. "
        "With --triton or --openvino a bundle too.",
    ),
    fp16: bool = typer.Option(
        False, "--fp16", help="Write the FP16 graph beside the FP32 one (the default without --int8)."
    ),
    fp32: bool = typer.Option(False, "--fp32", help="Write the FP32 graph alone."),
    int8: bool = typer.Option(
        False, "--int8", help="Write an INT8 graph for CPUs; with --fp16 both. Needs --calibration."
    ),
    size: list[str] = typer.Option(
        [], "--size", metavar="WxH", help="The only frame size; several: bounds. Without it any size works."
    ),
    module: str | None = typer.Option(
        None, "--module", metavar="PKG.MOD:FACTORY", help="A torch generator of your own, made by calling FACTORY()."
    ),
    weights: Path | None = typer.Option(
        None, "--weights", metavar="F.safetensors", help="With --module: its weights, every one of them."
    ),
    layout: str | None = typer.Option(
        None, "--layout", metavar="L", help="Of a model from elsewhere: NCHW or NHWC; IN:OUT where they differ."
    ),
    value_range: str | None = typer.Option(
        None, "--range", metavar="R", help="Likewise: unit (0 to 1), signed (-1 to 1) or byte (0 to 255); IN:OUT."
    ),
    colour: str | None = typer.Option(None, "--colour", metavar="C", help="Likewise: RGB or BGR; IN:OUT."),
    scale: int | None = typer.Option(None, "--scale", metavar="N", help="Likewise: how many times larger it gives."),
    cap: float | None = typer.Option(
        None, "--cap", metavar="C", help="Likewise: largest change of a value, 0 to 1 of the full range; default: 1."
    ),
    triton: Path | None = typer.Option(
        None, "--triton", metavar="DIR", help="Add the model to this Triton model repository, as its next version."
    ),
    openvino: Path | None = typer.Option(
        None, "--openvino", metavar="DIR", help="Write OpenVINO's IR below this folder, read back and judged."
    ),
    triton_device: str = typer.Option("gpu", "--triton-device", metavar="D", help="Where Triton runs it: gpu or cpu."),
    triton_instances: int = typer.Option(1, "--triton-instances", metavar="N", help="How many of it Triton keeps."),
    compute_capability: str | None = typer.Option(
        None,
        "--compute-capability",
        metavar="C,C",
        help="GPUs that the plan of TensorRT-RTX is for, e.g. 8.6,8.9; default: all from 8.0 that it knows.",
    ),
    public_key: PublicKeyOption = None,
    floor: FloorOption = None,
    tensorrt: str = typer.Option(
        "auto",
        "--tensorrt",
        metavar="T",
        help="Plan to add: auto (RTX where installed), rtx, full (for this GPU) or off.",
    ),
    calibration: Path | None = typer.Option(
        None, "--calibration", metavar="DIR", help="For --int8: pictures like those of the station, 16 or more."
    ),
    min_psnr: float | None = typer.Option(
        None, "--min-psnr", metavar="DB", help="Gate: least PSNR against FP32; default: FP16 50, INT8 42."
    ),
    min_ssim: float | None = typer.Option(
        None, "--min-ssim", metavar="S", help="Gate: least SSIM against FP32; default: FP16 0.995, INT8 0.98."
    ),
    max_difference: float | None = typer.Option(
        None,
        "--max-difference",
        metavar="STEPS",
        help="Gate: largest difference of one value, in steps of 8 bits; default: 32.",
    ),
    max_share_off: float | None = typer.Option(
        None, "--max-share-off", metavar="S", help="Gate: largest share of pixels off by more than 1; else not asked."
    ),
    max_mean_shift: float | None = typer.Option(
        None, "--max-mean-shift", metavar="STEPS", help="Gate: largest mean shift of a channel; else not asked."
    ),
    report: Path | None = typer.Option(
        None,
        "--report",
        metavar="DIR",
        help="Write the worst pictures here: reference, engine, 20 × their difference; with --explain what it found.",
    ),
    out: Path | None = typer.Option(
        None, "--out", metavar="F.edgeenh", help="Where to; default: <model>.edgeenh here."
    ),
    force: bool = typer.Option(
        False, "--force", help="Export also where the same export was done here and its bundle is unchanged."
    ),
    explain: bool = typer.Option(
        False, "--explain", help="Export nothing: say why an engine differs on this bundle, checkpoint or model."
    ),
    backend: str | None = typer.Option(
        None, "--backend", metavar="B", help="With --explain: onnxruntime (the default), openvino or tensorrt."
    ),
    precision: str | None = typer.Option(
        None, "--precision", metavar="P", help="With --explain: fp32, fp16, bf16 or int8; default: fp16 where B has it."
    ),
    json_target: output.JsonOption = None,
) -> None:
    """Turn a model into a bundle: ONNX in FP32 and FP16, judged by the gate, with a TensorRT plan where possible.

    Example: edgeenh export --fp16 --size 1280x720 --out out/m.edgeenh

    Example: edgeenh export --int8 --calibration pictures/ --out out/m.edgeenh

    Example: edgeenh export --explain m.edgeenh --backend openvino

    Example: edgeenh export m.edgeenh --triton /srv/models
    """
    if explain or backend is not None or precision is not None:
        from edgeenh_export.explain.cli import explain_model, refuse_others

        refuse_others(context, checkpoint)
        overrides = parse_overrides(layout, value_range, colour, scale, cap)
        given = _given(checkpoint, module, weights)
        _check_installed()
        explain_model(
            given,
            backend,
            precision,
            report,
            json_target,
            asked=explain,
            public_key=public_key,
            floor=floor,
            overrides=overrides,
        )
        return
    from edgeenh.cli.interrupts import Interrupts
    from edgeenh_export.serving.command import Layouts

    layouts = Layouts(triton, openvino, triton_device, triton_instances)
    if checkpoint is not None and _names_bundle(checkpoint):
        from edgeenh_export.serving.cli import serve_bundle

        with Interrupts():
            serve_bundle(context, checkpoint, layouts, tensorrt, public_key, floor, report, json_target)
        return
    from edgeenh_export import options
    from edgeenh_export.sources import is_foreign

    refuse_stated(
        context, ("public_key", "floor"), "{option} is what a station demands of a bundle, and this makes one"
    )
    if triton is None:
        refuse_stated(
            context, ("triton_device", "triton_instances"), "{option} is for --triton", "give both, or neither"
        )
    targets = options.parse_capabilities(compute_capability, tensorrt)
    precisions = options.choose_precisions(fp16=fp16, fp32=fp32, int8=int8)
    options.check_precisions(precisions, calibration)
    options.check_choice(tensorrt)
    asked = options.asked_thresholds(min_psnr, min_ssim, max_difference, max_share_off, max_mean_shift)
    given = _given(checkpoint, module, weights)
    overrides = parse_overrides(layout, value_range, colour, scale, cap)
    multiple = options.SIZE_MULTIPLE if given is None or (isinstance(given, Path) and not is_foreign(given)) else 1
    sizes = tuple(options.parse_size(text, multiple) for text in size)
    _check_installed()
    layouts.check()
    wanted_plan = " ".join((tensorrt, *targets))
    remembered = _remembered(given, out, precisions, sizes, wanted_plan, overrides, asked, calibration)
    serves_plan = triton is not None and tensorrt == "full"  # taken from the builder's hand, not out of a file
    if remembered is not None and not force and report is None and not serves_plan:
        done = remembered.recall(out)
        if done is not None:
            _up_to_date(done, layouts, json_target)
            return
    with Interrupts():  # a SIGTERM too then ends as a Ctrl-C does: nothing half-written
        from dataclasses import replace

        from edgeenh.drift import Thresholds
        from edgeenh_export import pipeline

        exported = pipeline.export(
            given,
            out,
            precisions=precisions,
            sizes=sizes,
            tensorrt=tensorrt,
            compute_capabilities=targets,
            overrides=overrides,
            thresholds=Thresholds(**asked),
            int8_thresholds=replace(pipeline.INT8_THRESHOLDS, **asked),
            calibration=calibration,
            report=report,
            progress=lambda line: typer.echo(line, err=True),
            remark=output.remark,
        )
        if remembered is not None:
            remembered.remember(exported.bundle)
            for line in remembered.remarks:
                output.remark(line)
        _end(exported, layouts, report, json_target)


def _given(checkpoint: Path | None, module: str | None, weights: Path | None) -> Path | ModuleSource | None:
    """What is to be exported; None = the checkpoint that ships."""
    from edgeenh.errors import UsageError
    from edgeenh_export import options
    from edgeenh_export.sources.overrides import ModuleSource

    if (module is None) != (weights is None):
        raise UsageError("--module and --weights go together: the code of the network, and its .safetensors file")
    if checkpoint is not None and module is not None:
        raise UsageError("--module and a CHECKPOINT exclude each other: give the weights of the module with --weights")
    if weights is not None:
        options.check_weights_name(weights)
    elif checkpoint is not None and not _names_bundle(checkpoint):
        options.check_checkpoint_name(checkpoint)
    return checkpoint if module is None or weights is None else ModuleSource(module, weights)


def _names_bundle(path: Path) -> bool:
    """Whether it is a bundle by its name: one of its own, or that of one that ships where no file lies in the way."""
    from edgeenh.bundle.reader import SHIPPED_NAMES, SUFFIX

    return path.suffix == SUFFIX or (str(path) in SHIPPED_NAMES and not path.exists())


def _remembered(
    given: Path | ModuleSource | None,
    out: Path | None,
    precisions: Sequence[str],
    sizes: Sequence[Size],
    tensorrt: str,
    overrides: Overrides,
    asked: Mapping[str, float],
    calibration: Path | None,
) -> Exports | None:
    """What this station remembers of such exports; None where that cannot be known: of a torch module of the user's."""
    from edgeenh.loading import cache_folder
    from edgeenh_export.up_to_date import Exports, inputs_of
    from edgeenh_train.shipped import SHIPPED

    model = SHIPPED if given is None else given
    if not isinstance(model, Path):
        return None
    try:
        key = inputs_of(
            model,
            out,
            precisions=precisions,
            sizes=sizes,
            tensorrt=tensorrt,
            overrides=overrides,
            thresholds=asked,
            calibration=calibration,
        )
    except OSError:
        return None  # the export itself says what cannot be read
    return Exports(cache_folder(), key)


def _up_to_date(bundle: Bundle, layouts: Layouts, json_target: str | None) -> None:
    from edgeenh_export.serving.command import write_layouts

    served = write_layouts(bundle, layouts, remark=output.remark)
    manifest = bundle.manifest
    document = {
        "schema": "edgeenh.export/1",
        "up_to_date": True,
        "bundle": {
            "path": str(bundle.path),
            "id": manifest.id,
            "version": manifest.version,
            "sha256": bundle.sha256,
            "bytes": bundle.size,
        },
        "precisions": list(bundle.precisions),
        "gate": manifest.document()["gate"],
        **({"served": served.to_json()} if layouts.any else {}),
    }
    output.emit_json(json_target, document)
    output.say(
        f"{bundle.path}: {manifest.id} {manifest.version}, {', '.join(bundle.precisions)}, is up to date: the same inputs, tools and "
        f"machine as when it was exported ({manifest.created}), and every byte verified; --force exports again"
    )
    for line in served.lines():
        output.say(line)
    output.next_step(f"edgeenh inspect {bundle.path}")


def _check_installed() -> None:
    """Say which extra is missing, before anything of it is imported."""
    from importlib.util import find_spec

    from edgeenh.errors import MissingExtra

    if any(find_spec(name) is None for name in _NEEDS):
        raise MissingExtra("`edgeenh export`", "export")


def _end(report: ExportReport, layouts: Layouts, evidence: Path | None, json_target: str | None) -> None:
    from edgeenh_export.serving.command import write_layouts

    served = write_layouts(report.bundle, layouts, report.engines, report=evidence, remark=output.remark)
    output.emit_json(json_target, report.to_json() | ({"served": served.to_json()} if layouts.any else {}))
    for line in (*report.lines(), *served.lines()):
        output.say(line)
    manifest = report.bundle.manifest
    if manifest.pixels == RGB and manifest.generator.scale == 1:
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
