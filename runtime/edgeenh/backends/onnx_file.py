"""A look into an ONNX file before any library loads it, without the package `onnx`.

What a library would follow, execute or allocate is bounded here: weights in other files (external data: a path to
whatever lies there), operators beyond `onnx_operators.OPERATORS`, other domains, functions, training graphs, sparse
tensors, tensors that declare more than they hold, graphs without end. The walk follows the field numbers of
`onnx.proto3`; fields that hold none of these are passed over. A singular field that comes twice is refused, since
readers then merge or replace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgeenh.backends.onnx_operators import DOMAINS, OPERATORS
from edgeenh.backends.onnx_tensors import TensorCheck
from edgeenh.backends.protobuf_wire import BYTES, VARINT, fields
from edgeenh.errors import IntegrityError

MAX_NODES = 10_000
MAX_TENSORS = 10_000
MAX_WEIGHT_BYTES = 512 * 1024 * 1024
MAX_SUBGRAPH_DEPTH = 8
MAX_SIDE = 1 << 20
"""Of a declared input, output or intermediate, in elements."""
MAX_ELEMENTS = 1 << 32
"""Of a declared input, output or intermediate."""
MAX_FIELDS = 300_000
"""Fields looked at in one file; about a second of work."""

_AGAIN = "export the model again"


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """What an ONNX file holds.

    Attributes:
        operators: Name → how many nodes.
        nodes: Nodes, those of subgraphs included.
        tensors: Initializers and constants.
        weight_bytes: Bytes in them.
        subgraph_depth: Graphs within graphs; 0 = none.
    """

    operators: Mapping[str, int]
    nodes: int
    tensors: int
    weight_bytes: int
    subgraph_depth: int


def check_onnx(onnx: bytes | memoryview, name: str) -> GraphFacts:
    """Prove that a model is self-contained, of allowed operators, and within the limits of this module.

    Args:
        onnx: The file's bytes; only read.
        name: What the message calls the model.

    Raises:
        IntegrityError: It is not, or the bytes are not in the wire format.
    """
    walk = _Walk(name)
    try:
        walk.run(memoryview(onnx))
    except ValueError as exc:
        raise IntegrityError(f"{name} is no ONNX file ({exc}): {_AGAIN}") from exc
    return walk.facts()


class _Walk:
    """One pass over a file: messages that can hold a graph, a node or a tensor wait in `pending`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._operators: Counter[str] = Counter()
        self._tensors = self._weight_bytes = self._depth = self._fields = 0
        self._pending: list[tuple[str, memoryview, int]] = []

    def run(self, onnx: memoryview) -> None:
        """Check everything in a model; `ValueError` where the bytes are not in the wire format."""
        self._pending.append(("model", onnx, 0))
        graphs = 0
        while self._pending:
            kind, data, depth = self._pending.pop()
            self._depth = max(self._depth, depth)
            if depth > MAX_SUBGRAPH_DEPTH:
                raise self._refused(f"nests graphs {depth} deep, expected at most {MAX_SUBGRAPH_DEPTH}")
            graphs += kind == "graph"
            self._message(kind, data, depth)
        if not graphs:
            raise self._refused("holds no graph")

    def facts(self) -> GraphFacts:
        """What was found."""
        nodes = sum(self._operators.values())
        ordered = dict(sorted(self._operators.items()))
        return GraphFacts(ordered, nodes, self._tensors, self._weight_bytes, self._depth)

    def _message(self, kind: str, data: memoryview, depth: int) -> None:
        if kind == "tensor":
            self._tensor(data)
            return
        if kind == "shape":
            self._shape(data)
            return
        known, seen = _MESSAGES[kind], set()
        operator = domain = ""
        for number, wire, value in self._counted(data):
            field = known.get(number)
            if field is None:
                continue
            if wire != BYTES or not isinstance(value, memoryview):
                raise ValueError(f"field {number} of a {kind} has wire type {wire}")
            if field.once and number in seen:
                raise self._refused(f"gives field {number} of a {kind} twice")
            seen.add(number)
            if field.refused and value:
                raise self._refused(field.refused)
            if field.child:
                inner = field.child == "graph" and kind == "attribute"
                self._pending.append((field.child, value, depth + inner))
            elif field.keep == "operator":
                operator = _text(value)
            elif field.keep == "domain":
                domain = _text(value)
        if kind == "node":
            self._node(operator, domain)

    def _node(self, operator: str, domain: str) -> None:
        if domain not in DOMAINS:
            raise self._refused(
                f"holds {ascii(operator)[1:-1]} of the custom domain {domain!a}, expected standard ONNX operators"
            )
        if operator not in OPERATORS:
            raise self._refused(f"holds the operator {operator!a}, which is not on the list of allowed operators")
        self._operators[operator] += 1
        if self._operators.total() > MAX_NODES:
            raise self._refused(f"holds more than {MAX_NODES:,} nodes")

    def _tensor(self, data: memoryview) -> None:
        tensor = TensorCheck(self._counted(data))
        if tensor.external:
            raise IntegrityError(
                f"{self._name} keeps weights in another file (ONNX external data), which is refused: "
                "save the ONNX as one file"
            )
        if tensor.fault:
            raise self._refused(tensor.fault)
        self._tensors += 1
        self._weight_bytes += tensor.payload
        if self._tensors > MAX_TENSORS or self._weight_bytes > MAX_WEIGHT_BYTES:
            raise self._refused(
                f"holds {self._tensors:,} tensors with {self._weight_bytes:,} bytes, "
                f"expected at most {MAX_TENSORS:,} with {MAX_WEIGHT_BYTES:,}"
            )

    def _shape(self, data: memoryview) -> None:
        elements = 1
        for number, wire, dimension in self._counted(data):
            if number != 1 or wire != BYTES or not isinstance(dimension, memoryview):
                continue
            for inner, kind, value in self._counted(dimension):
                if inner != 1 or kind != VARINT or not isinstance(value, int):
                    continue
                elements *= max(value, 1)
                if value > MAX_SIDE or elements > MAX_ELEMENTS:
                    raise self._refused(f"declares a picture with a side of {value:,} or {elements:,} values")

    def _counted(self, data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
        for field in fields(data):
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise self._refused(f"is made of more than {MAX_FIELDS:,} parts")
            yield field

    def _refused(self, what: str) -> IntegrityError:
        return IntegrityError(f"{self._name} {what}: {_AGAIN}")


@dataclass(frozen=True, slots=True)
class _Field:
    """What to do with a field: look into it as `child`, keep its text, or refuse the file where it is not empty."""

    child: str = ""
    once: bool = False
    keep: str = ""
    refused: str = ""


_FUNCTIONS = "holds functions, expected every node in the graph itself (onnx.inliner does that)"
_SPARSE = "holds a sparse tensor, expected plain ones"
_NO_TENSOR = "declares a value that is no tensor"

_MESSAGES: dict[str, dict[int, _Field]] = {
    "model": {
        7: _Field("graph", once=True),
        20: _Field(refused="holds a training graph, expected inference only"),
        25: _Field(refused=_FUNCTIONS),
    },
    "graph": {
        1: _Field("node"),
        5: _Field("tensor"),
        11: _Field("value"),
        12: _Field("value"),
        13: _Field("value"),
        15: _Field(refused=_SPARSE),
    },
    "node": {
        4: _Field(once=True, keep="operator"),
        5: _Field("attribute"),
        7: _Field(once=True, keep="domain"),
        8: _Field(refused=_FUNCTIONS),
    },
    "attribute": {
        5: _Field("tensor", once=True),
        6: _Field("graph", once=True),
        10: _Field("tensor"),
        11: _Field("graph"),
        22: _Field(refused=_SPARSE),
        23: _Field(refused=_SPARSE),
    },
    "value": {2: _Field("type", once=True)},
    "type": {
        1: _Field("tensor type", once=True),
        4: _Field(refused=_NO_TENSOR),
        5: _Field(refused=_NO_TENSOR),
        8: _Field(refused=_NO_TENSOR),
        9: _Field(refused=_NO_TENSOR),
    },
    "tensor type": {2: _Field("shape", once=True)},
}
"""Message → field number → what to do; other fields are passed over."""


def _text(value: memoryview) -> str:
    return bytes(value[:200]).decode("utf-8", errors="backslashreplace")
