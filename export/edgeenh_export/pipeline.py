"""The export, from the checkpoint to the bundle, in one function."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.bundle import write_bundle
from edgeenh.drift import Thresholds
from edgeenh.environment import fingerprint
from edgeenh.picture_faults import as_levels
from edgeenh.pixels import Pixels
from edgeenh_export import options
from edgeenh_export.cost import macs_per_pixel
from edgeenh_export.engines import build_plans, require_flavour
from edgeenh_export.execute import (
    BACKEND,
    OnnxRunner,
    as_tensor,
    pixels_of,
    run_generator,
    run_unclamped,
    torch_threads,
)
from edgeenh_export.fold import FOLD_TOLERANCE, check_fold, fold, fold_error
from edgeenh_export.gate import Judged, check_identity, check_reference, compare, judge_frames, require_passed
from edgeenh_export.golden import GoldenFrame, golden_frames, golden_members, shipped_frames
from edgeenh_export.graph import FrameGraph
from edgeenh_export.manifest import check_info, describe_generator, drift_member, make_manifest, onnx_metadata
from edgeenh_export.model_card import NAME as MODEL_CARD
from edgeenh_export.model_card import model_card
from edgeenh_export.onnx_writer import write_onnx
from edgeenh_export.report import ExportReport
from edgeenh_export.steps import Steps
from edgeenh_train import networks
from edgeenh_train.checkpoint import SHIPPED, load_generator

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

DRIFT = "drift.json"
_FOLD_SIZE = (320, 256)
"""Frames are cut to this for the check of the fold: whether two networks are one shows on any picture."""


def _silent(line: str) -> None:
    """Drop a line of progress."""


def export(
    checkpoint: Path | None,
    out: Path | None,
    *,
    precisions: Sequence[str] = ("fp32", "fp16"),
    sizes: Sequence[options.Size] = (),
    tensorrt: str = "auto",
    thresholds: Thresholds | None = None,
    progress: Callable[[str], None] = _silent,
    remark: Callable[[str], None] = _silent,
    now: datetime | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> ExportReport:
    """Make a bundle of a checkpoint. Nothing is written before everything has passed; an older bundle stays until then.

    Args:
        checkpoint: The .safetensors file of a training run; None = the one that ships with `edgeenh_train`.
        out: Where to write; None = `<model's id>.edgeenh` in the working folder.
        precisions: `fp32` alone, or `fp32` and `fp16`.
        sizes: Frame sizes as (width, height), multiples of 16. None: any size. One: that size only, a static graph.
            Several: a dynamic graph whose manifest and plan are bounded by them; the first is the one it is tuned for.
        tensorrt: `auto`, `off`, `rtx` or `full`; see `edgeenh_export.engines.build_plans`.
        thresholds: What the FP16 graph must reach against the FP32 graph; None = PSNR 50 dB, SSIM 0.995.
        progress: Takes a line at the beginning of each step.
        remark: Takes what the user should know and no step says.
        now: The time that the manifest carries; None = the system's.
        clock: Monotonic time in seconds, for the report.

    Raises:
        CheckpointError, UsageError: What was given cannot be used.
        GateFailed: A check failed; the message says which, where, and what to do.
        BackendUnavailable: ONNX Runtime, or the TensorRT that was asked for, is missing.
        JobFailed, OutputFailed: The exporter or a builder gave up, or the bundle could not be written.
    """
    limits = thresholds or Thresholds()
    options.check_thresholds(limits.min_psnr_db, limits.min_ssim)
    options.check_precisions(precisions)
    options.check_choice(tensorrt)
    require_flavour(tensorrt)
    bounds = options.bounds(sizes)
    source = checkpoint or SHIPPED
    options.check_checkpoint_name(source)
    if out is not None:
        options.check_out(out)
        options.check_apart(out, source)
    steps = Steps(6 + len(precisions), progress, clock)

    with steps.step("read", f"reading the checkpoint {source.name}"):
        generator, info = load_generator(source)
        check_info(source, info)
        macs, pixels = macs_per_pixel(generator), pixels_of(generator)
        target = out or Path(f"{info.name}.edgeenh")
        options.check_out(target)
        frames = golden_frames(shipped_frames(pixels), bounds)
    with steps.step("fold", "folding, and comparing with the unfolded generator"), torch_threads(macs):
        folded = fold(generator)
        crops = [as_tensor(frame.image[: _FOLD_SIZE[1], : _FOLD_SIZE[0]]) / pixels.top for frame in frames]
        error = fold_error(generator, folded, crops)
        check_fold(error)
    graphs: dict[str, bytes] = {}
    for precision in precisions:
        with steps.step(f"onnx_{precision}", f"writing the {precision.upper()} graph as ONNX"):
            graph = FrameGraph(folded, precision)
            graphs[precision] = write_onnx(
                graph, bounds.fixed, onnx_metadata(info, precision), name=info.name, version=info.version
            )
    with steps.step("reference", "comparing ONNX Runtime with PyTorch on the golden frames"), torch_threads(macs):
        exact = run_generator(generator, frames)
        check_reference(frames, exact, pixels)
        in_torch = [as_levels(picture, pixels.top) for picture in exact]
        references = _references(graphs["fp32"], frames, bounds, pixels)
        parity = compare(frames, in_torch, references, pixels)
    with steps.step("gate", f"gate: PSNR ≥ {limits.min_psnr_db:g} dB, SSIM ≥ {limits.min_ssim:g}"), torch_threads(macs):
        judged = [Judged("fp32", BACKEND, judge_frames(frames, in_torch, references, limits, pixels))]
        require_passed(judged[0], limits)
        if "fp16" in graphs:
            judged += _gate(folded, graphs["fp16"], frames, references, limits, bounds)
    with steps.step("tensorrt", "TensorRT plan" if tensorrt != "off" else "no TensorRT plan (--tensorrt off)"):
        best = precisions[-1]
        plans = build_plans(tensorrt, graphs[best], best, info.name, bounds, pixels)
        if plans.reason and tensorrt != "off":
            remark(f"no TensorRT plan in the bundle: {plans.reason}")
    with steps.step("write", f"writing {target}"):
        golden, members = golden_members(frames, references)
        files = {precision: f"generator.{precision}.onnx" for precision in precisions}
        members |= {files[precision]: onnx for precision, onnx in graphs.items()}
        members |= {plan.engine.file: plan.data for plan in plans.plans}
        members |= {DRIFT: drift_member(limits, judged, parity), MODEL_CARD: model_card(source, info)}
        engines = [plan.engine for plan in plans.plans]
        described = describe_generator(generator, folded, info, bounds)
        moment = now or datetime.now(UTC)
        bundle = write_bundle(
            target, make_manifest(info, described, files, golden, judged, limits, engines, moment, pixels), members
        )
    return ExportReport(
        bundle, limits, tuple(judged), error, FOLD_TOLERANCE, parity, plans, steps.seconds, steps.elapsed, fingerprint()
    )


def _references(onnx: bytes, frames: Sequence[GoldenFrame], bounds: options.Bounds, pixels: Pixels) -> list[Levels]:
    """The golden references: what the FP32 graph makes of the frames, after proving that strength 0 changes nothing."""
    with OnnxRunner(onnx, "fp32", "the FP32 graph", pixels) as run:
        check_identity(run, "FP32", bounds.fixed, pixels)
        return [run(frame.image) for frame in frames]


def _gate(
    folded: networks.Generator,
    onnx: bytes,
    frames: Sequence[GoldenFrame],
    references: Sequence[Levels],
    thresholds: Thresholds,
    bounds: options.Bounds,
) -> list[Judged]:
    """The verdicts on the FP16 graph, in torch and in ONNX Runtime."""
    graph = FrameGraph(folded, "fp16")
    pixels, stored = graph.pixels, run_unclamped(graph, frames)
    judged = [Judged("fp16", "torch", judge_frames(frames, references, stored, thresholds, pixels))]
    require_passed(judged[-1], thresholds)
    with OnnxRunner(onnx, "fp16", "the FP16 graph", pixels) as run:
        check_identity(run, "FP16", bounds.fixed, pixels)
        results = (run(frame.image) for frame in frames)
        judged.append(Judged("fp16", BACKEND, judge_frames(frames, references, results, thresholds, pixels)))
    require_passed(judged[-1], thresholds)
    return judged
