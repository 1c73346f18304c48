import importlib.metadata
import os
import sys

import numpy as np
import pytest

from edgeenh.backends import SessionOptions, libraries, openvino, openvino_graph
from edgeenh.errors import BackendUnavailable, MissingExtra

pytestmark = pytest.mark.skipif(not openvino.availability().usable, reason="openvino is not installed")


def _offered():
    return libraries.import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.mark.parametrize(("precision", "capability", "word"), [("fp16", "FP16", "f16"), ("bf16", "BF16", "bf16")])
def test_low_precision_is_proven_layer_by_layer_or_refused(precision, capability, word, make_model):
    model = make_model("fp16" if precision == "fp16" else "fp32")
    options = SessionOptions(48, 64, precision)
    if capability not in _offered():
        with pytest.raises(BackendUnavailable, match=f"no {precision} arithmetic"):
            openvino.open_session(model, options)
        return
    session = openvino.open_session(model, options)
    assert session.info.provider == f"CPU plug-in, 1 of 1 heavy layers in {word}"


def test_cpu_without_the_precision_is_refused_with_the_reason(monkeypatch, make_model):
    class Core:
        def get_property(self, device, name):
            return "old CPU" if name == "FULL_DEVICE_NAME" else ["FP32"]

    monkeypatch.setattr(openvino, "_core", Core)
    with pytest.raises(BackendUnavailable, match=r"no bf16 arithmetic \(openvino offers FP32\)"):
        openvino.open_session(make_model(), SessionOptions(48, 64, "bf16"))


def test_plug_in_that_executes_another_precision_is_refused(monkeypatch, make_model):
    compile_as_asked = openvino._compile
    monkeypatch.setattr(openvino, "_HINTS", {"fp32": "f32"})
    compiled = compile_as_asked(openvino._read(make_model()), make_model(), SessionOptions(48, 64, "fp32"), 1)
    monkeypatch.setattr(openvino, "_HINTS", {"bf16": "bf16"})
    with pytest.raises(BackendUnavailable, match="asked for bf16 and executes 1 heavy layers 1 in f32"):
        openvino._proven(compiled, "bf16")


def test_default_precision_of_the_plug_in_never_passes_for_fp32(monkeypatch, make_model):
    """On CPUs with bf16 the plug-in's own default is bf16."""
    if "BF16" not in _offered():
        pytest.skip("this CPU has no bf16")
    monkeypatch.setattr(openvino, "_HINTS", {"fp32": "bf16"})
    compiled = openvino._compile(openvino._read(make_model()), make_model(), SessionOptions(48, 64, "fp32"), 1)
    monkeypatch.setattr(openvino, "_HINTS", {"fp32": "f32"})
    with pytest.raises(BackendUnavailable, match="asked for fp32"):
        openvino._proven(compiled, "fp32")


def test_missing_library_names_the_extra(monkeypatch, make_model):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert openvino.availability().fix == "pip install 'edgeenh[openvino]'"
    with pytest.raises(MissingExtra, match=r"edgeenh\[openvino\]"):
        openvino.open_session(make_model(), SessionOptions(48, 64, "fp32"))


def test_library_that_does_not_load_is_said_in_one_line(monkeypatch):
    def fail():
        raise RuntimeError("Cannot load\nplug-in")

    monkeypatch.setattr(openvino, "_core", fail)
    assert openvino.availability().reason == "it does not load: Cannot load plug-in"


def test_switching_telemetry_off_leaves_the_process_as_it_was(monkeypatch):
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    libraries.import_onnxruntime()
    libraries.import_openvino()
    assert "ORT_DISABLE_TELEMETRY" not in os.environ
    assert sys.modules.get("openvino_telemetry", "absent") == "absent"
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    libraries.import_onnxruntime()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"


def _framed(reshape_shape):
    """Bytes in, floats, reshaped, three more, reshaped back, bytes out: as `edgeenh_export.graph` writes colour."""
    library = libraries.import_openvino()
    ops = library.opset13
    image = ops.parameter([1, 16, 8, 3], np.uint8, name="image")
    image.output(0).get_tensor().set_names({"image"})
    blocks = ops.reshape(ops.convert(image, "f32"), ops.constant(np.array(reshape_shape)), special_zero=False)
    brighter = ops.round(ops.add(blocks, ops.constant(np.float32(3))), "half_to_even")
    enhanced = ops.convert(ops.reshape(brighter, ops.constant(np.array([1, 16, 8, 3])), special_zero=False), "u8")
    enhanced.output(0).get_tensor().set_names({"enhanced"})
    return library.Model([enhanced], [image])


def test_reshapes_next_to_the_casts_move_to_where_the_frame_is_bytes():
    graph, image = _framed([2, 8, 24]), (np.arange(384) % 250).astype(np.uint8).reshape(1, 16, 8, 3)
    assert openvino_graph.reshape_bytes(graph) == 2
    reshapes = [node for node in graph.get_ordered_ops() if node.get_type_name() == "Reshape"]
    assert [node.output(0).get_element_type().get_type_name() for node in reshapes] == ["u8", "u8"]
    compiled = libraries.import_openvino().Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled({"image": image})["enhanced"]
    np.testing.assert_array_equal(found, image + 3)
    assert openvino_graph.reshape_bytes(graph) == 0


def test_a_graph_without_reshaped_frames_stays_as_it_is(make_model):
    graph = openvino._read(make_model())
    before = [node.get_type_name() for node in graph.get_ordered_ops()]
    assert openvino_graph.reshape_bytes(graph) == 0
    assert [node.get_type_name() for node in graph.get_ordered_ops()] == before
