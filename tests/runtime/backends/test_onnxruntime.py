import ctypes
import importlib.metadata
import platform

import numpy as np
import onnx
import pytest

from edgeenh.backends import SessionInfo, SessionOptions, onnxruntime
from edgeenh.errors import BackendUnavailable, InferenceFailed, MissingExtra
from edgeenh.pixels import RGB


def _pretend_installed(monkeypatch, *packages):
    def version(name):
        if name in packages:
            return "1.0"
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)


def _break_import(monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(onnxruntime, "import_onnxruntime", fail)


def test_both_packages_at_once_are_named_with_the_fix(monkeypatch, make_model):
    _pretend_installed(monkeypatch, "onnxruntime", "onnxruntime-gpu")
    found = onnxruntime.availability()
    assert not found.usable
    assert "both installed" in found.reason
    assert found.fix.startswith("pip uninstall")
    with pytest.raises(BackendUnavailable, match="both installed"):
        onnxruntime.open_session(make_model(), SessionOptions(48, 64, "fp32"))


def test_missing_library_names_the_extra(monkeypatch, make_model):
    _pretend_installed(monkeypatch)
    _break_import(monkeypatch, ImportError("no module"))
    assert onnxruntime.availability().fix == "pip install 'edgeenh[cpu]'"
    with pytest.raises(MissingExtra, match=r"edgeenh\[cpu\]"):
        onnxruntime.open_session(make_model(), SessionOptions(48, 64, "fp32"))


def test_library_that_does_not_load_is_said_in_one_line(monkeypatch):
    _pretend_installed(monkeypatch, "onnxruntime")
    _break_import(monkeypatch, OSError("libgomp.so.1:\n cannot open"))
    found = onnxruntime.availability()
    assert (found.usable, found.version) == (False, "1.0")
    assert found.reason == "it does not load: libgomp.so.1: cannot open"


def test_cuda_is_offered_only_with_a_driver(monkeypatch):
    class Library:
        __version__ = "1.0"

        @staticmethod
        def get_available_providers():
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    monkeypatch.setattr(onnxruntime, "import_onnxruntime", lambda: Library)
    monkeypatch.setattr(onnxruntime, "driver_problem", lambda: "no driver")
    assert onnxruntime.availability().devices == ("CPU",)
    monkeypatch.setattr(onnxruntime, "driver_problem", lambda: "")
    assert onnxruntime.availability().devices == ("CUDA", "CPU")


def test_library_that_falls_back_to_the_cpu_in_silence_is_refused(monkeypatch, make_model):
    """Asked for CUDA without its libraries, onnxruntime warns and runs on the CPU."""
    library = onnxruntime.import_onnxruntime()
    real = library.InferenceSession

    class Falling:
        SessionOptions = library.SessionOptions

        @staticmethod
        def InferenceSession(data, settings, providers):  # noqa: N802
            assert settings.get_session_config_entry("session.disable_cpu_ep_fallback") == "1"
            assert providers == [("CUDAExecutionProvider", {"use_tf32": "0"})]
            settings.add_session_config_entry("session.disable_cpu_ep_fallback", "0")
            return real(data, settings, providers=["CPUExecutionProvider"])

    found = onnxruntime.Availability(usable=True, version="1.0", devices=("CUDA", "CPU"))
    monkeypatch.setattr(onnxruntime, "availability", lambda: found)
    monkeypatch.setattr(onnxruntime, "import_onnxruntime", lambda: Falling)
    with pytest.raises(BackendUnavailable, match="asked for CUDAExecutionProvider and took CPUExecutionProvider"):
        onnxruntime.open_session(make_model(), SessionOptions(48, 64, "fp32"))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the claim is about x86-64")
def test_provider_says_that_fp16_is_computed_in_fp32_and_it_is(make_model, tmp_path):
    session = onnxruntime.open_session(make_model("fp16"), SessionOptions(48, 64, "fp16"))
    assert session.info.provider == "CPUExecutionProvider (fp16 weights, fp32 arithmetic)"
    library = onnxruntime.import_onnxruntime()
    settings = library.SessionOptions()
    settings.log_severity_level = 4
    settings.graph_optimization_level = library.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    settings.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    library.InferenceSession(make_model("fp16").onnx, settings, providers=["CPUExecutionProvider"])
    nodes = onnx.load(tmp_path / "optimised.onnx").graph.node
    widened = {
        node.output[0] for node in nodes if node.op_type == "Cast" and node.attribute[0].i == onnx.TensorProto.FLOAT
    }
    convolutions = [node for node in nodes if node.op_type == "Conv"]
    assert convolutions
    assert all(node.input[1] in widened for node in convolutions)


def test_failure_of_the_library_on_a_frame_is_translated(make_model, picture):
    session = onnxruntime.open_session(make_model(), SessionOptions(48, 64, "fp32"))
    session._shape = (48, 48, 3)  # the frame then fits the check and not the model
    frame = np.ascontiguousarray(picture[:, :48])
    with pytest.raises(InferenceFailed, match="onnxruntime failed on a frame"):
        session.run(frame, 1.0, np.empty_like(frame))


class CopyingLibrary:
    """Binds as the library does for a GPU (`IOBinding::BindInput`): what is there at that moment is copied."""

    def __init__(self):
        self.inputs, self.out = {}, None

    def io_binding(self):
        return self

    def bind_input(self, name, device, number, element, shape, address):
        size = int(np.prod(shape))
        kind = np.ctypeslib.as_ctypes_type(element) * size
        self.inputs[name] = np.ctypeslib.as_array(kind.from_address(address)).reshape(shape).copy()

    def bind_output(self, name, device, number, element, shape, address):
        self.out = np.ctypeslib.as_array((ctypes.c_uint8 * int(np.prod(shape))).from_address(address)).reshape(shape)

    def run_with_iobinding(self, binding):
        self.out[:] = self.inputs["image"] + np.uint8(round(float(self.inputs["strength"][0]) * 40))


def test_a_gpu_session_sees_the_strength_of_every_frame_and_tells_its_copy():
    info = SessionInfo("onnxruntime", "CUDAExecutionProvider", "a GPU", "fp32", "1", "")
    session = onnxruntime.OnnxRuntimeSession(CopyingLibrary(), info, SessionOptions(4, 4, "fp32"), RGB)
    told = []
    session.lap = told.append
    image, out = np.full((4, 4, 3), 7, np.uint8), np.zeros((4, 4, 3), np.uint8)
    for strength in (0.0, 1.0, 0.5, 0.5, 0.0):
        session.run(image, strength, out)
        assert int(out[0, 0, 0]) == 7 + round(40 * strength)
    assert told[:2] == ["copy_in", "compute"]
