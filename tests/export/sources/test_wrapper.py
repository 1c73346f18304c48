"""The graph contract around a model: bytes in and out, strength, cap, scale; in real backends."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh.backends import get_backend
from edgeenh.backends.base import Model, SessionOptions
from edgeenh.backends.onnx_file import check_onnx
from edgeenh.padding import upscale
from edgeenh_export.execute import OnnxRunner
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.precision.ranges import peaks, too_large
from edgeenh_export.precision.typed import to_fp16
from edgeenh_export.sources.onnx_model import bring_to_form
from edgeenh_export.sources.overrides import Ends
from edgeenh_export.sources.wrapper import WRAPPER, wrap, wrapper_nodes


@pytest.fixture
def wrapped(found):
    """A model's contract and its graph."""

    def make(model, cap=1.0, fixed=None, **stated):
        contract = found(model, **stated)
        formed = bring_to_form(model, "toy")
        return contract, wrap(formed, contract, cap, fixed=fixed, name="toy", version=1, metadata={})

    return make


def picture(height=48, width=64, channels=3) -> np.ndarray:
    kind = np.uint8 if channels == 3 else np.uint16
    top = np.iinfo(kind).max
    return np.random.default_rng(3).integers(0, top, (height, width, channels), kind, endpoint=True)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("values", ["unit", "signed", "byte"])
def test_every_form_gives_the_same_bytes(make_toy, wrapped, values, layout):
    _, graph = wrapped(make_toy(values, layout))
    expected = _curve(picture())
    with OnnxRunner(graph, "fp32", "toy") as run:
        assert np.abs(run(picture()).astype(int) - expected).max() <= 1
        assert np.array_equal(run(picture(), 0.0), picture())


def _curve(image) -> np.ndarray:
    """What `toy` says, in NumPy."""
    padded = np.pad(image / 255, ((1, 1), (1, 1), (0, 0)))
    near = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    blurred = 0.92 * padded[1:-1, 1:-1] + 0.02 * near
    return np.rint(np.clip(np.maximum(blurred, 1e-4) ** 0.8 + np.array([0.02, 0, 0]), 0, 1) * 255)


def test_blue_and_red_are_swapped_for_a_model_that_wants_them_so(make_toy, wrapped):
    _, graph = wrapped(make_toy(), colour=Ends("BGR", "BGR"))
    swapped = _curve(picture()[..., ::-1])[..., ::-1]
    with OnnxRunner(graph, "fp32", "toy") as run:
        assert np.abs(run(picture()).astype(int) - swapped).max() <= 1


def test_the_cap_holds_and_strength_is_linear(make_toy, wrapped):
    _, graph = wrapped(make_toy(gain=0.3), cap=0.1)
    with OnnxRunner(graph, "fp32", "toy") as run:
        change = run(picture()).astype(int) - picture()
        assert np.abs(change).max() == round(0.1 * 255)
        half = run(picture(), 0.5).astype(int) - picture()
        assert np.abs(half - change / 2).max() <= 1


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("scale", [2, 3])
def test_a_model_that_enlarges_is_the_upscaled_frame_at_strength_0(make_toy, wrapped, scale, backend):
    contract, graph = wrapped(make_toy(scale=scale))
    if not get_backend(backend).availability().usable:
        pytest.skip(f"{backend} is not installed")
    model = Model("toy", graph, "fp32", "0" * 64, scale=scale)
    session = get_backend(backend).open_session(model, SessionOptions(48, 64, "fp32", 1, "cpu"))
    out = np.zeros((48 * scale, 64 * scale, 3), np.uint8)
    session.run(picture(), 0.0, out)
    assert contract.scale == scale
    assert np.abs(out.astype(int) - upscale(picture(), scale)).max() <= 1
    session.run(picture(), 1.0, out)
    assert np.abs(out[1::scale, 1::scale].astype(int) - _curve(picture())).max() <= 1
    session.close()


def test_grey_keeps_every_one_of_its_values(make_toy, wrapped):
    contract, graph = wrapped(make_toy(channels=1))
    frame = picture(channels=1)
    with OnnxRunner(graph, "fp32", "toy", contract.pixels) as run:
        assert np.array_equal(run(frame, 0.0), frame)
        assert np.abs(run(frame).astype(int) - frame).mean() > 1000


def test_the_graph_passes_the_readers_list_and_says_nothing_of_its_maker(make_toy, wrapped):
    model = make_toy()
    model.graph.doc_string = "/home/someone"
    _, graph = wrapped(model)
    check_onnx(graph, "the graph")
    assert b"someone" not in graph
    sides = onnx.load_model_from_string(graph).graph.output[0].type.tensor_type.shape.dim
    assert [side.dim_param for side in sides[1:3]] == ["height", "width"]


def test_the_same_model_gives_the_same_bytes(make_toy, wrapped):
    assert wrapped(make_toy())[1] == wrapped(make_toy())[1]


def test_fp16_leaves_everything_around_the_model_in_fp32(make_toy, wrapped):
    _, graph = wrapped(make_toy())
    half = to_fp16(graph, wrapper_nodes(graph))
    inferred = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(half)).graph
    types = {value.name: value.type.tensor_type.elem_type for value in inferred.value_info}
    around = [name for node in inferred.node if node.name.startswith(WRAPPER) for name in node.output]
    convolutions = [node.output[0] for node in inferred.node if node.op_type == "Conv"]
    assert all(types[name] == onnx.TensorProto.FLOAT16 for name in convolutions)
    assert all(types.get(name) != onnx.TensorProto.FLOAT16 for name in around)
    with OnnxRunner(half, "fp16", "toy") as run:
        assert np.abs(run(picture()).astype(int) - _curve(picture())).max() <= 2
        assert np.array_equal(run(picture(), 0.0), picture())


def test_nodes_that_are_to_be_kept_stay_in_fp32(make_toy, wrapped):
    _, graph = wrapped(make_toy())
    named = {node.name for node in onnx.load_model_from_string(graph).graph.node}
    kept = onnx.load_model_from_string(to_fp16(graph, named))
    assert not [tensor for tensor in kept.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT16]


def test_nodes_whose_values_do_not_fit_into_fp16_are_found(make_toy, wrapped):
    for overflow, expected in ((1e6, {"Mul"}), (1.0, set())):
        _, graph = wrapped(make_toy(overflow=overflow))
        model = onnx.load_model_from_string(graph).graph
        over = too_large(model, peaks(graph, [GoldenFrame("noise", picture())]))
        assert {node.op_type for node in model.node if node.name in over} == expected


@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=40)
def test_upscaling_keeps_constants_and_the_range(scale, height, width):
    flat = np.full((height, width, 3), 77, np.uint8)
    assert np.array_equal(upscale(flat, scale), np.full((height * scale, width * scale, 3), 77))
    noise = np.random.default_rng(height).random((height, width, 1), np.float32)
    large = upscale(noise, scale)
    assert large.shape == (height * scale, width * scale, 1)
    assert noise.min() - 1e-6 <= large.min() <= large.max() <= noise.max() + 1e-6
