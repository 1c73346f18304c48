"""Small real parts for the runtime's tests: a model by the graph contract, a bundle of it, a picture.

The model brightens: enhanced = clamp(image + strength · lift). A convolution computes the lift, so that backends have a
layer whose precision can be read back; in fp16 it is the part that runs in fp16, between two casts.
"""

from datetime import datetime

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeenh.bundle import Bundle, Gate, Generator, Golden, Manifest, Onnx, Training, write_bundle
from edgeenh.pictures import encode_frame
from edgeenh.pixels import GREY, RGB

LIFT = 40


@pytest.fixture(scope="session")
def contract_onnx():
    """contract_onnx(precision="fp32", fixed=None, lift=40, grey=False) → bytes; `fixed` is (width, height)."""
    return _contract_onnx


@pytest.fixture(scope="session")
def make_picture():
    """make_picture(height, width, seed=0) → uint8 [H,W,3] RGB, smooth with some grain, never constant."""
    return _picture


@pytest.fixture
def picture():
    return _picture(48, 64)


@pytest.fixture(scope="session")
def brightened():
    """brightened(image, strength=1.0) → what the small model makes of a picture, by NumPy."""
    return _brightened


@pytest.fixture(scope="session")
def make_bundle(tmp_path_factory):
    """make_bundle(fp16_lift=40, fixed=None, max_size=(512, 512), grey=False) → an opened bundle in a folder of its own."""

    def make(fp16_lift=LIFT, fixed=None, max_size=(512, 512), grey=False):
        width, height = fixed or (64, 48)
        frame = _grey_picture(height, width) if grey else _picture(height, width)
        reference = _grey_brightened(frame) if grey else _brightened(frame)
        members = {
            "generator.fp32.onnx": _contract_onnx("fp32", fixed, grey=grey),
            "generator.fp16.onnx": _contract_onnx("fp16", fixed, fp16_lift, grey=grey),
            "golden/frame.png": encode_frame(frame, ".png"),
            "golden/frame.fp32.png": encode_frame(reference, ".png"),
        }
        manifest = Manifest(
            id="tiny",
            version=1,
            created="2026-11-22T10:00:00Z",
            generator=Generator("tiny", 12, 9.0, 0.2, 16, (16, 16), max_size, fixed),
            training=Training("made by hand", "CC0-1.0", 0, "0" * 64),
            onnx=Onnx(20, 10),
            precisions={"fp32": "generator.fp32.onnx", "fp16": "generator.fp16.onnx"},
            golden=(Golden("frame", "golden/frame.png", "golden/frame.fp32.png"),),
            gate=Gate(50.0, 0.995),
            tools={"edgeenh": "0.1.0", "onnx": onnx.__version__},
            pixels=GREY if grey else RGB,
        )
        return write_bundle(tmp_path_factory.mktemp("bundle") / "tiny.edgeenh", manifest, members)

    return make


@pytest.fixture(scope="session")
def tiny_bundle_path(make_bundle):
    return make_bundle().path


@pytest.fixture
def tiny_bundle(tiny_bundle_path):
    return Bundle.open(tiny_bundle_path)


@pytest.fixture(scope="session")
def grey_bundle_path(make_bundle):
    return make_bundle(grey=True).path


@pytest.fixture
def grey_bundle(grey_bundle_path):
    return Bundle.open(grey_bundle_path)


@pytest.fixture(scope="session")
def make_grey():
    """make_grey(height, width, bits=16) → uint8 or uint16 [H,W], smooth with some grain, never constant."""
    return _grey_picture


@pytest.fixture(scope="session")
def grey_brightened():
    """grey_brightened(image, strength=1.0, bits=None) → what the small grey model makes of it, by NumPy, in double."""
    return _grey_brightened


@pytest.fixture(scope="session")
def dicom_of():
    """dicom_of(image, bits=8, *frames, **changes) → the content of a DICOM file, the frames behind the image; needs pydicom."""
    return _dicom_of


