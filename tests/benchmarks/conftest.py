"""A tiny bundle by the graph contract, and frames with something in them, made on the spot."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgeenh.bundle.manifest import Gate, Generator, Golden, Manifest, Onnx, Training
from edgeenh.bundle.writer import write_bundle
from edgeenh.padding import upscale

WIDTH, HEIGHT = 64, 48


def brightening_onnx(float_type: int, scale: int = 1) -> bytes:
    """enhanced = clamp(round(enlarged image · (1 + 0.137 · strength))), computed in `float_type`."""
    kind = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    enlarge = helper.make_node("Resize", ["small", "", "scales"], ["pixels"], **kind)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels" if scale == 1 else "small"], to=float_type),
        *([] if scale == 1 else [enlarge]),
        helper.make_node("Cast", ["strength"], ["amount"], to=float_type),
        helper.make_node("Mul", ["amount", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "one"], ["factor"]),
        helper.make_node("Mul", ["pixels", "factor"], ["bright"]),
        helper.make_node("Clip", ["bright", "black", "white"], ["clipped"]),
        helper.make_node("Round", ["clipped"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["enhanced"], to=TensorProto.UINT8),
    ]
    values = {"gain": (0.137, [1]), "one": (1.0, [1]), "black": (0.0, []), "white": (255.0, [])}
    constants = [helper.make_tensor(name, float_type, shape, [value]) for name, (value, shape) in values.items()]
    if scale > 1:
        constants.append(helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, scale, scale, 1.0]))
    frame = [1, "height", "width", 3]
    enhanced = frame if scale == 1 else [1, "enhanced_height", "enhanced_width", 3]
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.UINT8, frame),
        helper.make_tensor_value_info("strength", TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("enhanced", TensorProto.UINT8, enhanced)]
    graph = helper.make_graph(nodes, "brighten", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def picture(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A smooth picture with texture: uint8 [height,width,3] RGB, another one for each seed."""
    random = np.random.default_rng(seed)
    coarse = random.integers(30, 200, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def png(image: np.ndarray) -> bytes:
    ok, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert ok
    return data.tobytes()


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole bundle: fp32 and fp16 graphs, two golden frames."""
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny.edgeenh")


@pytest.fixture(scope="session")
def enlarging_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, twice the frame's size."""
    return make_bundle(tmp_path_factory.mktemp("bundle") / "twice.edgeenh", scale=2)


def make_bundle(path: Path, scale: int = 1) -> Path:
    members = {
        "generator.fp32.onnx": brightening_onnx(TensorProto.FLOAT, scale),
        "generator.fp16.onnx": brightening_onnx(TensorProto.FLOAT16, scale),
    }
    golden = []
    for number in range(2):
        image = picture(number)
        bright = np.clip(np.rint(upscale(image, scale) * np.float32(1.137)), 0, 255).astype(np.uint8)
        members |= {f"golden/{number}.png": png(image), f"golden/{number}.fp32.png": png(bright)}
        golden.append(Golden(f"{number}", f"golden/{number}.png", f"golden/{number}.fp32.png"))
    manifest = Manifest(
        id="tiny",
        version=1,
        created="2026-11-22T10:00:00Z",
        generator=Generator("n", 1, 1.0, 0.5, 16, (16, 16), (256, 256), scale=scale),
        training=Training("none", "none", 0, hashlib.sha256(b"").hexdigest()),
        onnx=Onnx(20, 10),
        precisions={"fp32": "generator.fp32.onnx", "fp16": "generator.fp16.onnx"},
        golden=tuple(golden),
        gate=Gate(50.0, 0.995),
        tools={"edgeenh": "0.1.0"},
    )
    write_bundle(path, manifest, members)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of six pictures of another size than the bundle's golden frames."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.png").write_bytes(png(picture(number, 90, 60)))
    return folder
