import copy
import os
from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeenh.backends import Model, SessionOptions, get_backend, onnx_file
from edgeenh.backends.onnx_file import check_onnx
from edgeenh.backends.onnx_operators import OPERATORS
from edgeenh.errors import IntegrityError


def _externalise(tensor, path="weights.bin"):
    onnx.external_data_helper.set_external_data(tensor, path)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")


def _tensor(path="weights.bin"):
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    _externalise(tensor, path)
    return tensor


@pytest.fixture
def model(contract_onnx):
    return onnx.load_from_string(contract_onnx())


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_model_in_one_file_passes_and_is_described(contract_onnx, precision):
    data = contract_onnx(precision)
    facts, graph = check_onnx(data, "tiny"), onnx.load_from_string(data).graph
    assert facts.nodes == len(graph.node)
    assert facts.tensors == len(graph.initializer)
    assert facts.weight_bytes == sum(len(tensor.raw_data) for tensor in graph.initializer)
    assert facts.operators["Conv"] == 1


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_weights_in_another_file_are_refused_before_the_library_sees_them(backend, model, tmp_path, monkeypatch):
    """ONNX Runtime would read them from the working directory."""
    _externalise(model.graph.initializer[0])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(os.urandom(64))
    with pytest.raises(IntegrityError, match="tiny keeps weights in another file"):
        get_backend(backend).open_session(
            Model("tiny", model.SerializeToString(), "fp32", "0" * 64), SessionOptions(48, 64, "fp32")
        )


def _in_attribute(model):
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=_tensor("../../etc/passwd")))


def _in_subgraph(model):
    graph = helper.make_graph([], "then", [], [], [_tensor("/etc/passwd")])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph))


def _only_named(model):
    model.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")


@pytest.mark.parametrize("hide", [_in_attribute, _in_subgraph, _only_named])
def test_wherever_a_tensor_can_be_external_data_is_found(model, hide):
    hide(model)
    with pytest.raises(IntegrityError, match="another file"):
        check_onnx(model.SerializeToString(), "tiny")


def _function(model):
    node = helper.make_node("Constant", [], ["c"], value=_tensor())
    model.functions.append(helper.make_function("own", "f", [], ["c"], [node], []))


def _sparse(model):
    model.graph.sparse_initializer.append(onnx.SparseTensorProto(values=_tensor(), dims=[4]))


def _custom_domain(model):
    model.graph.node[0].domain = "com.evil"


def _loop(model):
    model.graph.node[0].op_type = "Loop"


def _decoder(model):
    model.graph.node[0].op_type = "ImageDecoder"


def _training(model):
    model.training_info.add().algorithm.name = "adam"


def _sequence(model):
    model.graph.output.add(name="s").type.sequence_type.elem_type.tensor_type.elem_type = 1


def _huge_dims(model):
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([1 << 40, 1 << 40])


def _negative_dims(model):
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([-1])


def _many_dims(model):
    model.graph.initializer[0].dims.extend([1] * 17)


def _huge_typed_dims(model):
    model.graph.initializer.add(name="t", data_type=TensorProto.FLOAT, float_data=[1.0], dims=[1 << 30])


def _text_tensor(model):
    model.graph.initializer.add(name="t", data_type=TensorProto.STRING, string_data=[b"x"], dims=[1])


def _data_twice(model):
    model.graph.initializer[0].float_data.append(1.0)


def _huge_input(model):
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1 << 40


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_function, "holds functions"),
        (_sparse, "sparse tensor"),
        (_custom_domain, "custom domain 'com.evil'"),
        (_loop, "operator 'Loop', which is not on the list"),
        (_decoder, "operator 'ImageDecoder'"),
        (_training, "training graph"),
        (_sequence, "no tensor"),
        (_huge_dims, "declares .* values and has"),
        (_negative_dims, "declares .* values and has"),
        (_many_dims, "more than 16 dimensions"),
        (_huge_typed_dims, "declares 1,073,741,824 values and has 4 bytes"),
        (_text_tensor, "tensor of text"),
        (_data_twice, "data in two places"),
        (_huge_input, "declares a picture with a side of"),
    ],
)
def test_what_a_generator_does_not_need_is_refused(model, spoil, message):
    spoil(model)
    with pytest.raises(IntegrityError, match=f"tiny .*{message}"):
        check_onnx(model.SerializeToString(), "tiny")


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_NODES", 3, "more than 3 nodes"),
        ("MAX_TENSORS", 2, "holds 3 tensors"),
        ("MAX_WEIGHT_BYTES", 8, "expected at most .* with 8"),
        ("MAX_FIELDS", 20, "more than 20 parts"),
    ],
)
def test_limits_hold(model, monkeypatch, limit, value, message):
    monkeypatch.setattr(onnx_file, limit, value)
    with pytest.raises(IntegrityError, match=message):
        check_onnx(model.SerializeToString(), "tiny")


