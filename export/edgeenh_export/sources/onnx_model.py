"""ONNX files that others made: read, refused with the reason where they cannot be used, and brought to one form.

The form: opset 20 or later, ONNX's own operators only, weights inside and in FP32, one input, and a batch of one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, inliner, version_converter
from onnx.external_data_helper import uses_external_data

from edgeenh.backends.onnx_operators import DOMAINS, OPERATORS
from edgeenh.errors import InputError
from edgeenh_export.onnx_tidy import strip
from edgeenh_export.onnx_writer import OPSET
from edgeenh_export.sources.legacy import replace_legacy, settle_output_shapes, widen

MAX_BYTES = 2**31


def read_onnx(path: Path) -> tuple[ModelProto, str]:
    """Read a file.

    Returns:
        The model as it is, and the file's SHA-256 in hex.

    Raises:
        InputError: It cannot be read, is no ONNX model, or keeps weights in other files.
    """
    try:
        size = path.stat().st_size
        if size >= MAX_BYTES:
            raise InputError(f"{path} has {size:,} bytes, expected an ONNX model of less than {MAX_BYTES:,}")
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
    _refuse_external_data(model, str(path))
    return model, hashlib.sha256(data).hexdigest()


def bring_to_form(model: ModelProto, name: str) -> ModelProto:
    """The same model in the form that everything here works on; a new object, without documentation and metadata.

    Args:
        model: As `read_onnx` or torch gave it; not changed.
        name: What messages call it.

    Raises:
        InputError: It needs an operator that is not allowed, is not valid, or cannot be brought to that opset.
    """
    formed: ModelProto = ModelProto.FromString(model.SerializeToString())
    _refuse_custom(formed, name)
    try:
        if formed.functions:
            formed = inliner.inline_local_functions(formed)
        strip(formed)
        replace_legacy(formed)
        _weights_are_no_inputs(formed)
        if _opset(formed) < OPSET:
            formed = version_converter.convert_version(formed, OPSET)
        widen(formed)
        settle_output_shapes(formed)
        onnx.checker.check_model(formed)
    except Exception as exc:  # onnx has no common base for its errors, and a damaged file meets all of them
        raise InputError(
            f"{name} is not valid ONNX, or cannot be brought from opset {_opset(formed)} to {OPSET} "
            f"({' '.join(str(exc).split())[:200]}): export it again from its own framework with a newer opset"
        ) from exc
    _refuse_operators(formed, name)
    return formed


def is_half(model: ModelProto) -> bool:
    """Whether the weights of a model, or most of them, are 16-bit floats."""
    weights = [tensor.data_type for tensor in model.graph.initializer if tensor.data_type in (1, 10)]
    return 2 * weights.count(TensorProto.FLOAT16) > len(weights)


def holds_half(model: ModelProto) -> bool:
    """Whether anything in a model is a 16-bit float, so that it computes otherwise than in its form, which is in FP32."""
    half = TensorProto.FLOAT16
    ends = (value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output))
    casts = (part.i for node in _nodes(model) for part in node.attribute if part.name in ("to", "dtype"))
    return half in ends or half in casts or any(tensor.data_type == half for tensor in _tensors(model))


def image_input(model: ModelProto, name: str) -> ValueInfoProto:
    """The only input.

    Raises:
        InputError: There is none or more than one, or it is no picture.
    """
    inputs: list[ValueInfoProto] = list(model.graph.input)
    if len(inputs) != 1:
        shown = ", ".join(_described(value) for value in inputs) or "none"
        pictures = sum(len(shape_of(value) or ()) == 4 for value in inputs)
        what = f"{pictures} pictures" if pictures > 1 else f"{len(inputs)} inputs"
        raise InputError(
            f"{name} takes {what} ({shown}), expected one picture: an enhancer makes one picture of one; "
            "fix the others as constants in the model"
        )
    shape = shape_of(inputs[0])
    kind = inputs[0].type.tensor_type.elem_type
    if shape is None or len(shape) != 4 or kind not in (TensorProto.FLOAT, TensorProto.UINT8):
        raise InputError(
            f"{name} takes {_described(inputs[0])}, expected a picture: float16, float32 or uint8 of 4 dimensions, "
            "[1,C,H,W] or [1,H,W,C]"
        )
    if (shape[0] or 1) != 1:
        raise InputError(
            f"{name} takes a batch of {shape[0]} pictures, expected 1: export it for one, or for any number"
        )
    return inputs[0]


def shape_of(value: ValueInfoProto) -> list[int] | None:
    """Dimensions of a tensor, 0 for one that is not fixed; None where not even their number is known."""
    tensor = value.type.tensor_type
    return [side.dim_value for side in tensor.shape.dim] if tensor.HasField("shape") else None


def _described(value: ValueInfoProto) -> str:
    if not value.type.HasField("tensor_type"):
        return f"{value.name} (no tensor)"
    kind = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
    shape = shape_of(value)
    return f"{value.name} {kind} [{','.join(str(side or '?') for side in shape)}]" if shape else f"{value.name} {kind}"


def _opset(model: ModelProto) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in DOMAINS), default=0)


def _refuse_external_data(model: ModelProto, name: str) -> None:
    """Before any library sees it: libraries open the other file, and take its path as it stands."""
    if any(uses_external_data(tensor) for tensor in _tensors(model)):
        raise InputError(
            f"{name} keeps weights in another file (ONNX external data), expected them inside: "
            "save it as one file, e.g. onnx.save(onnx.load(path), path2)"
        )


def _nodes(model: ModelProto) -> Iterator[NodeProto]:
    """Every node: of the graph, of functions, and of the graphs inside nodes."""
    yield from _nested(model.graph.node)
    for function in model.functions:
        yield from _nested(function.node)


def _nested(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    for node in nodes:
        yield node
        for graph in _graphs_in(node):
            yield from _nested(graph.node)


def _graphs_in(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs of a node's branches."""
    for attribute in node.attribute:
        yield from [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Every weight and constant, at whatever depth."""
    nodes = list(_nodes(model))
    for graph in (model.graph, *(graph for node in nodes for graph in _graphs_in(node))):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from [*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors]
        for sparse in [
            *([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []),
            *attribute.sparse_tensors,
        ]:
            yield from (sparse.values, sparse.indices)


def _refuse_custom(model: ModelProto, name: str) -> None:
    """Operators of other domains live in libraries, which no bundle may bring along."""
    own = {(function.domain, function.name) for function in model.functions}
    nodes = ((node.domain, node.op_type) for node in _nodes(model))
    foreign = {f"{domain}.{kind}" for domain, kind in nodes if domain not in DOMAINS and (domain, kind) not in own}
    if foreign:
        raise InputError(
            f"{name} needs {', '.join(sorted(foreign)[:4])}, operators that only a custom library has, expected ONNX's own: "
            "export the network alone, without pre- and post-processing"
        )


def _refuse_operators(model: ModelProto, name: str) -> None:
    refused = sorted({node.op_type for node in _nodes(model)} - OPERATORS)
    if refused:
        raise InputError(
            f"{name} holds {', '.join(refused)}, expected only operators that every backend offers and that give the same "
            "every time: export it without them, e.g. with fixed sizes and in evaluation mode"
        )


def _weights_are_no_inputs(model: ModelProto) -> None:
    """Files of IR version 3 list their weights among the inputs too."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, 10)
