"""The TensorRT plan that travels with a bundle. It is a convenience: every station can build its own from the ONNX.

TensorRT-RTX builds on any machine and its plan runs on every GPU of compute capability 8.0 and above that it knows; full
TensorRT builds for the GPU of this machine only. Full TensorRT has not yet been run here.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgeenh.backends import tensorrt_build
from edgeenh.backends.tensorrt_progress import TimeLeft
from edgeenh.bundle import Engine, Profile
from edgeenh.cuda.driver import device_names, driver_fix, driver_problem
from edgeenh.errors import BackendUnavailable, JobFailed
from edgeenh.pixels import RGB, Pixels
from edgeenh_export.options import PLAN_MAX_SIZE, Bounds, rounded_up


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan, its entry in the manifest, and what the builder warned of."""

    engine: Engine
    data: bytes
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The plan as the report names it."""
        engine = self.engine
        return {
            "file": engine.file,
            "flavour": engine.flavour,
            "version": engine.version,
            "precision": engine.precision,
            "compute_capabilities": list(engine.compute_capabilities),
            "bytes": len(self.data),
            "profile": {
                "min": list(engine.profile.min),
                "opt": list(engine.profile.opt),
                "max": list(engine.profile.max),
            },
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans that were built; where there is none, the reason."""

    plans: tuple[Plan, ...]
    reason: str = ""


def _silent(line: str) -> None:
    """Drop a line of progress."""


def require_flavour(choice: str, compute_capabilities: Sequence[str] = ()) -> None:
    """Refuse, before any work, a TensorRT that was asked for by name and cannot build here; `auto` and `off` always can.

    Raises:
        BackendUnavailable: It is not installed, does not load, or (`full`) there is no GPU to build for.
        UsageError: It does not build for one of the compute capabilities.
    """
    if compute_capabilities:
        flavour = tensorrt_build.load_flavour("rtx")  # who names GPUs wants their plan, and not the reason for none
        tensorrt_build.check_targets(flavour.module, compute_capabilities)
    if choice not in ("rtx", "full"):
        return
    tensorrt_build.load_flavour(choice)
    problem = driver_problem() if choice == "full" else ""
    if problem:
        raise BackendUnavailable(
            f"--tensorrt full builds for the GPU of this machine, but {problem}: {driver_fix()}, or use rtx"
        )


def build_plans(
    choice: str,
    onnx: bytes,
    precision: str,
    name: str,
    bounds: Bounds,
    pixels: Pixels = RGB,
    *,
    compute_capabilities: Sequence[str] = (),
    progress: Callable[[str], None] = _silent,
) -> Plans:
    """Build the plan that `--tensorrt` asks for.

    Args:
        choice: `auto` (TensorRT-RTX where it is installed), `rtx`, `full` or `off`.
        onnx: The graph to build from.
        precision: What it holds.
        name: The model's id.
        bounds: The frame sizes it takes.
        pixels: What its pictures are.
        compute_capabilities: Targets of a plan of TensorRT-RTX; empty = all from 8.0 that it knows.
        progress: Takes a line with the time left, every few seconds while a build lasts.

    Raises:
        BackendUnavailable: `rtx` or `full` was asked for and cannot be had here.
        JobFailed: The builder gave up on `rtx` or `full`; with `auto` this is a reason instead.
    """
    if choice == "off":
        return Plans((), "switched off with --tensorrt off")
    try:
        flavour = tensorrt_build.load_flavour("full" if choice == "full" else "rtx")
        made = _build(flavour, onnx, precision, name, bounds, pixels, tuple(compute_capabilities), progress)
        return Plans((made,))
    except (BackendUnavailable, JobFailed) as exc:
        if choice != "auto":
            raise
        return Plans((), str(exc))


def plan_profile(bounds: Bounds) -> Profile:
    """The frame sizes of a plan: those asked for, or without any a range up to 4K."""
    if not bounds.asked:
        return Profile(bounds.min, bounds.opt, rounded_up(PLAN_MAX_SIZE, bounds.multiple))
    return Profile(bounds.min, bounds.opt, bounds.max)


def _build(
    flavour: tensorrt_build.Flavour,
    onnx: bytes,
    precision: str,
    name: str,
    bounds: Bounds,
    pixels: Pixels,
    compute_capabilities: tuple[str, ...],
    progress: Callable[[str], None],
) -> Plan:
    digest = hashlib.sha256(onnx).hexdigest()
    engine_name = f"edgeenh/{name}/{digest[:12]}"
    profile = plan_profile(bounds)
    shapes = None if bounds.fixed else tensorrt_build.Profile(profile.min, profile.opt, profile.max)
    with tensorrt_build.log_messages(flavour.module) as messages:
        data = tensorrt_build.build_plan(
            flavour.module,
            onnx,
            name=engine_name,
            profile=shapes,
            pixels=pixels,
            compute_capabilities=compute_capabilities,
            progress=TimeLeft(progress, time.monotonic),
        )
    file = f"engines/{flavour.name}-{flavour.version}{_target(flavour.name)}-{precision}.plan"
    engine = Engine(
        _member(file), flavour.name, flavour.version, precision, digest, engine_name, profile, compute_capabilities
    )
    return Plan(engine, data, tuple(messages))


def _target(flavour: str) -> str:
    """What a plan of full TensorRT is tied to, for its file name; a plan of TensorRT-RTX is portable."""
    if flavour != "tensorrt":
        return ""
    return f"-{next(iter(device_names()), 'gpu')}"


def _member(name: str) -> str:
    """`name` with only those characters that a bundle's members may have."""
    return re.sub(r"[^A-Za-z0-9./_-]+", "-", name).lower()
