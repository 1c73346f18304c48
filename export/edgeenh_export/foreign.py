"""ONNX files that others made: told apart from what is no ONNX, and refused in this release."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import onnx
from google.protobuf.message import DecodeError

from edgeenh.errors import InputError, UsageError

MAX_BYTES = 2**31


def refuse(path: Path) -> NoReturn:
    """Say why an ONNX file is not exported.

    Raises:
        InputError: It cannot be read, or is no ONNX model.
        UsageError: It is one; this release exports checkpoints only.
    """
    try:
        if path.stat().st_size >= MAX_BYTES:
            raise InputError(
                f"{path} has {path.stat().st_size:,} bytes, expected an ONNX model of less than {MAX_BYTES:,}"
            )
        data = path.read_bytes()
    except OSError as exc:
        raise InputError(f"{path} cannot be read ({exc.strerror or exc}): give a file that you may read") from exc
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError) as exc:
        raise InputError(
            f"{path} is not an ONNX model (it does not parse): give a file that another tool exported"
        ) from exc
    if not model.graph.node or not model.opset_import:
        raise InputError(f"{path} is not an ONNX model (it holds no graph): give a file that another tool exported")
    made_by = " ".join(f"{model.producer_name} {model.producer_version}".split()) or "another tool"
    raise UsageError(
        f"{path} is an ONNX model made by {made_by}; exporting models of others is not in this release: "
        "give the .safetensors checkpoint of `edgeenh train`"
    )
