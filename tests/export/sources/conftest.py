"""Tiny image-to-image models that are written on the spot, in every form that models from elsewhere come in."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from edgeenh_export.sources.contract import Contract
from edgeenh_export.sources.discovery import discover
from edgeenh_export.sources.onnx_model import bring_to_form
from edgeenh_export.sources.overrides import Overrides

RANGES = {"unit": (0.0, 1.0), "signed": (-1.0, 1.0), "byte": (0.0, 255.0)}
Make = Callable[..., ModelProto]


def toy(
    values: str = "unit",
    layout: str = "NCHW",
    *,
    size: tuple[int, int] | None = None,
    channels: int = 3,
    out_channels: int | None = None,
    back: str | None = None,
    scale: int = 1,
    bounded: bool = True,
    half: bool = False,
    gain: float = 0.8,
    stride: int = 1,
    opset: int = 17,
    tint: Sequence[float] = (0.02, 0.0, 0.0),
    overflow: float = 1.0,
) -> ModelProto:
    """A tone curve behind a 3×3 convolution that blurs a little: y = x^gain, in whichever form is asked for.

    Args:
        values: Range in; and out, unless `back` says another.
        layout: Of both.
        size: (width, height); None = any.
        channels: In.
        out_channels: Out; None = as in.
        back: Range out.
        scale: How many times larger it gives.
        bounded: It ends in a clamp.
        half: Weights and tensors in FP16.
        gain: Of the tone curve; below 1 it brightens.
        stride: Sides must be multiples of this.
        opset: Of the file.
        tint: Added to each channel: red and blue are then treated differently.
        overflow: A detour over so many times the values.
    """
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    number = np.float16 if half else np.float32
    nodes: list[onnx.NodeProto] = []
    weights: list[TensorProto] = []

    def constant(value: Any, dtype: Any = number) -> str:
        name = f"c{len(weights)}"
        weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"t{len(nodes)}"
        nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    low, high = RANGES[values]
    current = add("Sub", "x", constant(low)) if low else add("Identity", "x")
    current = add("Mul", current, constant(1 / (high - low)))
    if layout == "NHWC":
        current = add("Transpose", current, perm=[0, 3, 1, 2])
    if stride > 1:  # an image that is no multiple comes back in another size
        planes = add("SpaceToDepth", current, blocksize=stride)
        current = add("DepthToSpace", planes, blocksize=stride)
    kernel = np.zeros((channels, channels, 3, 3))
    kernel[range(channels), range(channels)] = np.array([[0, 0.02, 0], [0.02, 0.92, 0.02], [0, 0.02, 0]])
    current = add("Conv", current, constant(kernel), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    current = add("Mul", add("Mul", current, constant(overflow)), constant(1 / overflow))
    current = add("Pow", add("Max", current, constant(1e-4)), constant(gain))
    if channels == 3:
        current = add("Add", current, constant(np.array(tint).reshape(1, 3, 1, 1)))
    if scale > 1:
        scales = constant([1, 1, scale, scale], np.float32)
        current = add("Resize", current, "", scales, mode="nearest")
    if out_channels not in (None, channels):
        mix = np.full((out_channels, channels, 1, 1), 1 / channels)
        current = add("Conv", current, constant(mix), kernel_shape=[1, 1])
    if bounded:
        current = add("Clip", current, constant(0.0), constant(1.0))
    low, high = RANGES[back or values]
    current = add("Mul", current, constant(high - low))
    if low:
        current = add("Add", current, constant(low))
    if layout == "NHWC":
        current = add("Transpose", current, perm=[0, 2, 3, 1])
    nodes[-1].output[0] = "y"
    sides: list[Any] = [size[1], size[0]] if size else ["h", "w"]
    given = [1, channels, *sides] if layout == "NCHW" else [1, *sides, channels]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("x", kind, given)],
        [helper.make_tensor_value_info("y", kind, None)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_name="toys")


@pytest.fixture(scope="session")
def make_toy() -> Make:
    return toy


@pytest.fixture(scope="session")
def found() -> Callable[..., Contract]:
    """What discovery finds of a model."""

    def find(model: ModelProto, sizes: Sequence[tuple[int, int]] = (), **stated: Any) -> Contract:
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        formed = bring_to_form(model, "toy.onnx")
        return discover(formed, Overrides(**stated), sizes, name="toy.onnx", metadata=metadata, threads=1)

    return find


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """A model in a file."""

    def write(model: ModelProto, name: str = "toy.onnx") -> Path:
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def real_models() -> Path:
    """The folder of models that others really made."""
    folder = os.environ.get("EDGEENH_DATA", "")
    if not folder or not (Path(folder) / "models").is_dir():
        pytest.skip("needs EDGEENH_DATA with models/ in it")
    return Path(folder) / "models"
