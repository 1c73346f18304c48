"""The graph contract around a model from elsewhere: uint8 NHWC in and out, `strength`, and the residual cap.

    colour   image uint8 [1,H,W,3] ─ Cast ─┬─ range, order, layout ─ model ─ layout, order, range ─ clamp ─┐
                                           └─ enlarged, where the model enlarges ── base ────────────────── − ─ clamp(±cap) ─ · strength ─ + base ─ clamp ─ round ─ Cast
    grey     image float32 [1,H,W,1], 0…1: the same without the casts and the rounding

Everything around the model stands in FP32 and on the image's own scale, where its values are exact: strength 0 adds
nothing to them. A model of scale s is compared with the frame enlarged s times by bilinear interpolation, which is also
what strength 0 gives: bilinear keeps to the range of the frame's values, and its weights are exact in FP32 for s = 2 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, compose, helper, numpy_helper

from edgeenh import __version__
from edgeenh.backends.contract import INPUT, OUTPUT, STRENGTH
from edgeenh.backends.onnx_file import check_onnx
from edgeenh.errors import IntegrityError, JobFailed
from edgeenh_export.onnx_tidy import strip
from edgeenh_export.onnx_writer import IR_VERSION
from edgeenh_export.options import Size
from edgeenh_export.sources.contract import Contract
from edgeenh_export.sources.overrides import RANGES

WRAPPER = "edgeenh_"
"""What the names of the nodes around the model begin with."""
MODEL = "model_"
"""What the names of the model's own nodes and tensors begin with."""

_TO_NCHW, _TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


def wrap(
    model: ModelProto,
    contract: Contract,
    cap: float,
    *,
    fixed: Size | None,
    name: str,
    version: int,
    metadata: Mapping[str, str],
) -> bytes:
    """Write the graph.

    Args:
        model: In its form, with one input; not changed.
        contract: What it takes and gives.
        cap: Largest change of a value at strength 1, where 1 is the full range.
        fixed: The only (width, height) that the graph takes; None = dimensions `height` and `width`.
        name: The model's id; becomes the graph's name.
        version: The model's version.
        metadata: What the file says of itself under `metadata_props`.

    Returns:
        The file's bytes, FP32.

    Raises:
        JobFailed: The result is no valid graph by the contract.
    """
    inner = compose.add_prefix(_only(model, contract.reading.output), MODEL)
    taken, given = inner.graph.input[0], MODEL + contract.reading.output
    around = _Around(contract)
    before = around.before(taken)
    after = around.after(given, cap)
    graph = helper.make_graph(
        [*before, *inner.graph.node, *after], name, *around.ends(fixed), [*inner.graph.initializer, *around.constants]
    )
    wrapped = helper.make_model(graph, opset_imports=inner.opset_import, ir_version=max(inner.ir_version, IR_VERSION))
    strip(wrapped)
    wrapped.model_version = version
    wrapped.producer_name, wrapped.producer_version = "edgeenh", __version__
    helper.set_model_props(wrapped, {f"edgeenh.{key}": value for key, value in sorted(metadata.items())})
    return _checked(wrapped)


def wrapper_nodes(onnx_bytes: bytes) -> set[str]:
    """Names of the nodes around the model, which stay in FP32 in every precision."""
    graph = onnx.load_model_from_string(onnx_bytes).graph
    return {node.name for node in graph.node if node.name.startswith(WRAPPER)}


def _only(model: ModelProto, output: str) -> ModelProto:
    """The part of a model that leads to one output; names that nodes lack are made up."""
    kept: ModelProto = ModelProto.FromString(model.SerializeToString())
    needed = {output}
    nodes: list[onnx.NodeProto] = []
    for index, node in reversed(list(enumerate(kept.graph.node))):
        if needed.isdisjoint(node.output):
            continue
        node.name = node.name or f"{node.op_type}_{index}"
        nodes.insert(0, node)
        needed |= {name for name in node.input if name} | _captured(node)
    weights = [tensor for tensor in kept.graph.initializer if tensor.name in needed]
    graph = GraphProto(name=kept.graph.name, node=nodes, initializer=weights, input=kept.graph.input)
    graph.output.extend(value for value in kept.graph.output if value.name == output)
    kept.graph.CopyFrom(graph)
    return kept


def _captured(node: onnx.NodeProto) -> set[str]:
    """What the graphs inside a node read; more than is needed does no harm."""
    graphs = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    nodes = [inner for graph in graphs for inner in graph.node]
    outputs = {value.name for graph in graphs for value in graph.output}
    return outputs | {name for inner in nodes for name in inner.input if name} | set().union(*map(_captured, nodes))


