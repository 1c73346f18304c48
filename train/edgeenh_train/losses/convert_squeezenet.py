"""Take SqueezeNet 1.1's weights out of an ONNX file, once, so that the trainer needs no ONNX.

    python -m edgeenh_train.losses.convert_squeezenet squeezenet1.1.onnx squeezenet.safetensors

Then train with `backbone = "squeezenet"` and `backbone_file = "squeezenet.safetensors"`. The ONNX file is the one converted from the
authors' Caffe model: its tensors are called `conv1_w_0`, `fire2/squeeze1x1_b_0` and so on. The weights stay in the precision
they have there; the classifier is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeenh.cli.output import exit_code_of, say
from edgeenh.errors import CheckpointError, MissingExtra, UsageError
from edgeenh.files import write_bytes
from edgeenh_train.losses.features import FIRES, load_backbone

_TENSOR = re.compile(r"(?:(conv1)|(fire\d)/(\w+))_([wb])_0")
_KINDS = {"w": "weight", "b": "bias"}


def convert(source: Path, target: Path) -> str:
    """Write the feature layers of `source` to `target`, atomically, and read them back.

    Args:
        source: SqueezeNet 1.1 as ONNX.
        target: A `.safetensors` file; its metadata names the source's SHA-256.

    Returns:
        SHA-256 of `target`.

    Raises:
        MissingExtra: `onnx` is not installed.
        CheckpointError: `source` is missing, damaged, or another network.
        UsageError, OutputFailed: `target` is no `.safetensors` file or cannot be written.
    """
    from safetensors.numpy import save

    if target.suffix != ".safetensors":
        raise UsageError(f"{target} ends in '{target.suffix}'; expected a name that ends in .safetensors")
    try:
        data = source.read_bytes()
    except OSError as exc:
        raise CheckpointError(f"{source} cannot be read ({exc.strerror}); expected SqueezeNet 1.1 as ONNX") from exc
    tensors = _renamed(_initialisers(source, data), source)
    facts = {"network": "squeezenet", "source": source.name, "source_sha256": hashlib.sha256(data).hexdigest()}
    write_bytes(target, save(tensors, metadata={"edgeenh-backbone": json.dumps(facts, sort_keys=True)}))
    return load_backbone("squeezenet", target).sha256


def _initialisers(source: Path, data: bytes) -> dict[str, NDArray[np.generic]]:
    try:
        import onnx
        from google.protobuf.message import DecodeError
        from onnx import numpy_helper
    except ImportError as exc:
        raise MissingExtra("reading an ONNX file", "export") from exc
    try:
        graph = onnx.load_model_from_string(data).graph
        return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    except (DecodeError, ValueError) as exc:
        raise CheckpointError(f"{source} is not ONNX, or is damaged; expected SqueezeNet 1.1 as ONNX") from exc


def _renamed(tensors: dict[str, NDArray[np.generic]], source: Path) -> dict[str, NDArray[np.generic]]:
    """The feature layers under the names that `SqueezenetFeatures` has."""
    found = {}
    for name, values in tensors.items():
        match = _TENSOR.fullmatch(name)
        if match:
            conv1, fire, part, kind = match.groups()
            found[f"{conv1 or f'fires.{fire}.{part}'}.{_KINDS[kind]}"] = np.ascontiguousarray(values)
    expected = 2 * (1 + 3 * len(FIRES))
    if len(found) != expected:
        raise CheckpointError(
            f"{source} holds {len(found)} tensors named as SqueezeNet 1.1's feature layers are; expected {expected}: take the ONNX file converted from Caffe"
        )
    return found


def main(argv: list[str] | None = None) -> int:
    """The command line above; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m edgeenh_train.losses.convert_squeezenet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, help="SqueezeNet 1.1, an .onnx file")
    parser.add_argument("target", type=Path, help="where to write, a .safetensors file")
    options = parser.parse_args(argv)
    return exit_code_of(lambda: say(f"{options.target}  (SHA-256 {convert(options.source, options.target)})"))


if __name__ == "__main__":
    sys.exit(main())
