import os
from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeenh.backends import Model, SessionOptions, get_backend
from edgeenh.backends.onnx_file import refuse_external_data
from edgeenh.errors import IntegrityError


def _externalise(tensor, path="weights.bin"):
    onnx.external_data_helper.set_external_data(tensor, path)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")


def _tensor():
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    _externalise(tensor)
    return tensor


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_model_in_one_file_passes(contract_onnx, precision):
    refuse_external_data(contract_onnx(precision), "tiny")


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_weights_in_another_file_are_refused_before_the_library_sees_them(
    backend, contract_onnx, tmp_path, monkeypatch
):
    """ONNX Runtime would read them from the working directory."""
    model = onnx.load_from_string(contract_onnx())
    _externalise(model.graph.initializer[0])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(os.urandom(64))
    with pytest.raises(IntegrityError, match="tiny keeps weights in another file"):
        get_backend(backend).open_session(
            Model("tiny", model.SerializeToString(), "fp32", "0" * 64), SessionOptions(48, 64, "fp32")
        )


def _in_attribute(model):
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=_tensor()))


def _in_subgraph(model):
    graph = helper.make_graph([], "then", [], [], [_tensor()])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph))


def _in_function(model):
    node = helper.make_node("Constant", [], ["c"], value=_tensor())
    model.functions.append(helper.make_function("own", "f", [], ["c"], [node], []))


def _in_sparse(model):
    sparse = onnx.SparseTensorProto(values=_tensor(), dims=[4])
    model.graph.sparse_initializer.append(sparse)


def _only_named(model):
    tensor = model.graph.initializer[0]
    tensor.external_data.add(key="location", value="/etc/passwd")


@pytest.mark.parametrize("hide", [_in_attribute, _in_subgraph, _in_function, _in_sparse, _only_named])
def test_wherever_a_tensor_can_be_it_is_found(contract_onnx, hide):
    model = onnx.load_from_string(contract_onnx())
    hide(model)
    with pytest.raises(IntegrityError, match="another file"):
        refuse_external_data(model.SerializeToString(), "tiny")


@given(st.binary(max_size=300))
def test_any_bytes_pass_or_are_an_integrity_error(data):
    with suppress(IntegrityError):
        refuse_external_data(data, "noise")


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_a_cut_file_is_no_onnx(contract_onnx, cut):
    with pytest.raises(IntegrityError, match="no ONNX file"):
        refuse_external_data(contract_onnx()[:-cut], "cut")


def test_graphs_nested_without_end_are_refused():
    graph = helper.make_graph([], "leaf", [], [])
    for _ in range(25):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=graph)], "g", [], [])
    with pytest.raises(IntegrityError, match="nests graphs"):
        refuse_external_data(helper.make_model(graph).SerializeToString(), "deep")
