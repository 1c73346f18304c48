"""What `edgeenh export --triton DIR --openvino DIR` does, after an export or with a bundle that is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh_export.serving.folders import Written, check_folder, write_models

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh_export.engines import Plans


@dataclass(frozen=True, slots=True)
class Layouts:
    """The serving layouts that were asked for.

    Attributes:
        triton: Folder of the Triton model repository; None = none.
        openvino: Folder for OpenVINO's IR; None = none.
        device: Where Triton's instances run, `gpu` or `cpu`.
        instances: How many there are of each model.
    """

    triton: Path | None = None
    openvino: Path | None = None
    device: str = "gpu"
    instances: int = 1

    @property
    def any(self) -> bool:
        """Whether one was asked for."""
        return self.triton is not None or self.openvino is not None

    def check(self) -> None:
        """Prove before the work that they can be written.

        Raises:
            UsageError, OutputFailed: A folder cannot be one, or an option is not known.
            BackendUnavailable: OpenVINO is asked for and missing.
        """
        from edgeenh.errors import UsageError
        from edgeenh_export.serving.openvino_ir import require_openvino
        from edgeenh_export.serving.triton import check_kind

        check_kind(self.device, self.instances)
        for folder, option in ((self.triton, "--triton"), (self.openvino, "--openvino")):
            if folder is not None:
                check_folder(folder, option)
        if self.triton is not None and self.openvino is not None and self.triton.resolve() == self.openvino.resolve():
            raise UsageError("--triton and --openvino name the same folder: give each its own")
        if self.openvino is not None:
            require_openvino()


@dataclass(frozen=True, slots=True)
class Served:
    """What was written, for people and as JSON."""

    triton: Sequence[Written]
    openvino: Sequence[Written]
    plan_reason: str

    def lines(self) -> Iterator[str]:
        """The result for people."""
        for what, written in (("Triton", self.triton), ("OpenVINO IR", self.openvino)):
            for one in written:
                state = "" if one.added else ", which was there already"
                yield f"{what}: {one.path}{state}"

    def to_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "triton": [_json(one) for one in self.triton],
            "openvino": [_json(one) for one in self.openvino],
            "triton_plan_reason": self.plan_reason,
        }


def _silent(line: str) -> None:
    """Drop a remark."""


def write_layouts(
    bundle: Bundle,
    layouts: Layouts,
    plans: Plans | None = None,
    *,
    report: Path | None = None,
    remark: Callable[[str], None] = _silent,
) -> Served:
    """Write the layouts of a bundle; nothing of one is there before all of it passed.

    Args:
        bundle: Open, so every byte of it is verified.
        layouts: Which, and where to.
        plans: Plans that were built just now; those in the bundle are taken only where its signature was demanded.
        report: Folder for the worst picture of what OpenVINO makes of the golden frames.
        remark: Takes why there is no TensorRT plan in the Triton repository.

    Raises:
        UsageError, OutputFailed: A place cannot be written to, or holds something else.
        GateFailed: The IR is not right.
        BackendUnavailable: OpenVINO is missing.
    """
    from edgeenh_export.serving import openvino_ir, triton

    ir = openvino_ir.ir_models(bundle, report) if layouts.openvino is not None else []
    served, reason = [], ""
    if layouts.triton is not None:
        served = triton.onnx_models(bundle, layouts.device, layouts.instances)
        found, reason = _plans_for(bundle, plans)
        served += [triton.plan_model(bundle, engine, data, layouts.instances) for engine, data in found]
        if reason:
            remark(f"no TensorRT model in the Triton repository: {reason}")
    return Served(
        write_models(layouts.triton, served) if layouts.triton is not None else (),
        write_models(layouts.openvino, ir) if layouts.openvino is not None else (),
        reason,
    )


def _plans_for(bundle: Bundle, plans: Plans | None) -> tuple[list[tuple[Any, bytes]], str]:
    """Plans of full TensorRT that may be served, or why there is none."""
    fresh = [(plan.engine, plan.data) for plan in (plans.plans if plans else ()) if plan.engine.flavour == "tensorrt"]
    if fresh:
        return fresh, ""
    kept = [engine for engine in bundle.manifest.engines if engine.flavour == "tensorrt"]
    if kept and bundle.trusted:
        return [(engine, bundle.read(engine.file)) for engine in kept], ""
    if kept:
        return (
            [],
            "a plan is native code, and that of this bundle is taken only where --public-key proves who signed it",
        )
    return [], "it takes a plan of full TensorRT, built on the GPU that serves: --tensorrt full there"


def _json(written: Written) -> dict[str, Any]:
    return {"name": written.name, "version": written.version, "path": str(written.path), "added": written.added}