class _Around:
    """The nodes around a model.

    Attributes:
        constants: What they read besides.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract, self._pixels = contract, contract.pixels
        self._full = float(contract.pixels.scale)
        self.constants: list[TensorProto] = []
        self._nodes: list[onnx.NodeProto] = []
        self._frame, self._count = "", 0

    def before(self, taken: onnx.ValueInfoProto) -> list[onnx.NodeProto]:
        """From the image to what the model takes."""
        reading, self._nodes = self._contract.reading, []
        colour = self._pixels.dtype == "uint8"
        # grey needs no cast, but a node of its own: its values are the model's and the sum's
        self._frame = self._add(
            "Cast" if colour else "Identity", INPUT, **({"to": TensorProto.FLOAT} if colour else {})
        )
        low, high = RANGES[reading.range.given]
        current = self._frame
        if self._full != high - low:
            current = self._add("Mul", current, self._constant(np.float32((high - low) / self._full)))
        if low:
            current = self._add("Add", current, self._constant(np.float32(low)))
        current = self._reorder(current, reading.colour.given)
        if reading.layout.given == "NCHW":
            current = self._add("Transpose", current, perm=_TO_NCHW)
        if taken.type.tensor_type.elem_type == TensorProto.UINT8:
            current = self._add("Cast", self._add("Round", current), to=TensorProto.UINT8)
        self._nodes[-1].output[0] = taken.name
        if len(self._nodes) == 1:  # the image goes in as it is: the sum reads the same
            self._frame = taken.name
        return self._nodes

    def after(self, given: str, cap: float) -> list[onnx.NodeProto]:
        """From what the model gives to the enhanced image."""
        reading, self._nodes = self._contract.reading, []
        low, high = RANGES[reading.range.back]
        current = self._add("Cast", given, to=TensorProto.FLOAT)
        if reading.layout.back == "NCHW":
            current = self._add("Transpose", current, perm=_TO_NHWC)
        current = self._reorder(current, reading.colour.back)
        if low:
            current = self._add("Sub", current, self._constant(np.float32(low)))
        if self._full != high - low:
            current = self._add("Mul", current, self._constant(np.float32(self._full / (high - low))))
        base = self._base()
        change = self._add("Sub", self._clip(current, 0.0, self._full), base)
        if cap < 1:
            change = self._clip(change, -cap * self._full, cap * self._full)
        total = self._add("Add", base, self._add("Mul", change, STRENGTH))
        current = self._clip(total, 0.0, self._full)
        if self._pixels.dtype == "uint8":
            self._add("Cast", self._add("Round", current), to=TensorProto.UINT8)
        self._nodes[-1].output[0] = OUTPUT
        return self._nodes

    def ends(self, fixed: Size | None) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
        """Inputs and outputs by the graph contract."""
        kind = TensorProto.UINT8 if self._pixels.dtype == "uint8" else TensorProto.FLOAT
        scale, channels = self._contract.scale, self._pixels.channels
        sides: list[Any] = [fixed[1], fixed[0]] if fixed else ["height", "width"]
        back = [side * scale for side in sides] if fixed else sides if scale == 1 else ["scaled_height", "scaled_width"]
        image = helper.make_tensor_value_info(INPUT, kind, [1, *sides, channels])
        strength = helper.make_tensor_value_info(STRENGTH, TensorProto.FLOAT, [1])
        return [image, strength], [helper.make_tensor_value_info(OUTPUT, kind, [1, *back, channels])]

    def _base(self) -> str:
        """What the change is added to: the frame, enlarged where the model enlarges."""
        scale = self._contract.scale
        if scale == 1:
            return self._frame
        scales = self._constant(np.array([1, 1, scale, scale], np.float32))
        planes = self._add("Transpose", self._frame, perm=_TO_NCHW)
        enlarged = self._add("Resize", planes, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
        return self._add("Transpose", enlarged, perm=_TO_NHWC)

    def _reorder(self, name: str, order: str) -> str:
        """Red and blue swapped, where the model has them so; NHWC."""
        if order != "BGR":
            return name
        return self._add("Gather", name, self._constant(np.array([2, 1, 0], np.int64)), axis=3)

    def _clip(self, name: str, low: float, high: float) -> str:
        return self._add("Clip", name, *(self._constant(np.float32(end)) for end in (low, high)))

    def _constant(self, value: Any) -> str:
        name = f"{WRAPPER}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        self._count += 1
        name = f"{WRAPPER}{operator}_{self._count}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], name, **attributes))
        return name


def _checked(model: ModelProto) -> bytes:
    """The bytes of a graph that is valid, with inferable shapes, and that the runtime takes.

    Raises:
        JobFailed: It is not.
    """
    data = bytes(model.SerializeToString(deterministic=True))
    try:
        onnx.checker.check_model(model, full_check=True)
        check_onnx(data, "the wrapped model")
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, IntegrityError) as exc:
        raise JobFailed(
            f"the model with the graph contract around it is not valid ({' '.join(str(exc).split())[:300]}): "
            "export the model again from its own framework, with fixed sizes"
        ) from exc
    return data
