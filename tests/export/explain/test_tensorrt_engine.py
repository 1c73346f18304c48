"""TensorRT as an engine of `--explain`: its logic on a CUDA device of ordinary memory, its plans by the real RTX builder."""

from __future__ import annotations

import ctypes
import math
import types

import numpy as np
import onnx
import pytest

from edgeenh.backends.tensorrt_build import Flavour, build_plan, load_flavour
from edgeenh.cuda.fake import FakeDevice
from edgeenh.errors import JobFailed, MissingExtra
from edgeenh_export.explain import command
from edgeenh_export.explain.engines import OnnxRuntimeEngine, open_engine
from edgeenh_export.explain.investigate import investigate
from edgeenh_export.explain.tensorrt_engine import TensorRtEngine


class Context:
    """Does on the device's memory what ONNX Runtime makes of the model."""

    def __init__(self, device, model, refuse=""):
        self._device, self._model, self._refuse, self._addresses = device, model, refuse, {}

    def set_tensor_address(self, name, address):
        self._addresses[name] = address
        return self._refuse != name

    def execute_async_v3(self, stream):
        assert stream == self._device.stream
        if self._refuse == "execute":
            return False
        self._device.enqueue(self._run)
        return True

    def _run(self):
        feeds = {value.name: self._array(value).copy() for value in self._model.graph.input}
        results = OnnxRuntimeEngine(optimised=False).run(self._model, feeds)
        for value in self._model.graph.output:
            self._array(value)[...] = results[value.name]

    def _array(self, value):
        shape = [side.dim_value for side in value.type.tensor_type.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        kind = ctypes.c_uint8 * (math.prod(shape) * dtype.itemsize)
        return np.ctypeslib.as_array(kind.from_address(self._addresses[value.name])).view(dtype).reshape(shape)


@pytest.fixture
def engine(monkeypatch):
    """An engine whose plans are the models themselves."""

    def make(refuse=""):
        device = FakeDevice()

        class Logger:
            class Severity:
                INTERNAL_ERROR, ERROR, WARNING = range(3)

        def load(plan):
            context = Context(device, onnx.load_model_from_string(plan), refuse)
            return types.SimpleNamespace(create_execution_context=lambda: context)

        runtime = types.SimpleNamespace(deserialize_cuda_engine=load)
        trt = types.SimpleNamespace(__name__=f"fake_{id(device)}", ILogger=Logger, Runtime=lambda logger: runtime)
        monkeypatch.setattr("edgeenh_export.explain.tensorrt_engine.build_plan", lambda trt, model, **asked: model)
        return TensorRtEngine(Flavour(trt, "tensorrt", "10.0"), device)

    return make


def test_every_result_comes_back_from_the_device(exported, engine, monkeypatch):
    found_by = engine()
    monkeypatch.setattr(command, "open_engine", lambda backend, precision: found_by)
    found = command.explain(exported.bundle.path, "tensorrt", None, None)
    assert (found.kind, found.precision, found.engine) == ("rounding", "fp16", "tensorrt 10.0")
    assert {"Conv", "Tanh", "Cast"} <= {one.operator for one in found.findings}
    assert all(one.engine_db == one.rounded_db for one in found.findings)


@pytest.mark.parametrize(
    ("refuse", "message"),
    [("execute", "does not execute"), ("image", "no input image"), ("enhanced", "no output enhanced")],
)
def test_what_tensorrt_refuses_is_told(exported, engine, monkeypatch, refuse, message):
    refusing = engine(refuse)
    monkeypatch.setattr(command, "open_engine", lambda backend, precision: refusing)
    with pytest.raises(JobFailed, match=f"cannot run a part of the graph: .*{message}"):
        command.explain(exported.bundle.path, "tensorrt", None, None)


class Builds:
    """Builds every graph that an investigation asks for with the real builder, and runs it in ONNX Runtime."""

    name, lowers_to = "builder", None

    def __init__(self, trt):
        self._trt, self._inner, self.plans = trt, OnnxRuntimeEngine(optimised=False), []

    def run(self, model, feeds):
        self.plans.append(build_plan(self._trt, model.SerializeToString(), name="part", profile=None, pixels=None))
        return self._inner.run(model, feeds)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_rtx_builder_takes_the_graph_with_every_result_shown(exported, precision):
    try:
        trt = load_flavour("rtx").module
    except MissingExtra as exc:
        pytest.skip(str(exc))
    subject = command.read_subject(exported.bundle.path)
    model, exact = (onnx.load_model_from_string(subject.graphs[one]) for one in (precision, "fp32"))
    feeds = {"image": subject.pictures[0][1][None, :96, :128].copy(), "strength": np.ones(1, np.float32)}
    builds = Builds(trt)
    found, _ = investigate(model, exact, feeds, builds, precision, "frame")
    assert found.kind in ("identical", "rounding")
    assert [len(plan) > 10_000 for plan in builds.plans] == [True, True]


def test_without_a_gpu_the_command_says_so(exported, capsys):
    from edgeenh.cuda.driver import driver_problem

    if not driver_problem():
        pytest.skip("this machine has a GPU")
    from edgeenh.errors import BackendUnavailable

    with pytest.raises((BackendUnavailable, MissingExtra)):
        open_engine("tensorrt", "fp16")
