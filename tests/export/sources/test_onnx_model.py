"""Files that are refused before anything runs, and old forms that are brought to today's."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeenh.errors import InputError
from edgeenh_export.sources.onnx_model import bring_to_form, read_onnx


@pytest.mark.parametrize("content", [b"", b"no onnx at all", bytes(range(256)) * 8])
def test_what_is_no_onnx_is_refused(tmp_path, content):
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(InputError, match="is not an ONNX model"):
        read_onnx(tmp_path / "x.onnx")


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_onnx(tmp_path / "x.onnx")


@given(cut=st.integers(1, 400), flip=st.integers(0, 255))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused_or_read_and_never_a_traceback(make_toy, tmp_path, cut, flip):
    data = bytearray(make_toy(size=(64, 48)).SerializeToString())
    data[cut % len(data)] ^= flip
    (tmp_path / "x.onnx").write_bytes(data)
    try:
        model, _ = read_onnx(tmp_path / "x.onnx")
        bring_to_form(model, "x.onnx")
    except InputError:
        pass


def test_a_custom_domain_is_refused(make_toy):
    model = make_toy()
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    with pytest.raises(InputError, match=r"needs com.example.Identity, operators that only a custom library has"):
        bring_to_form(model, "x.onnx")


def test_external_data_is_refused(make_toy, tmp_path):
    model = make_toy()
    onnx.save(model, tmp_path / "x.onnx", save_as_external_data=True, size_threshold=0, location="w.bin")
    with pytest.raises(InputError, match="keeps weights in another file"):
        read_onnx(tmp_path / "x.onnx")


def branching(model, *nodes, weights=()):
    """The model with `nodes` in a branch that is never taken: they read `y`, and the last gives `then`."""
    value = helper.make_tensor_value_info
    then = helper.make_graph(nodes, "then", [], [value("then", TensorProto.FLOAT, None)], weights)
    keep = [helper.make_node("Identity", ["y"], ["else"])]
    other = helper.make_graph(keep, "else", [], [value("else", TensorProto.FLOAT, None)])
    model.graph.initializer.append(numpy_helper.from_array(np.array(False), "taken"))
    model.graph.node.append(helper.make_node("If", ["taken"], ["z"], then_branch=then, else_branch=other))
    model.graph.output[0].name = "z"
    return model


def outside(name="secret"):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="secret.bin")
    return tensor


@pytest.mark.parametrize("place", ["weight", "constant", "sparse"])
def test_external_data_in_a_branch_is_refused_before_a_library_opens_the_file(make_toy, tmp_path, place):
    """ONNX Runtime reads such a file from the working folder while it loads the model."""
    nodes = [helper.make_node("Add", ["y", "secret"], ["then"])]
    model = branching(make_toy(), *nodes, weights=[outside()] if place == "weight" else [])
    branch = model.graph.node[-1].attribute[0].g
    if place == "constant":
        branch.node.insert(0, helper.make_node("Constant", [], ["secret"], value=outside()))
    elif place == "sparse":
        branch.sparse_initializer.add(dims=[1]).values.CopyFrom(outside())
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="keeps weights in another file"):
        read_onnx(tmp_path / "x.onnx")


def test_custom_and_random_operators_in_a_branch_are_refused(make_toy):
    custom = branching(make_toy(), helper.make_node("Gelu", ["y"], ["then"], domain="com.microsoft"))
    custom.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    with pytest.raises(InputError, match=r"needs com\.microsoft\.Gelu, operators that only a custom library has"):
        bring_to_form(custom, "x.onnx")
    random = branching(make_toy(), helper.make_node("RandomNormalLike", ["y"], ["then"]))
    with pytest.raises(InputError, match="holds RandomNormalLike, expected only operators"):
        bring_to_form(random, "x.onnx")


def test_operators_that_give_another_result_every_time_are_refused(make_toy):
    model = make_toy()
    model.graph.node.insert(0, helper.make_node("RandomNormalLike", ["x"], ["noise"]))
    with pytest.raises(InputError, match="holds RandomNormalLike, expected only operators"):
        bring_to_form(model, "x.onnx")


def test_weights_that_are_listed_as_inputs_are_none(make_toy):
    model = make_toy()
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    assert [value.name for value in bring_to_form(model, "x.onnx").graph.input] == ["x"]


def result_of(model, image):
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), quiet, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": image})[0]


@pytest.mark.parametrize("auto_pad", ["VALID", "SAME_UPPER", "SAME_LOWER", "NOTSET"])
@pytest.mark.parametrize("wanted", [[42, 62], [41, 61], [38, 57]])
def test_an_output_shape_becomes_padding_which_tensorrt_heeds(auto_pad, wanted):
    """Its parser would give [41, 61] whatever was asked for; candy.onnx of Windows ML asks for one row and column more."""
    weight = np.random.default_rng(0).random((3, 3, 3, 3), np.float32)
    asked = {"strides": [2, 2], "auto_pad": auto_pad, "output_shape": wanted}
    nodes = [helper.make_node("ConvTranspose", ["x", "w"], ["y"], kernel_shape=[3, 3], **asked)]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, 20, 30]), ("y", [1, 3, *wanted]))
    ]
    graph = helper.make_graph(nodes, "up", ends[:1], ends[1:], [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    formed = bring_to_form(model, "up.onnx")
    assert {part.name for part in formed.graph.node[0].attribute}.isdisjoint({"output_shape", "auto_pad"})
    image = np.random.default_rng(1).random((1, 3, 20, 30), np.float32)
    expected = result_of(model, image)
    assert expected.shape[2:] == tuple(wanted)
    np.testing.assert_array_equal(result_of(formed, image), expected)


def test_operators_of_onnx_1_0_are_said_in_todays(tmp_path):
    weight = numpy_helper.from_array(np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1), "w")
    nodes = [
        helper.make_node("ImageScaler", ["x"], ["a"], bias=[1.0, 2.0, 3.0], scale=0.5),
        helper.make_node("Affine", ["a"], ["b"], alpha=4.0, beta=-1.0),
        helper.make_node("Crop", ["b"], ["c"], border=[1, 2, 3, 4]),
        helper.make_node("Crop", ["c"], ["d"], border=[1, 1, 0, 0], scale=[8, 9]),
        helper.make_node("Conv", ["d", "w"], ["y"], kernel_shape=[1, 1]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, 20, 30]), ("y", None))
    ]
    graph = helper.make_graph(nodes, "old", ends[:1], ends[1:], [weight])
    old = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 7)], ir_version=3)
    image = np.random.default_rng(0).random((1, 3, 20, 30), np.float32)
    results = [result_of(model, image) for model in (old, bring_to_form(old, "old.onnx"))]
    assert results[0].shape == results[1].shape == (1, 3, 8, 9)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-6)