def test_a_graph_given_twice_is_refused(contract_onnx):
    """Readers merge the two; a check of one of them would be a check of something else."""
    data = contract_onnx()
    extra = onnx.ModelProto(graph=onnx.GraphProto(name="second")).SerializeToString()
    with pytest.raises(IntegrityError, match="field 7 of a model twice"):
        check_onnx(data + extra, "tiny")


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64, np.uint8, np.float64, bool])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 5)])
@pytest.mark.parametrize("raw", [True, False])
def test_every_honest_tensor_passes(model, kind, shape, raw):
    values = np.ones(shape, kind)
    tensor = numpy_helper.from_array(values, "t")
    if not raw:
        number = helper.np_dtype_to_tensor_dtype(values.dtype)
        tensor = helper.make_tensor("t", number, shape, values.ravel().tolist())
    model.graph.initializer.append(tensor)
    assert check_onnx(model.SerializeToString(), "tiny").tensors == len(model.graph.initializer)


def test_the_operators_of_the_list_exist():
    standard = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if schema.domain == ""}
    assert OPERATORS - standard <= {"Affine", "Crop", "ImageScaler", "RMSNormalization", "Attention", "Swish"}
    assert not OPERATORS & {"Loop", "Scan", "RandomNormal", "ImageDecoder", "StringConcat", "SequenceAt"}


@given(st.binary(max_size=300))
def test_any_bytes_pass_or_are_an_integrity_error(data):
    with suppress(IntegrityError):
        check_onnx(data, "noise")


@given(st.data())
def test_a_changed_model_passes_only_if_onnx_finds_nothing_forbidden_either(contract_onnx, data):
    """Parser against parser: what the walk lets through, the package `onnx` must read as allowed operators, no paths."""
    changed = bytearray(contract_onnx())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        facts = check_onnx(bytes(changed), "changed")
        model = onnx.load_from_string(bytes(changed))
    except Exception:
        return
    assert {node.op_type for node in model.graph.node} == set(facts.operators)
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    assert not model.functions
    assert not any(tensor.external_data or tensor.data_location for tensor in model.graph.initializer)


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_a_cut_file_is_no_onnx(contract_onnx, cut):
    with pytest.raises(IntegrityError, match="no ONNX file"):
        check_onnx(contract_onnx()[:-cut], "cut")


@pytest.mark.parametrize(
    "data",
    [
        b"\x3b\x00",  # a group
        b"\xba\x80\x80\x80\x70\x00",  # a tag that is field 7 only in the low 32 bits
        b"\x02\x00",  # field number 0
        b"\x08" + b"\xff" * 9 + b"\x7f",  # a number beyond 64 bits
        b"\x38\x01",  # the graph as a number
    ],
)
def test_what_readers_could_read_in_two_ways_is_no_onnx(data):
    with pytest.raises(IntegrityError, match="no ONNX file"):
        check_onnx(data, "odd")


def test_nothing_is_no_model():
    with pytest.raises(IntegrityError, match="holds no graph"):
        check_onnx(b"", "empty")


@pytest.mark.parametrize(("depth", "passes"), [(8, True), (9, False)])
def test_graphs_nested_too_deep_are_refused(depth, passes):
    graph = helper.make_graph([], "leaf", [], [])
    for _ in range(depth):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=copy.deepcopy(graph))], "g", [], [])
    data = helper.make_model(graph).SerializeToString()
    if passes:
        assert check_onnx(data, "deep").subgraph_depth == depth
        return
    with pytest.raises(IntegrityError, match="nests graphs 9 deep"):
        check_onnx(data, "deep")
