"""The export, from a checkpoint or a model from elsewhere to the bundle, in one function."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from edgeenh.bundle import write_bundle
from edgeenh.drift import Thresholds
from edgeenh.environment import fingerprint
from edgeenh.picture_faults import as_levels
from edgeenh_export import options
from edgeenh_export.engines import build_plans, require_flavour
from edgeenh_export.execute import torch_threads
from edgeenh_export.gate import check_reference, compare
from edgeenh_export.gate.judge import Gate
from edgeenh_export.golden import golden_frames, golden_members, shipped_frames
from edgeenh_export.lower import Lower, add_half, add_int8
from edgeenh_export.manifest import drift_member, make_manifest, onnx_version
from edgeenh_export.model_card import NAME as MODEL_CARD
from edgeenh_export.precision.calibration import calibration_frames, picture_files
from edgeenh_export.report import ExportReport
from edgeenh_export.sources import open_source
from edgeenh_export.sources.overrides import ModuleSource, Overrides
from edgeenh_export.steps import Steps
from edgeenh_train.checkpoint import SHIPPED

DRIFT = "drift.json"

INT8_THRESHOLDS = Thresholds(min_psnr_db=42.0, min_ssim=0.98)
"""What INT8 must reach unless something else is asked for: 8 bits of features cannot give what 11 bits of FP16 do."""


def _silent(line: str) -> None:
    """Drop a line of progress."""


def export(
    checkpoint: Path | ModuleSource | None,
    out: Path | None,
    *,
    precisions: Sequence[str] = ("fp32", "fp16"),
    sizes: Sequence[options.Size] = (),
    tensorrt: str = "auto",
    compute_capabilities: Sequence[str] = (),
    overrides: Overrides | None = None,
    thresholds: Thresholds | None = None,
    int8_thresholds: Thresholds | None = None,
    calibration: Path | None = None,
    report: Path | None = None,
    progress: Callable[[str], None] = _silent,
    remark: Callable[[str], None] = _silent,
    now: datetime | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> ExportReport:
    """Make a bundle of a model. Nothing is written before everything has passed; an older bundle stays until then.

    Args:
        checkpoint: The .safetensors file of a training run; an .onnx file or a torch module that others made; None = the
            checkpoint that ships with `edgeenh_train`.
        out: Where to write; None = `<model's id>.edgeenh` in the working folder.
        precisions: `fp32` first, then `fp16` and `int8`, both, or neither.
        sizes: Frame sizes as (width, height), multiples of 8, or of what a model from elsewhere asks for. None: any size. One: that size only, a static graph.
            Several: a dynamic graph whose manifest and plan are bounded by them; the first is the one it is tuned for.
        tensorrt: `auto`, `off`, `rtx` or `full`; see `edgeenh_export.engines.build_plans`.
        compute_capabilities: GPUs that a plan of TensorRT-RTX is for, e.g. `8.6`; empty = all from 8.0 that it knows.
        overrides: What is known of a model from elsewhere; the rest is found out.
        thresholds: What the FP16 graph must reach against the FP32 graph; None = PSNR 50 dB, SSIM 0.995.
        int8_thresholds: What the INT8 graph must reach; None = `INT8_THRESHOLDS`.
        calibration: Folder of the user's pictures, for `int8`.
        report: Folder for the worst picture of each verdict, passed or not: reference, engine, 20 × their difference.
        progress: Takes a line at the beginning of each step.
        remark: Takes what the user should know and no step says.
        now: The time that the manifest carries; None = the system's.
        clock: Monotonic time in seconds, for the report.

    Raises:
        InputError: What was given cannot be used; of a model from elsewhere, why, or which option decides.
        GateFailed: A check failed; the message says which, where, and what to do.
        BackendUnavailable: ONNX Runtime, or the TensorRT that was asked for, is missing.
        JobFailed, OutputFailed: The exporter or a builder gave up, or the bundle could not be written.
    """
    limits, int8_limits = thresholds or Thresholds(), int8_thresholds or INT8_THRESHOLDS
    for asked in (limits, int8_limits):
        options.check_thresholds(**asked.to_json())
    options.check_precisions(precisions, calibration)
    options.check_choice(tensorrt)
    require_flavour(tensorrt, compute_capabilities)
    given = checkpoint or SHIPPED
    file = given if isinstance(given, Path) else given.weights
    options.check_checkpoint_name(file)
    if out is not None:
        options.check_out(out)
        options.check_apart(out, file)
    if calibration is not None:
        picture_files(calibration)
    steps = Steps(6 + len(precisions), progress, clock)

    with steps.step("read", f"reading {file.name}"):
        source = open_source(given, sizes, overrides or Overrides(), remark)
        info, macs = source.info, source.macs
        target = out or Path(f"{info.name}.edgeenh")
        options.check_out(target)
    with steps.step(*source.step), torch_threads(macs):
        source.prove()
        pixels, bounds = source.pixels, source.bounds
        frames = golden_frames(shipped_frames(pixels), bounds)
        pictures = [] if calibration is None else calibration_frames(calibration, pixels, bounds, remark)
    with steps.step("onnx_fp32", "writing the FP32 graph as ONNX"):
        lower = Lower({"fp32": source.write()})
    with (
        steps.step("reference", f"comparing the graph with {source.reference}, on the golden frames"),
        torch_threads(macs),
    ):
        exact = source.exact(frames)
        check_reference(frames, exact, pixels, source.scale)
        expected = [as_levels(picture, pixels.top) for picture in exact]
        gate = Gate(frames, limits, int8_limits, pixels, info.cap, source.test_size, source.scale, report)
        exact_graph, references = gate.judge("fp32", lower.graphs["fp32"], expected)
        parity = compare(frames, expected, references, pixels, source.reference)
    if "fp16" in precisions:
        with steps.step("onnx_fp16", "writing the FP16 graph as ONNX"), torch_threads(macs):
            add_half(lower, source, gate, references, remark)
    if "int8" in precisions:
        with steps.step("onnx_int8", "quantising to INT8, and timing it against FP32"):
            add_int8(lower, source, gate, references, pictures, remark)
    with steps.step("gate", f"gate: PSNR ≥ {limits.min_psnr_db:g} dB, SSIM ≥ {limits.min_ssim:g}"), torch_threads(macs):
        judged = [gate.require(one) for one in (exact_graph, *lower.judged)]
        judged += [
            gate.require(gate.judge(precision, lower.graphs[precision], references)[0]) for precision in precisions[1:]
        ]
    with steps.step("tensorrt", "TensorRT plan" if tensorrt != "off" else "no TensorRT plan (--tensorrt off)"):
        best = "fp16" if "fp16" in precisions else "fp32"  # TensorRT-RTX promises INT8 for products with constants only
        plans = build_plans(
            tensorrt,
            lower.graphs[best],
            best,
            info.name,
            bounds,
            pixels,
            compute_capabilities=compute_capabilities,
            progress=progress,
        )
        if plans.reason and tensorrt != "off":
            remark(f"no TensorRT plan in the bundle: {plans.reason}")
    with steps.step("write", f"writing {target}"):
        golden, members = golden_members(frames, references)
        files = {precision: f"generator.{precision}.onnx" for precision in precisions}
        members |= {files[precision]: lower.graphs[precision] for precision in precisions}
        members |= {plan.engine.file: plan.data for plan in plans.plans}
        members |= {DRIFT: drift_member(limits, judged, parity, lower), MODEL_CARD: source.card()}
        engines = [plan.engine for plan in plans.plans]
        described, version = source.describe(), onnx_version(lower.graphs["fp32"])
        moment = now or datetime.now(UTC)
        manifest = make_manifest(
            info,
            described,
            files,
            golden,
            judged,
            limits,
            engines,
            moment,
            pixels,
            version=version,
            int8_thresholds=int8_limits if "int8" in precisions else None,
        )
        bundle = write_bundle(target, manifest, members)
    return ExportReport(
        bundle, limits, tuple(judged), source.found(), parity, lower, plans, steps.seconds, steps.elapsed, fingerprint()
    )
