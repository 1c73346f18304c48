import hashlib

import numpy as np
import pytest

from edgeenh.bundle import Engine, Gate, Generator, Golden, Manifest, Onnx, Profile, Training, write_bundle
from edgeenh.drift import Thresholds
from edgeenh.gate import judge
from edgeenh.pictures import encode_picture


def _digest(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def members(contract_onnx):
    """The members of a small bundle."""
    frame = np.random.default_rng(7).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return {
        "generator.fp32.onnx": contract_onnx("fp32"),
        "generator.fp16.onnx": contract_onnx("fp16"),
        "golden/tooth.png": encode_picture(frame, ".png"),
        "golden/tooth.fp32.png": encode_picture(frame ^ 1, ".png"),
        "engines/fp16.plan": b"plan",
        "MODEL_CARD.md": b"# card\n",
    }


@pytest.fixture
def manifest(members):
    frame = np.zeros((16, 16, 3), np.uint8)
    verdict = judge([("tooth", frame, frame)], Thresholds()).to_json()
    profile = Profile((16, 16), (64, 32), (128, 128))
    fp16 = _digest(members["generator.fp16.onnx"])
    return Manifest(
        id="dental-n",
        version=1,
        created="2026-11-22T10:00:00Z",
        generator=Generator("n", 1234, 56.5, 0.25, 16, (16, 16), (4096, 4096)),
        training=Training("zahnbilder ä", "CC0-1.0", 100, "0" * 64),
        onnx=Onnx(20, 10),
        precisions={"fp32": "generator.fp32.onnx", "fp16": "generator.fp16.onnx"},
        golden=(Golden("tooth", "golden/tooth.png", "golden/tooth.fp32.png"),),
        gate=Gate(50.0, 0.995, ({"precision": "fp16", "backend": "onnxruntime", **verdict},)),
        tools={"edgeenh": "0.1.0", "python": "3.11.7"},
        engines=(
            Engine("engines/fp16.plan", "tensorrt_rtx", "1.7.1", "fp16", fp16, "dental-n", profile, ("8.6", "9.0")),
        ),
    )


@pytest.fixture
def bundle(tmp_path, manifest, members):
    return write_bundle(tmp_path / "small.edgeenh", manifest, members)
