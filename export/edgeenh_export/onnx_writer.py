"""From a `FrameGraph` to the bytes of an ONNX file that keeps the graph contract and says nothing about who built it.

The same checkpoint gives the same bytes: names come from the graph's order, and what the exporter adds about the building
machine (stack traces, paths, docs, its own metadata) is taken out.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import onnx
import torch
from onnx import ModelProto

from edgeenh import __version__
from edgeenh.errors import EdgeenhError, JobFailed
from edgeenh_export.graph import FrameGraph
from edgeenh_export.onnx_tidy import cast_first, name_by_order, reduce_max_in_half, strip
from edgeenh_export.options import MAX_SIZE, MIN_SIZE, SIZE_MULTIPLE, Size

OPSET = 20
IR_VERSION = 10

ALLOWED_OPERATORS = frozenset(
    [
        *(
            "Add",
            "Cast",
            "Clip",
            "Concat",
            "Conv",
            "ConvTranspose",
            "Div",
            "LeakyRelu",
            "MatMul",
            "Mul",
            "Pad",
            "ReduceMax",
        ),
        *(
            "ReduceMean",
            "Reshape",
            "Resize",
            "Round",
            "Shape",
            "Sigmoid",
            "Slice",
            "Split",
            "Squeeze",
            "Sub",
            "Tanh",
            "Transpose",
        ),
    ]
)
"""Operators of the default domain that a bundle's graphs may hold: what the variants need, and every backend offers.

`Reshape`, `Shape`, `Slice` and `Squeeze` serve the sizes that `Resize` is asked for, in a graph for every frame size.
"""

_TRACE_SIZE = (160, 96)
"""Width and height of the example that a graph of dynamic size is proven with: unequal, and neither is 16 or 32."""


def write_onnx(
    graph: FrameGraph,
    size: Size | None,
    metadata: Mapping[str, str],
    *,
    name: str,
    version: int,
) -> bytes:
    """Write a graph as ONNX.

    Args:
        graph: What to write.
        size: The only (width, height) that it takes; None for any multiples of `SIZE_MULTIPLE`, with dimensions `height` and `width`:
            torch then proves that the graph holds for each of them.
        metadata: What the file says of itself under `metadata_props`.
        name: The model's id; becomes the graph's name.
        version: The model's version.

    Returns:
        The file's bytes, without external data.

    Raises:
        JobFailed: The exporter failed, the result is not valid ONNX, or holds an operator that is not allowed.
    """
    model = _export(graph, size or _TRACE_SIZE, symbolic=size is None)
    strip(model)
    reduce_max_in_half(model.graph)
    cast_first(model.graph)
    name_by_order(model.graph)
    _name_dimensions(model, size)
    model.ir_version = IR_VERSION
    model.graph.name = name
    model.model_version = version
    model.producer_name, model.producer_version = "edgeenh", __version__
    onnx.helper.set_model_props(model, {f"edgeenh.{key}": value for key, value in sorted(metadata.items())})
    check(model)
    return bytes(model.SerializeToString(deterministic=True))


def check(model: ModelProto) -> None:
    """Prove that a model is valid ONNX with inferable shapes, self-contained, and made of allowed operators only.

    Raises:
        JobFailed: It is not; the message names the first fault.
    """
    foreign = sorted(
        {node.op_type for node in model.graph.node if node.domain or node.op_type not in ALLOWED_OPERATORS}
    )
    if foreign or model.functions:
        found = ", ".join(foreign) or "functions"
        raise JobFailed(f"the exported graph holds {found}, expected only the operators that every backend offers")
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise JobFailed("the exported graph keeps weights in other files, expected them inside")
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        raise JobFailed(
            f"the exported graph is not valid ONNX ({_one_line(exc)}): this is a bug, please report it"
        ) from exc


def _export(graph: FrameGraph, size: Size, *, symbolic: bool) -> ModelProto:
    width, height = size
    example = graph.example(height, width)
    try:
        with quiet_exporter():
            program = torch.onnx.export(
                graph,
                example,
                dynamo=True,
                input_names=["image", "strength"],
                output_names=["enhanced"],
                dynamic_shapes=({1: _any_multiple("h"), 2: _any_multiple("w")}, None) if symbolic else None,
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
    except EdgeenhError:
        raise
    except Exception as exc:  # the exporter has no common base for its errors
        raise JobFailed(f"torch could not export the {graph.precision} graph ({_one_line(exc)[:300]})") from exc
    if program is None:
        raise JobFailed(f"torch gave no ONNX for the {graph.precision} graph")
    return program.model_proto


def _any_multiple(letter: str) -> object:
    return SIZE_MULTIPLE * torch.export.Dim(
        letter, min=min(MIN_SIZE) // SIZE_MULTIPLE, max=max(MAX_SIZE) // SIZE_MULTIPLE
    )


def _name_dimensions(model: ModelProto, size: Size | None) -> None:
    """Without a `size`: what torch calls `8*h` and `8*w`, the contract calls `height` and `width`."""
    if size is not None:
        return
    for value in (*model.graph.input, *model.graph.output):
        if value.name in ("image", "enhanced"):
            dimensions = value.type.tensor_type.shape.dim
            dimensions[1].dim_param, dimensions[2].dim_param = "height", "width"


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Keep out of stderr what the exporter says on every run and nobody can act on; errors and other warnings pass."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")  # "torchvision is not installed"
    level = registration.level
    registration.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
            warnings.filterwarnings(
                "ignore", category=DeprecationWarning, module=r"(torch|onnxscript|copyreg|onnx_ir)(\..*)?"
            )
            yield
    finally:
        registration.setLevel(level)


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
