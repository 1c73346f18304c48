"""INT8 by QDQ: pairs of QuantizeLinear and DequantizeLinear around the layers, as every backend reads them.

ONNX Runtime's quantiser calibrates and writes them: asymmetric uint8 for features (least and largest value over the
pictures), symmetric int8 per channel for weights, in 7 bits. With 8 the multiply-add of CPUs without VNNI saturates in 16
bits, and one bundle would give two pictures on two stations. Transposed convolutions stay in FP32, since ONNX Runtime has none
in INT8.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from onnx import GraphProto, ModelProto, NodeProto

from edgeenh.backends.contract import one_line
from edgeenh.errors import JobFailed
from edgeenh_export.precision.stored import fed

if TYPE_CHECKING:
    from edgeenh_export.golden import GoldenFrame

HEAVY = ("Conv", "Gemm", "MatMul")
"""Operators that INT8 pays for."""
_DOWN, _UP = "QuantizeLinear", "DequantizeLinear"


def layers_of(model: ModelProto, excluded: Collection[str] = ()) -> list[str]:
    """Names of the nodes that can be in INT8, in the graph's order: heavy, with weights of their own, and not excluded."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in HEAVY and node.name not in excluded and any(name in weights for name in node.input[:2])
    ]


def quantise(fp32: bytes, layers: Sequence[str], frames: Sequence[GoldenFrame]) -> bytes:
    """Calibrate on pictures, and write QDQ around layers.

    Args:
        fp32: The graph by the contract, every node named.
        layers: Names of the nodes to write in INT8.
        frames: The calibration pictures.

    Raises:
        JobFailed: ONNX Runtime cannot quantise the graph.
    """
    from onnxruntime import quantization

    model = onnx.load_model_from_string(fp32)  # the quantiser writes into it
    with tempfile.TemporaryDirectory(prefix="edgeenh-int8-") as folder, _quiet():
        path = Path(folder, "int8.onnx")
        try:
            quantization.quantize_static(
                model,
                path,
                _Reader(frames),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=list(HEAVY),
                nodes_to_quantize=list(layers),
                per_channel=True,
                reduce_range=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                calibrate_method=quantization.CalibrationMethod.MinMax,
            )
            return in_order(onnx.load_model_from_string(path.read_bytes()), model.graph.name)
        except Exception as exc:  # the library has no common base for its errors
            raise JobFailed(
                f"ONNX Runtime cannot quantise the graph ({one_line(exc)[:300]}): export with --fp16"
            ) from exc


def in_fp32(fp32: bytes, int8: bytes, names: Collection[str]) -> bytes:
    """The INT8 graph with some of its layers as they were: no second calibration is needed.

    Args:
        fp32: What it was made from.
        int8: As `quantise` gave it.
        names: Names of layers.
    """
    model, exact = onnx.load_model_from_string(int8), onnx.load_model_from_string(fp32)
    original = {node.name: node for node in exact.graph.node}
    quantised = set(layers_in_int8(model)) - set(names)
    makers = {output: node for node in model.graph.node for output in node.output}
    weights = {tensor.name: tensor for tensor in exact.graph.initializer}
    added: dict[str, onnx.TensorProto] = {}
    for node in model.graph.node:
        if node.op_type in (_DOWN, _UP) or node.name in quantised:
            continue
        for index, name in enumerate(node.input):
            plain = original[node.name].input[index] if node.name in original else name
            maker = makers.get(plain)
            # what a quantised layer gives passes its own pair, or the layer could not be executed in INT8
            if plain in weights and (name != plain or _from_pair(maker)):
                node.input[index] = f"{plain}_exact"  # the pair of a bias has taken its name
                added[plain] = weights[plain]
            elif maker is None or maker.name not in quantised:
                node.input[index] = plain
    for name, tensor in added.items():
        copy = model.graph.initializer.add()
        copy.CopyFrom(tensor)
        copy.name = f"{name}_exact"
    return in_order(model, model.graph.name)


def layers_in_int8(model: ModelProto) -> list[str]:
    """Names of the heavy nodes whose features and weights both come through a pair."""
    makers = {output: node for node in model.graph.node for output in node.output}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in HEAVY and all(_from_pair(makers.get(name)) for name in node.input[:2])
    ]


def in_order(model: ModelProto, name: str) -> bytes:
    """The bytes of a model without what nothing reads, checked; the same model gives the same bytes.

    Raises:
        JobFailed: It is not valid ONNX.
    """
    graph = model.graph
    _prune(graph)
    graph.name = name
    for node in graph.node:
        node.name = node.name or f"{node.op_type}_{node.output[0]}"
    del graph.value_info[:]
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        raise JobFailed(f"the INT8 graph is not valid ONNX ({one_line(exc)[:300]}): export with --fp16") from exc
    return bytes(model.SerializeToString(deterministic=True))


def _from_pair(maker: NodeProto | None) -> bool:
    return maker is not None and maker.op_type == _UP


def _prune(graph: GraphProto) -> None:
    needed = {value.name for value in graph.output}
    kept: list[NodeProto] = []
    for node in reversed(graph.node):
        if not needed.isdisjoint(node.output):
            kept.append(NodeProto.FromString(node.SerializeToString()))
            needed |= set(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    weights = [onnx.TensorProto.FromString(t.SerializeToString()) for t in graph.initializer if t.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(weights)


class _Reader:
    """The pictures, one after another, as ONNX Runtime's calibration asks for them."""

    def __init__(self, frames: Sequence[GoldenFrame]) -> None:
        self._frames: Iterator[GoldenFrame] = iter(frames)

    def get_next(self) -> dict[str, Any] | None:
        """The next picture; None after the last."""
        frame = next(self._frames, None)
        return None if frame is None else dict(fed(frame))

    def __next__(self) -> dict[str, Any]:
        following = self.get_next()
        if following is None:
            raise StopIteration
        return following

    def __iter__(self) -> _Reader:
        return self

    def set_range(self, start_index: int, end_index: int) -> None:
        """Part of a long calibration; the pictures here are few."""
        raise NotImplementedError


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep out of stderr what the quantiser recommends on every run and what does not apply here."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)
