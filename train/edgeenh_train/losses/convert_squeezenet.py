"""Take SqueezeNet 1.1's weights out of an ONNX file, once, so that the trainer needs no ONNX.

    python -m edgeenh_train.losses.convert_squeezenet squeezenet1.1.onnx squeezenet.safetensors

Then train with `backbone = "squeezenet"`, `backbone_file = "squeezenet.safetensors"` and, as `backbone_sha256`, what this command
prints. The ONNX file is the one converted from the authors' Caffe model: its tensors are called `conv1_w_0`,
`fire2/squeeze1x1_b_0` and so on. The weights stay in the precision they have there; the classifier is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from edgeenh.cli.output import exit_code_of, say
from edgeenh.errors import CheckpointError, MissingExtra, UsageError
from edgeenh.files import write_bytes
from edgeenh_train.losses.features import SqueezenetFeatures, fitting

_TENSOR = re.compile(r"(?:(conv1)|(fire\d)/(\w+))_([wb])_0")
_WANTED = "SqueezeNet 1.1 as ONNX, converted from Caffe"
_KINDS = {"w": "weight", "b": "bias"}


def convert(source: Path, target: Path) -> str:
    """Write the feature layers of `source` to `target`, atomically, once they are known to fit.

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
    if target.suffix != ".safetensors":
        raise UsageError(f"{target} ends in '{target.suffix}'; expected a name that ends in .safetensors")
    try:
        data = source.read_bytes()
    except OSError as exc:
        raise CheckpointError(f"{source} cannot be read ({exc.strerror}); expected {_WANTED}") from exc
    tensors = fitting(SqueezenetFeatures(), _renamed(_initialisers(source, data)), source, _WANTED)
    facts = {"network": "squeezenet", "source": source.name, "source_sha256": hashlib.sha256(data).hexdigest()}
    result = save(tensors, metadata={"edgeenh-backbone": json.dumps(facts, sort_keys=True)})
    write_bytes(target, result)
    return hashlib.sha256(result).hexdigest()


def _initialisers(source: Path, data: bytes) -> dict[str, Tensor]:
    try:
        import onnx
        from google.protobuf.message import DecodeError
        from onnx import numpy_helper
    except ImportError as exc:
        raise MissingExtra("reading an ONNX file", "export") from exc
    try:
        graph = onnx.load_model_from_string(data).graph
        return {tensor.name: torch.tensor(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    except (DecodeError, ValueError) as exc:
        raise CheckpointError(f"{source} is not ONNX, or is damaged; expected {_WANTED}") from exc


def _renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The feature layers under the names that `SqueezenetFeatures` has; what is none of them is left out."""
    found = {}
    for name, values in tensors.items():
        match = _TENSOR.fullmatch(name)
        if match:
            conv1, fire, part, kind = match.groups()
            found[f"{conv1 or f'fires.{fire}.{part}'}.{_KINDS[kind]}"] = values
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
