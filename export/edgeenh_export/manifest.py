"""What the manifest of an exported bundle says."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import onnx

from edgeenh import __version__
from edgeenh.bundle import Engine, Gate, Generator, Golden, Manifest, Onnx, Training
from edgeenh.drift import Thresholds
from edgeenh.errors import CheckpointError
from edgeenh.pixels import KINDS, RGB, Pixels
from edgeenh_export import cost
from edgeenh_export.execute import BACKEND
from edgeenh_export.gate import Judged, Parity
from edgeenh_export.lower import Lower
from edgeenh_export.onnx_writer import IR_VERSION, OPSET
from edgeenh_export.options import Bounds
from edgeenh_train import networks
from edgeenh_train.checkpoint import CheckpointInfo

TOOLS = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy")
"""Distributions whose versions the manifest names."""

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_info(path: Path, info: CheckpointInfo) -> None:
    """Refuse, before any work, a checkpoint whose description no manifest can hold.

    Raises:
        CheckpointError: Its name, version or cap is not allowed, or data or licence is empty.
    """
    faults = {
        f"the name {info.name!r}, expected small letters, digits, '.', '_' and '-'": not _ID.fullmatch(info.name),
        f"the version {info.version}, expected 1 or more": info.version < 1,
        f"the cap {info.cap}, expected more than 0 and at most 1": not 0 < info.cap <= 1,
        "no word on its data or their licence, which a bundle must name": not (info.data and info.licence),
    }
    found = next((fault for fault, wrong in faults.items() if wrong), None)
    if found:
        raise CheckpointError(f"{path} has {found}: train it again with a proper description")


def onnx_metadata(info: CheckpointInfo, precision: str) -> dict[str, str]:
    """What an ONNX file says of itself; the manifest says more, and is what readers go by."""
    return {
        "cap": f"{info.cap:g}",
        "checkpoint_sha256": info.sha256,
        "colour_order": next(kind.photometric for kind in KINDS if kind.channels == info.channels),
        "precision": precision,
        "size_multiple": str(networks.SIZE_MULTIPLE),
        "variant": info.variant,
    }


def describe_generator(generator: networks.Generator, info: CheckpointInfo, bounds: Bounds) -> Generator:
    """The network as the manifest names it: parameters and multiply-accumulates."""
    return Generator(
        variant=info.variant,
        parameters=cost.parameters(generator),
        macs_per_pixel=round(cost.macs_per_pixel(generator), 1),
        cap=info.cap,
        size_multiple=networks.SIZE_MULTIPLE,
        min_size=bounds.min,
        max_size=bounds.max,
        fixed_size=bounds.fixed,
    )


def make_manifest(
    info: CheckpointInfo,
    generator: Generator,
    precisions: Mapping[str, str],
    golden: Sequence[Golden],
    judged: Sequence[Judged],
    thresholds: Thresholds,
    engines: Sequence[Engine],
    now: datetime,
    pixels: Pixels = RGB,
    *,
    version: Onnx | None = None,
    int8_thresholds: Thresholds | None = None,
) -> Manifest:
    """The manifest, still without the digests of the members, which `write_bundle` fills in."""
    return Manifest(
        id=info.name,
        version=info.version,
        created=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        generator=generator,
        training=Training(info.data, info.licence, info.images_seen, info.sha256),
        onnx=version or Onnx(OPSET, IR_VERSION),
        precisions=precisions,
        golden=tuple(golden),
        gate=Gate(
            **thresholds.to_json(),
            results=tuple(entry.to_json() for entry in judged),
            int8=None if int8_thresholds is None else int8_thresholds.to_json(),
        ),
        tools=_tools(),
        engines=tuple(engines),
        pixels=pixels,
    )


def onnx_version(onnx_bytes: bytes) -> Onnx:
    """Versions of a graph that was written."""
    model = onnx.load_model_from_string(onnx_bytes)
    return Onnx(max(entry.version for entry in model.opset_import if not entry.domain), model.ir_version)


def drift_document(thresholds: Thresholds, judged: Sequence[Judged], parity: Parity, lower: Lower) -> dict[str, Any]:
    """The gate as JSON values, for `drift.json` and the report."""
    return {
        "references": {
            "fp32": parity.reference,
            "fp16": f"the FP32 graph on {BACKEND}",
            "int8": f"the FP32 graph on {BACKEND}",
        },
        "thresholds": thresholds.to_json(),
        "results": [entry.document() for entry in judged],
        "parity": parity.to_json(),
        "searches": lower.document(),
        "int8_against_fp32": lower.timings(),
        "strength_0_identical": True,  # checked for every graph: there would be no bundle otherwise
    }


def drift_member(thresholds: Thresholds, judged: Sequence[Judged], parity: Parity, lower: Lower) -> bytes:
    """The content of `drift.json`."""
    document = drift_document(thresholds, judged, parity, lower)
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _tools() -> dict[str, str]:
    versions = {name: importlib.metadata.version(name) for name in TOOLS}
    return {"edgeenh": __version__, "python": platform.python_version(), **versions}
