"""The export, from a checkpoint or a model from elsewhere to the bundle, in one function."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edgeenh.bundle import write_bundle
from edgeenh.drift import Thresholds
from edgeenh.environment import fingerprint
from edgeenh.picture_faults import as_levels
from edgeenh.pixels import Pixels
from edgeenh_export import options
from edgeenh_export.engines import build_plans, require_flavour
from edgeenh_export.execute import torch_threads
from edgeenh_export.gate import (
    Judged,
    check_reference,
    compare,
    judge_frames,
    judge_graph,
    require_passed,
    require_precision,
)
from edgeenh_export.golden import GoldenFrame, golden_frames, golden_members, shipped_frames
from edgeenh_export.manifest import drift_member, make_manifest, onnx_version
from edgeenh_export.model_card import NAME as MODEL_CARD
from edgeenh_export.report import ExportReport
from edgeenh_export.sources import open_source
from edgeenh_export.sources.overrides import ModuleSource, Overrides
from edgeenh_export.steps import Steps
from edgeenh_train.checkpoint import SHIPPED

if TYPE_CHECKING:
    from edgeenh.pixels import Levels
    from edgeenh_export.sources.source import Source

DRIFT = "drift.json"


def _silent(line: str) -> None:
    """Drop a line of progress."""


def export(
    checkpoint: Path | ModuleSource | None,
    out: Path | None,
    *,
    precisions: Sequence[str] = ("fp32", "fp16"),
    sizes: Sequence[options.Size] = (),
    tensorrt: str = "auto",
    overrides: Overrides | None = None,
    thresholds: Thresholds | None = None,
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
        precisions: `fp32` alone, or `fp32` and `fp16`.
        sizes: Frame sizes as (width, height), multiples of 16, or of what a model from elsewhere asks for. None: any size. One: that size only, a static graph.
            Several: a dynamic graph whose manifest and plan are bounded by them; the first is the one it is tuned for.
        tensorrt: `auto`, `off`, `rtx` or `full`; see `edgeenh_export.engines.build_plans`.
        overrides: What is known of a model from elsewhere; the rest is found out.
        thresholds: What the FP16 graph must reach against the FP32 graph; None = PSNR 50 dB, SSIM 0.995.
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
    limits = thresholds or Thresholds()
    options.check_thresholds(**limits.to_json())
    options.check_precisions(precisions)
    options.check_choice(tensorrt)
    require_flavour(tensorrt)
    given = checkpoint or SHIPPED
    file = given if isinstance(given, Path) else given.weights
    options.check_checkpoint_name(file)
    if out is not None:
        options.check_out(out)
        options.check_apart(out, file)
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
    graphs: dict[str, bytes] = {}
    for precision in precisions:
        with steps.step(f"onnx_{precision}", f"writing the {precision.upper()} graph as ONNX"):
            graphs[precision] = source.write(precision)
    with (
        steps.step("reference", f"comparing the graph with {source.reference}, on the golden frames"),
        torch_threads(macs),
    ):
        exact = source.exact(frames)
        check_reference(frames, exact, pixels, source.scale)
        expected = [as_levels(picture, pixels.top) for picture in exact]
        gate = _Gate(frames, limits, pixels, source, report)
        exact_graph, references = gate.judge("fp32", graphs["fp32"], expected)
        parity = compare(frames, expected, references, pixels, source.reference)
    with steps.step("gate", f"gate: PSNR ≥ {limits.min_psnr_db:g} dB, SSIM ≥ {limits.min_ssim:g}"), torch_threads(macs):
        judged = [gate.require(exact_graph)]
        if "fp16" in graphs:
            judged += [gate.require(stored) for stored in gate.in_half(references)]
            judged.append(gate.require(gate.judge("fp16", graphs["fp16"], references)[0]))
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
        members |= {DRIFT: drift_member(limits, judged, parity), MODEL_CARD: source.card()}
        engines = [plan.engine for plan in plans.plans]
        described, version = source.describe(), onnx_version(graphs["fp32"])
        moment = now or datetime.now(UTC)
        manifest = make_manifest(
            info, described, files, golden, judged, limits, engines, moment, pixels, version=version
        )
        bundle = write_bundle(target, manifest, members)
    return ExportReport(
        bundle, limits, tuple(judged), source.found(), parity, plans, steps.seconds, steps.elapsed, fingerprint()
    )


class _Gate(NamedTuple):
    """What every verdict of an export has in common."""

    frames: Sequence[GoldenFrame]
    thresholds: Thresholds
    pixels: Pixels
    source: Source
    report: Path | None

    def judge(self, precision: str, onnx: bytes, references: Sequence[Levels]) -> tuple[Judged, list[Levels]]:
        """The verdict on a graph in ONNX Runtime, and what it makes of the frames."""
        return judge_graph(
            onnx,
            precision,
            self.frames,
            references,
            self.thresholds,
            self.pixels,
            cap=self.source.info.cap,
            fixed=self.source.test_size,
            scale=self.source.scale,
        )

    def in_half(self, references: Sequence[Levels]) -> Iterator[Judged]:
        """The verdict on the source with its features really stored in FP16, where that can be computed."""
        stored = self.source.in_half(self.frames)
        if stored is not None:
            verdict = judge_frames(self.frames, references, stored, self.thresholds, self.pixels)
            yield Judged("fp16", "torch", verdict)

    def require(self, judged: Judged) -> Judged:
        """The verdict, when it is passed and the graph is of the precision that it is called by.

        Raises:
            GateFailed: It is not.
        """
        require_passed(judged, self.thresholds, self.pixels, self.report)
        if judged.arithmetic is not None:
            require_precision(judged.arithmetic, judged.precision)
        return judged