def _dicom_of(image, bits=8, *frames, **changes):
    import pydicom

    from edgeenh.dicom.derived import new_uid
    from edgeenh.dicom.original import Session, header_of, original_object
    from edgeenh.dicom.storing import to_bytes

    context = pydicom.Dataset()
    context.PatientName, context.PatientID, context.StudyInstanceUID = "Test^Anna", "4711", new_uid()
    session = Session("xc" if image.ndim == 3 else "sc", context, new_uid(), new_uid())
    header = header_of(image, "RGB" if image.ndim == 3 else "grey", bits)
    dataset = original_object(image, header, session, 1, new_uid(), datetime(2026, 11, 28, 9, 30, 0))
    if frames:
        dataset.NumberOfFrames = 1 + len(frames)
        dataset.PixelData = b"".join(np.ascontiguousarray(one).tobytes() for one in (image, *frames))
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return to_bytes(dataset)


def _grey_picture(height, width, bits=16):
    y, x = np.mgrid[0:height, 0:width]
    slope = (x / width + y / height) / 2 + np.random.default_rng(bits).uniform(-0.05, 0.05, (height, width))
    return np.clip(np.rint(slope * ((1 << bits) - 1)), 0, (1 << bits) - 1).astype(np.uint8 if bits == 8 else np.uint16)


def _grey_brightened(image, strength=1.0, bits=None):
    top = (1 << (bits or 8 * image.dtype.itemsize)) - 1
    return np.rint(np.clip(image / top + strength * LIFT / 255, 0, 1) * top).astype(image.dtype)


def _picture(height, width, seed=0):
    y, x = np.mgrid[0:height, 0:width]
    slope = np.stack([x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)], axis=-1)
    grain = np.random.default_rng(seed).integers(-12, 13, (height, width, 3))
    return np.clip(slope + grain, 0, 255).astype(np.uint8)


def _brightened(image, strength=1.0):
    return np.clip(image.astype(np.int32) + round(LIFT * strength), 0, 255).astype(np.uint8)


def _contract_onnx(precision="fp32", fixed=None, lift=LIFT, grey=False):
    half, channels = precision == "fp16", 1 if grey else 3
    height, width = (fixed[1], fixed[0]) if fixed else ("height", "width")
    kind = np.float16 if half else np.float32
    constants = {
        "full": np.float32(255),
        "zero": np.float32(0),
        "one": np.float32(1),
        "weight": np.full(
            (channels, channels, 1, 1), 1e-5, kind
        ),  # so small that the convolution gives its bias, and is not constant
        "bias": np.full(channels, lift / 255, kind),
    }
    node = helper.make_node
    into = [
        node("Cast", ["image"], ["as_float"], to=TensorProto.FLOAT),
        node("Transpose", ["as_float"], ["planes"], perm=[0, 3, 1, 2]),
        node("Div", ["planes", "full"], ["x"]),
    ]
    out = [
        node("Mul", ["clamped", "full"], ["scaled"]),
        node("Round", ["scaled"], ["rounded"]),
        node("Transpose", ["rounded"], ["channels_last"], perm=[0, 2, 3, 1]),
        node("Cast", ["channels_last"], ["enhanced"], to=TensorProto.UINT8),
    ]
    if grey:
        del constants["full"]
        into = [node("Transpose", ["image"], ["x"], perm=[0, 3, 1, 2])]
        out = [node("Transpose", ["clamped"], ["enhanced"], perm=[0, 2, 3, 1])]
    nodes = [
        *into,
        node("Cast", ["x"], ["x_half"], to=TensorProto.FLOAT16 if half else TensorProto.FLOAT),
        node("Conv", ["x_half", "weight", "bias"], ["residual_half"]),
        node("Cast", ["residual_half"], ["residual"], to=TensorProto.FLOAT),
        node("Mul", ["residual", "strength"], ["change"]),
        node("Add", ["x", "change"], ["sum"]),
        node("Clip", ["sum", "zero", "one"], ["clamped"]),
        *out,
    ]
    pictures = TensorProto.FLOAT if grey else TensorProto.UINT8
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("image", pictures, [1, height, width, channels]),
            helper.make_tensor_value_info("strength", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("enhanced", pictures, [1, height, width, channels])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()
