"""Graphs by the contract that are hard in FP16 or INT8, written on the spot, and the frames to judge them by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeenh_export.execute import OnnxRunner
from edgeenh_export.golden import GoldenFrame, fit, shipped_frames

Graph = Callable[..., bytes]
SIZE = (96, 64)


class Builder:
    """Writes a graph by the contract around a network of features in 0…1, NCHW."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[TensorProto] = []

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name, **attributes))
        return name

    def conv(self, features: str, channels: int, out: int, seed: int, gain: float = 1.0) -> str:
        weight = np.random.default_rng(seed).normal(0, gain / np.sqrt(9 * channels), (out, channels, 3, 3))
        return self.add("Conv", features, self.constant(weight), kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def graph(self, network: Callable[[Builder, str], str], size: tuple[int, int] | None = SIZE) -> bytes:
        frame = self.add("Cast", "image", to=TensorProto.FLOAT)
        unit = self.add("Transpose", self.add("Mul", frame, self.constant(1 / 255)), perm=[0, 3, 1, 2])
        change = self.add("Tanh", network(self, unit))
        change = self.add("Mul", self.add("Transpose", change, perm=[0, 2, 3, 1]), self.constant(60.0))
        total = self.add("Add", frame, self.add("Mul", change, "strength"))
        clipped = self.add("Clip", total, self.constant(0.0), self.constant(255.0))
        self.nodes.append(
            helper.make_node("Cast", [self.add("Round", clipped)], ["enhanced"], "Cast_last", to=TensorProto.UINT8)
        )
        sides: list[Any] = [size[1], size[0]] if size else ["height", "width"]
        picture = [1, *sides, 3]
        inputs = [
            helper.make_tensor_value_info("image", TensorProto.UINT8, picture),
            helper.make_tensor_value_info("strength", TensorProto.FLOAT, [1]),
        ]
        output = helper.make_tensor_value_info("enhanced", TensorProto.UINT8, picture)
        graph = helper.make_graph(self.nodes, "hard", inputs, [output], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())


@pytest.fixture
def build() -> Callable[[Callable[[Builder, str], str]], bytes]:
    """build(network) → a graph by the contract for 96×64."""
    return lambda network: Builder().graph(network)


def plain(b: Builder, x: str) -> str:
    """Three convolutions: nothing is hard."""
    x = b.add("LeakyRelu", b.conv(x, 3, 8, 1), alpha=0.2)
    x = b.add("LeakyRelu", b.conv(x, 8, 8, 2), alpha=0.2)
    return b.conv(x, 8, 3, 3)


@pytest.fixture
def plain_graph(build: Callable[..., bytes]) -> bytes:
    return build(plain)


@pytest.fixture(scope="session")
def frames() -> list[GoldenFrame]:
    return [GoldenFrame(frame.name, fit(frame.image, SIZE)) for frame in shipped_frames()]


@pytest.fixture
def references(frames: list[GoldenFrame]) -> Callable[[bytes], list[np.ndarray]]:
    """What a graph makes of the frames in FP32."""

    def run(fp32: bytes) -> list[np.ndarray]:
        with OnnxRunner(fp32, "fp32", "reference") as enhance:
            return [enhance(frame.image) for frame in frames]

    return run


@pytest.fixture
def pictures(tmp_path, frames):
    """A folder of calibration pictures: crops of the shipped frames."""
    folder = tmp_path / "calibration"
    folder.mkdir()
    for index, frame in enumerate(shipped_frames()):
        for part in range(4):
            crop = frame.image[part * 20 : part * 20 + 128, : 160 + 16 * part]
            cv2.imwrite(str(folder / f"{index}-{part}.png"), np.ascontiguousarray(crop[..., ::-1]))
    return folder
