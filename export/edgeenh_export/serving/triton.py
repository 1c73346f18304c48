"""A bundle as a model repository of NVIDIA's Triton Inference Server.

    DIR/dental-n-fp16/config.pbtxt             backend onnxruntime
                      warmup/image, strength   what Triton computes before it says that it is ready
                      1/model.onnx             exactly the bytes of the bundle
                      1/edgeenh.json           which bundle
    DIR/dental-n-fp16-tensorrt/…/1/model.plan  backend tensorrt, where a plan of full TensorRT is at hand

Requests are those of the graph contract: `image` and `strength` in, `enhanced` out, one frame each; Triton's queue holds
several clients, it does not batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from edgeenh.backends.contract import INPUT, OUTPUT, STRENGTH
from edgeenh.bundle import Bundle, Engine
from edgeenh.errors import UsageError
from edgeenh.pixels import to_unit
from edgeenh_export.options import PLAN_OPT_SIZE, Size, rounded_up
from edgeenh_export.serving.folders import ServedModel
from edgeenh_export.serving.pbtxt import Word, to_text

KINDS = ("gpu", "cpu")
"""Where instances run. Named always: Triton's own default takes the CPU in silence where it finds no GPU."""

_TYPES = {"uint8": "TYPE_UINT8", "float32": "TYPE_FP32"}


def check_kind(kind: str, instances: int) -> None:
    """Refuse what Triton cannot do.

    Raises:
        UsageError: An unknown device, or a number of instances outside 1…64.
    """
    if kind not in KINDS:
        raise UsageError(f"--triton-device {kind!r} is not known, expected one of {', '.join(KINDS)}")
    if not 1 <= instances <= 64:
        raise UsageError(f"--triton-instances {instances}: give 1 to 64 instances of the model")


def onnx_models(bundle: Bundle, kind: str = "gpu", instances: int = 1) -> list[ServedModel]:
    """A model of the ONNX Runtime backend for each precision of the bundle; INT8 always on the CPU, which it is for."""
    models = []
    for precision in bundle.precisions:
        where = "cpu" if precision == "int8" else kind
        name = f"{bundle.manifest.id}-{precision}"
        size = usual_size(bundle)
        data = {"model.onnx": bundle.model(precision).onnx}
        models.append(_model(bundle, name, precision, "onnxruntime", data, size, where, instances))
    return models


def plan_model(bundle: Bundle, engine: Engine, plan: bytes, instances: int = 1) -> ServedModel:
    """A model of the TensorRT backend, from a plan of full TensorRT.

    Raises:
        UsageError: The plan is of TensorRT-RTX, which Triton does not run.
    """
    if engine.flavour != "tensorrt":
        raise UsageError(f"Triton runs plans of TensorRT and this one is of {engine.flavour} {engine.version}")
    name = f"{bundle.manifest.id}-{engine.precision}-tensorrt"
    made = {
        "plan": {
            "library": f"{engine.flavour} {engine.version}",
            "profile": [engine.profile.min, engine.profile.opt, engine.profile.max],
        }
    }
    size = engine.profile.opt
    return _model(bundle, name, engine.precision, "tensorrt", {"model.plan": plan}, size, "gpu", instances, made)


def usual_size(bundle: Bundle) -> Size:
    """The frame size that is warmed up: the only one, else 1280×720 within the bundle's bounds."""
    generator = bundle.manifest.generator
    if generator.fixed_size:
        return generator.fixed_size
    wanted = rounded_up(PLAN_OPT_SIZE, generator.size_multiple)
    width, height = (
        min(max(side, least), most)
        for side, least, most in zip(wanted, generator.min_size, generator.max_size, strict=True)
    )
    return width, height


