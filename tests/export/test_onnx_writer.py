from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from edgeenh.errors import JobFailed
from edgeenh.pixels import GREY
from edgeenh_export.execute import OnnxRunner
from edgeenh_export.graph import FrameGraph
from edgeenh_export.onnx_tidy import reduce_max_in_half
from edgeenh_export.onnx_writer import ALLOWED_OPERATORS, check, write_onnx
from edgeenh_export.precision.rules import CARRY, fp32_by_rule


def shape(value) -> list[object]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def model_of(report, precision) -> onnx.ModelProto:
    return onnx.load_model_from_string(report.bundle.model(precision).onnx)


def test_the_convolution_that_enlarges_the_coefficients_stays_in_fp32_by_rule(exported):
    """In steps of INT8 it would draw steps over every picture."""
    model = model_of(exported, "fp32")
    found = [node for node in model.graph.node if CARRY in node.input]
    assert [node.op_type for node in found] == ["Conv"]
    assert found[0].name in fp32_by_rule(model)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_graph_contract(exported, precision):
    graph = model_of(exported, precision).graph
    assert {v.name: (v.type.tensor_type.elem_type, shape(v)) for v in (*graph.input, *graph.output)} == {
        "image": (TensorProto.UINT8, [1, "height", "width", 3]),
        "strength": (TensorProto.FLOAT, [1]),
        "enhanced": (TensorProto.UINT8, [1, "height", "width", 3]),
    }
    assert [node.op_type for node in graph.node if "image" in node.input] == ["Cast"]
    assert graph.node[0].op_type == "Cast"
    of_size = ("Concat",)  # what the last Reshape is told
    last = [node.op_type for node in graph.node if node.op_type not in of_size][-4:]
    assert last == ["Clip", "Round", "Reshape", "Cast"]
    assert {node.op_type for node in graph.node} <= ALLOWED_OPERATORS


def test_a_fixed_size_is_written_as_numbers(fixed_graphs):
    graph = onnx.load_model_from_string(fixed_graphs["fp16"]).graph
    assert shape(graph.input[0]) == shape(graph.output[0]) == [1, 48, 64, 3]


@pytest.mark.parametrize(("precision", "casts"), [("fp32", 2), ("fp16", 6)])
def test_no_stray_casts(exported, precision, casts):
    """FP16: frame in, frame out, network in, network out, and two around the global mean."""
    nodes = model_of(exported, precision).graph.node
    assert [node.op_type for node in nodes].count("Cast") == casts


def test_fp16_weights_are_half_and_only_constants_are_not(exported):
    weights = model_of(exported, "fp16").graph.initializer
    assert {w.data_type for w in weights if w.name.startswith("generator.")} == {TensorProto.FLOAT16}
    assert all(w.name.startswith("constant_") for w in weights if w.data_type != TensorProto.FLOAT16)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_nothing_of_the_building_machine_is_in_the_file(exported, precision):
    data = exported.bundle.model(precision).onnx
    places = [str(Path(torch.__file__).parent), str(Path.cwd()), sys.prefix, "edgeenh_train", ".py", "torch", "aten"]
    assert [place for place in places if place.encode() in data] == []
    model = onnx.load_model_from_string(data)
    assert (model.producer_name, model.model_version, model.graph.name) == ("edgeenh", 3, "toy-n")
    assert {prop.key for prop in model.metadata_props} >= {"edgeenh.precision", "edgeenh.checkpoint_sha256"}


def test_writing_twice_gives_the_same_bytes_and_says_nothing(make_generator, fixed_graphs, capfd):
    graph = FrameGraph(make_generator(), "fp16")
    assert write_onnx(graph, (64, 48), {"precision": "fp16"}, name="toy", version=1) == fixed_graphs["fp16"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_graph_contract_of_grey(grey_exported, precision):
    model = model_of(grey_exported, precision)
    graph = model.graph
    assert {v.name: (v.type.tensor_type.elem_type, shape(v)) for v in (*graph.input, *graph.output)} == {
        "image": (TensorProto.FLOAT, [1, "height", "width", 1]),
        "strength": (TensorProto.FLOAT, [1]),
        "enhanced": (TensorProto.FLOAT, [1, "height", "width", 1]),
    }
    operators = [node.op_type for node in graph.node]
    assert operators[-1] == "Clip"
    assert "Round" not in operators
    assert set(operators) <= ALLOWED_OPERATORS
    assert {prop.key: prop.value for prop in model.metadata_props}["edgeenh.colour_order"] == "grey"


@pytest.mark.parametrize("size", [(16, 16), (80, 32)])
def test_a_grey_graph_gives_what_torch_gives_at_sizes_it_was_not_proven_with(make_generator, grey_exported, size):
    image = np.random.default_rng(0).integers(0, 65536, (size[1], size[0], 1), np.uint16)
    unit = torch.from_numpy(image.astype(np.float32))[None] / 65535
    expected = FrameGraph(make_generator(channels=1), "fp32")(unit, torch.ones(1))[0].numpy() * 65535
    with OnnxRunner(grey_exported.bundle.model("fp32").onnx, "fp32", "toy", GREY) as run:
        assert float(np.abs(run(image) - expected).max()) < 2


@pytest.mark.parametrize("size", [(16, 16), (80, 32), (16, 208)])
def test_a_dynamic_graph_gives_what_torch_gives_at_sizes_it_was_not_traced_with(make_generator, exported, size):
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    expected = FrameGraph(make_generator(), "fp32")(torch.from_numpy(image)[None], torch.ones(1))[0].numpy()
    with OnnxRunner(exported.bundle.model("fp32").onnx, "fp32", "toy") as run:
        assert int(np.abs(run(image).astype(int) - expected).max()) <= 1


def test_an_operator_that_is_not_allowed_is_refused():
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Erf", ["x"], ["y"])], "g", [value], [out])
    with pytest.raises(JobFailed, match="holds Erf, expected only"):
        check(helper.make_model(graph))


def test_a_graph_that_is_not_valid_is_refused():
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Tanh", ["nowhere"], ["y"])], "g", [], [out])
    with pytest.raises(JobFailed, match=r"not valid ONNX \(.*nowhere"):
        check(helper.make_model(graph))


def test_a_maximum_that_is_used_in_fp32_keeps_its_cast():
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT16, [2])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    nodes = [
        helper.make_node("Cast", ["x"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["wide"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "g", [value], [out])
    reduce_max_in_half(graph)
    assert [node.op_type for node in graph.node] == ["Cast", "ReduceMax"]
