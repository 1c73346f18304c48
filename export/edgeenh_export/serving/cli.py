"""`edgeenh export BUNDLE --triton DIR --openvino DIR`: the serving layouts of a bundle that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgeenh.cli import output
from edgeenh.errors import UsageError
from edgeenh_export.stated import is_stated, refuse_stated

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh_export.engines import Plans
    from edgeenh_export.serving.command import Layouts

_TAKEN = frozenset(
    {
        *("context", "checkpoint", "triton", "openvino", "triton_device", "triton_instances"),
        *("tensorrt", "public_key", "floor", "report", "json_target"),
    }
)
"""Parameters of `edgeenh export` that mean something for a bundle; any other one is refused, not ignored."""


def serve_bundle(
    context: typer.Context,
    path: Path,
    layouts: Layouts,
    tensorrt: str,
    public_key: Path | None,
    floor: str | None,
    report: Path | None,
    json_target: str | None,
) -> None:
    """Open a bundle as the station's options demand, and write its layouts.

    Raises:
        EdgeenhError: As `Bundle.open`, `write_layouts` and `build_plans`.
    """
    from edgeenh.loading import open_bundle
    from edgeenh_export.serving.command import write_layouts

    _refuse_others(context, path, layouts, tensorrt)
    bundle = open_bundle(path, public_key, floor)
    layouts.check()
    plans = _plans(bundle) if tensorrt == "full" else None
    served = write_layouts(bundle, layouts, plans, report=report, remark=output.remark)
    manifest = bundle.manifest
    output.emit_json(
        json_target,
        {
            "schema": "edgeenh.serve/1",
            "bundle": {"path": str(path), "id": manifest.id, "version": manifest.version, "sha256": bundle.sha256},
            "served": served.to_json(),
        },
    )
    for line in served.lines():
        output.say(line)
    if layouts.triton is not None:
        output.next_step(f"tritonserver --model-repository {layouts.triton.absolute()}")
    else:
        output.next_step(f"edgeenh inspect {path}")


def _refuse_others(context: typer.Context, path: Path, layouts: Layouts, tensorrt: str) -> None:
    if not layouts.any:
        raise UsageError(
            f"{path} is a bundle already: write it for a server with --triton DIR or --openvino DIR, judge it with --explain, or "
            "give the checkpoint or ONNX file that it was made from"
        )
    reason = f"{path} is a bundle, whose graphs stay as they are, so {{option}} means nothing"
    refuse_stated(context, context.params.keys() - _TAKEN, reason, "leave it out, or give a checkpoint")
    if is_stated(context, "tensorrt") and tensorrt not in ("full", "off"):
        raise UsageError(f"--tensorrt {tensorrt}: Triton runs plans of full TensorRT only, expected full or off")


def _plans(bundle: Bundle) -> Plans:
    """The plan of full TensorRT for the GPU of this machine, from the bundle's own graph.

    Raises:
        BackendUnavailable, JobFailed: As `build_plans`.
    """
    import time

    from edgeenh_export.engines import build_plans, require_flavour
    from edgeenh_export.options import PLAN_MAX_SIZE, Bounds
    from edgeenh_export.serving.triton import usual_size

    require_flavour("full")
    manifest, generator = bundle.manifest, bundle.manifest.generator
    precision = "fp16" if "fp16" in bundle.precisions else "fp32"
    fixed = generator.fixed_size
    smallest, largest, multiple = generator.min_size, generator.max_size, generator.size_multiple
    usual = fixed or usual_size(bundle)
    bounded = largest[0] <= PLAN_MAX_SIZE[0] and largest[1] <= PLAN_MAX_SIZE[1]
    asked = (fixed,) if fixed else ((usual, largest) if bounded else ())
    bounds = Bounds(smallest, usual, largest, asked, multiple)
    output.remark(f"building the TensorRT plan of {manifest.id} {manifest.version} for this GPU")
    begun = time.monotonic()
    plans = build_plans(
        "full",
        bundle.model(precision).onnx,
        precision,
        manifest.id,
        bounds,
        manifest.pixels,
        progress=lambda line: typer.echo(line, err=True),
    )
    output.remark(f"the plan took {time.monotonic() - begun:.0f} s")
    return plans