def _model(
    bundle: Bundle,
    name: str,
    precision: str,
    backend: str,
    data: Mapping[str, bytes],
    size: Size,
    kind: str,
    instances: int,
    made: Mapping[str, Any] | None = None,
) -> ServedModel:
    manifest = bundle.manifest
    generator, pixels = manifest.generator, manifest.pixels
    sides = [-1, -1] if generator.fixed_size is None else [generator.fixed_size[1], generator.fixed_size[0]]
    larger = [side if side < 0 else side * generator.scale for side in sides]
    contract = {
        "backend": backend,
        "image": [pixels.dtype, [1, *sides, pixels.channels]],
        "enhanced": [pixels.dtype, [1, *larger, pixels.channels]],
        "strength": ["float32", [1]],
        "colour_order": pixels.photometric,
        "size_multiple": generator.size_multiple,
        "scale": generator.scale,
    }
    (model_file,) = data
    about = {
        "schema": "edgeenh.served/1",
        "bundle": {"id": manifest.id, "version": manifest.version, "sha256": bundle.sha256},
        "precision": precision,
        "sha256": {file: hashlib.sha256(content).hexdigest() for file, content in data.items()},
        **(made or {}),
    }
    warm_up = {
        "warmup/image": _frame(bundle, size),
        "warmup/strength": np.ones(1, "<f4").tobytes(),
    }
    config = _config(name, model_file, contract, generator_facts(bundle), size, kind, instances)
    return ServedModel(name, contract, about, {"config.pbtxt": config.encode(), **warm_up}, data)


def generator_facts(bundle: Bundle) -> dict[str, str]:
    """What a client must know and no tensor's shape says, as Triton's model parameters."""
    generator = bundle.manifest.generator
    return {
        "edgeenh.colour_order": bundle.manifest.pixels.photometric,
        "edgeenh.size_multiple": str(generator.size_multiple),
        "edgeenh.min_size": "x".join(map(str, generator.min_size)),
        "edgeenh.max_size": "x".join(map(str, generator.max_size)),
        "edgeenh.scale": str(generator.scale),
    }


def _config(
    name: str, file: str, contract: Mapping[str, Any], facts: Mapping[str, str], size: Size, kind: str, instances: int
) -> str:
    (dtype, dims), (_, larger) = contract[INPUT], contract[OUTPUT]
    width, height = size
    image = {"data_type": Word(_TYPES[dtype]), "dims": [1, height, width, dims[3]], "input_data_file": "image"}
    strength = {"data_type": Word("TYPE_FP32"), "dims": [1], "input_data_file": "strength"}
    message = {
        "name": name,
        "backend": contract["backend"],
        "max_batch_size": 0,  # the frame's 1 is a dimension of its own: dims are whole shapes
        "default_model_filename": file,
        "input": [
            {"name": INPUT, "data_type": Word(_TYPES[dtype]), "dims": dims},
            {"name": STRENGTH, "data_type": Word("TYPE_FP32"), "dims": [1]},
        ],
        "output": [{"name": OUTPUT, "data_type": Word(_TYPES[dtype]), "dims": larger}],
        "version_policy": {"latest": {"num_versions": 1}},
        "instance_group": [{"count": instances, "kind": Word(f"KIND_{kind.upper()}")}],
        "parameters": [{"key": key, "value": {"string_value": value}} for key, value in facts.items()],
        "model_warmup": [
            {
                "name": f"{width}x{height}",
                "batch_size": 1,
                "inputs": [{"key": INPUT, "value": image}, {"key": STRENGTH, "value": strength}],
            }
        ],
    }
    return to_text(message)


def _frame(bundle: Bundle, size: Size) -> bytes:
    """A golden frame of the size that is warmed up, as the graph takes it: raw, row by row."""
    width, height = size
    _, golden, _ = bundle.golden()[0]
    pixels = bundle.manifest.pixels
    frame = cv2.resize(golden, (width, height)).reshape(height, width, pixels.channels)
    if pixels.dtype == "uint8":
        return frame.tobytes()
    return to_unit(frame, pixels.bits[1]).tobytes()
