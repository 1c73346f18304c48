"""Proof of precision: what a graph's multiply-adds really are, read from its types. An option's name proves nothing.

`fp16=True` has silently built FP32 engines elsewhere. Types live in the ONNX here (networks are strongly typed), so the
types of what the heavy operators read say what will be computed; a backend then proves what it executes
(`edgeenh.backends.openvino`, `edgeenh.backends.tensorrt_layers`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from edgeenh.backends.contract import INPUT
from edgeenh.errors import GateFailed, JobFailed

MIN_SHARE = 0.5
"""Least share of the multiply-adds that must be of the precision a graph is called by."""

_NAMES: dict[int, str] = {
    TensorProto.FLOAT: "fp32",
    TensorProto.FLOAT16: "fp16",
    TensorProto.BFLOAT16: "bf16",
    TensorProto.DOUBLE: "fp64",
}
_QUANTISED = {"QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"}
_HEAVY = {"Conv", "ConvTranspose", "MatMul", "Gemm"} | _QUANTISED
_FREE = {"Cast", "DequantizeLinear", "QuantizeLinear", "Constant", "Identity"}
"""Operators between types: no island by themselves."""

_SIZE = (256, 256)
"""Width and height that a graph of dynamic size is counted at."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What a graph computes in.

    Attributes:
        shares: Type (`fp32`, `fp16`, `bf16`, `int8`) → share of the multiply-adds, 0…1; where nothing multiplies (no
            convolution, no matrix product), of the results instead.
        islands: Operators that compute in FP32 in a graph of FP16, e.g. `ReduceMean ×2`.
        macs_per_pixel: Multiply-adds, at the graph's own size or at 256×256.
        counted: What the shares are of: `multiply-adds`, or `results` where nothing multiplies.
    """

    shares: Mapping[str, float]
    islands: tuple[str, ...] = ()
    macs_per_pixel: float = 0.0
    counted: str = "multiply-adds"

    def line(self, precision: str) -> str:
        """For people, e.g. `FP16: 97 % of multiply-adds; FP32 islands: Add, Mul ×4`."""
        share = f"{precision.upper()}: {self.shares.get(precision, 0.0):.1%} of {self.counted}"
        return f"{share}; FP32 islands: {', '.join(self.islands)}" if self.islands else share


def arithmetic_of(model: bytes | ModelProto) -> Arithmetic:
    """Count a graph's multiply-adds by type.

    Args:
        model: The ONNX file's bytes, or the model (not changed).

    Raises:
        JobFailed: Types or shapes cannot be inferred.
    """
    loaded = (
        onnx.load_model_from_string(model)
        if isinstance(model, bytes)
        else onnx.ModelProto.FromString(model.SerializeToString())
    )
    _fix_size(loaded.graph)
    try:
        graph = onnx.shape_inference.infer_shapes(loaded, data_prop=True).graph
    except (onnx.shape_inference.InferenceError, ValueError) as exc:
        raise JobFailed(
            f"the precision of the graph cannot be proven: its types cannot be inferred ({' '.join(str(exc).split())})"
        ) from exc
    tensors = _Tensors(graph)
    macs: Counter[str] = Counter()
    for node in graph.node:
        if node.op_type in _HEAVY:
            macs[tensors.arithmetic(node)] += tensors.multiply_adds(node)
    multiplies = sum(macs.values())
    if not multiplies:
        macs = tensors.results(graph)
    total = sum(macs.values()) or 1
    shares = {name: count / total for name, count in sorted(macs.items())}
    # in INT8 everything between two pairs is FP32 on paper, and fused by whoever runs it: that tells nothing
    plain = "int8" in shares or set(shares) == {"fp32"}
    islands = () if plain else tuple(_islands(graph, tensors))
    counted = "multiply-adds" if multiplies else "results"
    return Arithmetic(shares, islands, multiplies / _pixels(loaded.graph), counted)


def require_precision(arithmetic: Arithmetic, precision: str, minimum: float = MIN_SHARE) -> None:
    """Refuse a graph that is not what it is called.

    Raises:
        GateFailed: Less than `minimum` of its multiply-adds (or results) are of that precision.
    """
    share = arithmetic.shares.get(precision, 0.0)
    if not (share >= minimum):
        found = ", ".join(f"{part:.1%} {name}" for name, part in arithmetic.shares.items())
        raise GateFailed(
            f"the {precision} graph computes {share:.1%} of its {arithmetic.counted} in {precision} (found {found}), expected at "
            f"least {minimum:.0%}: it would be {precision} in name only; export with --fp32"
        )


def _fix_size(graph: GraphProto) -> None:
    """Give the dynamic dimensions of the inputs a size, so that shapes can be inferred."""
    for value in graph.input:
        dimensions = value.type.tensor_type.shape.dim
        for dimension in dimensions:
            if not dimension.HasField("dim_value"):
                known = 1 if value.name != INPUT or dimension is dimensions[0] else _SIZE[0]
                dimension.dim_value = known


def _pixels(graph: GraphProto) -> int:
    """Of the frame that a graph with fixed sizes takes."""
    frame = next((value for value in graph.input if value.name == INPUT), graph.input[0])
    return math.prod(side.dim_value for side in frame.type.tensor_type.shape.dim[1:3]) or 1


class _Tensors:
    """Types, shapes and makers of a graph's tensors."""

    def __init__(self, graph: GraphProto) -> None:
        self._types: dict[str, int] = {}
        self._shapes: dict[str, list[int]] = {}
        self._makers = {output: node for node in graph.node for output in node.output}
        for value in (*graph.input, *graph.value_info, *graph.output):
            tensor = value.type.tensor_type
            self._types[value.name] = tensor.elem_type
            self._shapes[value.name] = [dimension.dim_value for dimension in tensor.shape.dim]
        for weight in graph.initializer:
            self._types[weight.name] = weight.data_type
            self._shapes[weight.name] = list(weight.dims)

    def type_of(self, name: str) -> str:
        """The type's short name; another word where it is none of those that multiply."""
        return _NAMES.get(self._types.get(name, 0), "other")

    def arithmetic(self, node: NodeProto) -> str:
        """What a heavy operator computes in: the type of what it reads; INT8 where it reads what was quantised."""
        makers = [self._makers.get(name) for name in node.input[:2]]
        quantised = all(maker is not None and maker.op_type == "DequantizeLinear" for maker in makers)
        return "int8" if quantised or node.op_type in _QUANTISED else self.type_of(node.input[0])

    def multiply_adds(self, node: NodeProto) -> int:
        """Convolution: kernel values per value written (transposed: read). Product: the inner side per value written.

        A shape that could not be inferred counts as one value, so that types are still told.
        """
        values = self._count(node.input[0] if node.op_type == "ConvTranspose" else node.output[0])
        second = self._shapes.get(node.input[3 if node.op_type == "QLinearConv" else 1], [])
        if "Conv" in node.op_type:
            return values * math.prod(second[1:] or [1])
        return values * (self._shapes.get(node.input[0], [1]) or [1])[-1]

    def results(self, graph: GraphProto) -> Counter[str]:
        """Values that the operators give, by type; those between types and of other types (sizes, pixels) do not count."""
        found: Counter[str] = Counter()
        for name in (name for node in graph.node if node.op_type not in _FREE for name in node.output):
            if self.type_of(name) in _NAMES.values():
                found[self.type_of(name)] += self._count(name)
        return found

    def _count(self, name: str) -> int:
        return max(1, math.prod(max(1, side) for side in self._shapes.get(name, [])))


def _islands(graph: GraphProto, tensors: _Tensors) -> Iterator[str]:
    """Operators that give FP32 although they are no cast, with how many there are."""
    found = Counter(
        node.op_type for node in graph.node if node.op_type not in _FREE and _gives_fp32(node.output, tensors)
    )
    yield from (f"{name} ×{count}" if count > 1 else name for name, count in sorted(found.items()))


def _gives_fp32(outputs: Sequence[str], tensors: _Tensors) -> bool:
    return any(tensors.type_of(name) == "fp32" for name in outputs)
