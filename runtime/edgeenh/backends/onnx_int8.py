"""Proof of INT8: what ONNX Runtime made of a graph with QDQ pairs, read from the graph that it will execute.

A pair around a layer only says that the layer may be executed in INT8. Where the library cannot fuse it, the pair stays,
the layer computes in FP32, and all is slower than without.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edgeenh.backends.protobuf_wire import BYTES, fields
from edgeenh.errors import BackendUnavailable, JobFailed

IN_INT8 = frozenset({"ConvInteger", "MatMulInteger", "QGemm", "QLinearConv", "QLinearMatMul", "MatMulIntegerToFloat"})
IN_FLOAT = frozenset({"Conv", "ConvTranspose", "FusedConv", "FusedGemm", "FusedMatMul", "Gemm", "MatMul"})

_GRAPH, _NODE, _OPERATOR = 7, 1, 4
"""Fields of ModelProto, GraphProto and NodeProto."""


def proven_int8(optimised: Path) -> str:
    """How many of the heavy layers really are in INT8.

    Args:
        optimised: The graph as the library wrote it after its optimisations.

    Raises:
        BackendUnavailable: Less than half of them.
        JobFailed: The library wrote no such file.
    """
    try:
        found = operators(optimised.read_bytes())
    except (OSError, ValueError) as exc:
        raise JobFailed(f"onnxruntime does not show what it executes ({exc}): choose --precision fp32") from exc
    in_int8, in_float = (sum(found[name] for name in names) for names in (IN_INT8, IN_FLOAT))
    if not in_int8 or in_int8 < in_float:
        raise BackendUnavailable(
            f"onnxruntime executes {in_int8} of {in_int8 + in_float} heavy layers of the INT8 graph in int8, expected at "
            "least half: it would be int8 in name only; choose --precision fp32"
        )
    return f"{in_int8} of {in_int8 + in_float} heavy layers in int8"


def operators(onnx: bytes) -> Counter[str]:
    """Operator -> how many nodes of the graph itself, of any domain.

    Raises:
        ValueError: The bytes are not in the wire format.
    """
    found: Counter[str] = Counter()
    for graph in _messages(memoryview(onnx), _GRAPH):
        for node in _messages(graph, _NODE):
            found.update(bytes(name).decode("utf-8", "replace") for name in _messages(node, _OPERATOR))
    return found


def _messages(data: memoryview, number: int) -> list[memoryview]:
    return [
        value
        for field, wire, value in fields(data)
        if field == number and wire == BYTES and isinstance(value, memoryview)
    ]
