"""The TensorRT session on a CUDA device made of ordinary memory and an engine made of NumPy: its logic, not a GPU's."""

import ctypes
import hashlib
import json
import types

import numpy as np
import pytest

from edgeenh.backends import Model, SessionOptions, tensorrt
from edgeenh.backends.tensorrt_build import Flavour
from edgeenh.backends.tensorrt_layers import prove_types
from edgeenh.backends.tensorrt_load import Kernels
from edgeenh.cuda.fake import FakeDevice
from edgeenh.errors import BackendUnavailable, DeviceLost, InferenceFailed, InputError, MissingExtra
from edgeenh.pixels import GREY

OPTIONS = SessionOptions(48, 64, "fp16")
PLAN = b"a plan of this station"


class Context:
    """Brightens by reading and writing the addresses it was given, when the stream gets there."""

    def __init__(self, device, refuse):
        self.device, self.refuse, self.addresses, self.shape = device, refuse, {}, None
        self.dtype = np.uint8

    def set_input_shape(self, name, shape):
        self.shape = shape
        return self.refuse != "shape"

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return self.refuse != name

    def execute_async_v3(self, stream):
        assert stream == self.device.stream
        if self.refuse == "execute":
            return False
        if self.refuse == "raise":
            raise RuntimeError("CUDA error\n700")
        self.device.enqueue(self._brighten if self.refuse != "kernel" else self._fail)
        return True

    def _array(self, name, dtype, size):
        kind = np.ctypeslib.as_ctypes_type(dtype) * size
        return np.ctypeslib.as_array(kind.from_address(self.addresses[name]))

    def _brighten(self):
        size = int(np.prod(self.shape))
        image, out = self._array("image", self.dtype, size), self._array("enhanced", self.dtype, size)
        if self.dtype == np.float32:
            out[:] = np.clip(image + 40 / 255 * float(self._array("strength", ctypes.c_float, 1)[0]), 0, 1)
            return
        lift = round(40 * float(self._array("strength", ctypes.c_float, 1)[0]))
        out[:] = np.clip(image.astype(int) + lift, 0, 255)

    def _fail(self):
        raise ValueError("illegal address")


def _fake_trt(device, refuse="", *, runtime_config=True, layers=None):
    class Logger:
        class Severity:
            INTERNAL_ERROR, ERROR, WARNING = range(3)

    context = Context(device, refuse)
    config = types.SimpleNamespace(dynamic_shapes_kernel_specialization_strategy="LAZY")
    engine = types.SimpleNamespace(create_execution_context=lambda *config: None if refuse == "context" else context)
    if runtime_config:
        engine.create_runtime_config = lambda: config
    if layers is not None:
        inspector = types.SimpleNamespace(get_engine_information=lambda form: json.dumps({"Layers": layers}))
        engine.create_engine_inspector = lambda: inspector
    runtime = types.SimpleNamespace(deserialize_cuda_engine=lambda plan: None if refuse == "plan" else engine)
    return types.SimpleNamespace(
        __name__=f"fake_trt_{id(device)}",
        ILogger=Logger,
        Runtime=lambda logger: runtime,
        DynamicShapesKernelSpecializationStrategy=types.SimpleNamespace(EAGER="EAGER"),
        LayerInformationFormat=types.SimpleNamespace(JSON="JSON"),
        config=config,
        context=context,
    )


def _session(device, refuse="", **changes):
    trt = _fake_trt(device, refuse, **changes)
    return tensorrt.TensorRtSession(Flavour(trt, "tensorrt_rtx", "1.7"), device, PLAN, OPTIONS), trt


def test_frame_goes_through_the_device_and_back(picture, brightened):
    device = FakeDevice()
    session, trt = _session(device)
    out = np.empty_like(picture)
    for strength in (1.0, 0.5, 0.0):
        session.run(picture, strength, out)
        assert np.array_equal(out, brightened(picture, strength))
    assert trt.context.shape == (1, 48, 64, 3)
    assert trt.config.dynamic_shapes_kernel_specialization_strategy == "EAGER"
    assert device.allocated == 2 * picture.nbytes + 4


def test_the_parts_of_a_run_are_told_in_their_order(picture):
    session, _ = _session(FakeDevice())
    told = []
    session.lap = told.append
    session.run(picture, 1.0, np.empty_like(picture))
    assert told == ["copy_in", "enqueue", "compute", "copy_out"]


def test_info_names_the_plan_and_the_device(picture):
    session, _ = _session(FakeDevice())
    info = session.info
    assert (info.version, info.device) == ("1.7", "fake CUDA device")
    assert info.provider == "tensorrt_rtx, layer types not shown, CUDA graph"
    assert info.engine_sha256 == hashlib.sha256(PLAN).hexdigest()
    assert info.precision == "fp16"


def _layer(kind, words, name="features.0"):
    return {"Name": name, "LayerType": kind, "Inputs": [{"Name": "x", "Format/Datatype": words}], "Outputs": []}


HALF, FLOAT = _layer("CaskConvolution", "Row major linear FP16 format"), _layer("CaskDeconvolution", "Float")


def test_the_engine_proves_its_precision_layer_by_layer():
    free = [_layer("Reformat", "Float", "conv copy"), _layer("NoOp", "Float", "x"), "names only", {"Name": "Conv_1"}]
    kinds = [_layer("kgen", "Half", "Conv_3 + LeakyRelu"), _layer("gemm", "N/A due to dynamic shapes")]
    session, _ = _session(FakeDevice(), layers=[HALF, FLOAT, *kinds, *free])
    assert session.info.provider == "tensorrt_rtx, 2 of 3 heavy layers in fp16, CUDA graph"


@pytest.mark.parametrize("layers", [[FLOAT, FLOAT], [_layer("CaskConvolution", "Thirty-two wide Int8 format")]])
def test_fp16_that_built_something_else_is_refused(layers):
    with pytest.raises(BackendUnavailable, match=r"asked for fp16 and its .* layers that multiply are"):
        _session(FakeDevice(), layers=layers)


def test_fp32_means_every_layer():
    assert prove_types(["fp32", "fp32"], "fp32", "tensorrt") == "2 of 2 heavy layers in fp32"
    with pytest.raises(BackendUnavailable, match="1 bf16, 1 fp32"):
        prove_types(["fp32", "bf16"], "fp32", "tensorrt")


def test_flavour_without_runtime_configurations_is_opened_too(picture, brightened):
    session, trt = _session(FakeDevice(), runtime_config=False)
    out = np.empty_like(picture)
    session.run(picture, 1.0, out)
    assert np.array_equal(out, brightened(picture))
    assert trt.config.dynamic_shapes_kernel_specialization_strategy == "LAZY"


@pytest.mark.parametrize(
    ("refuse", "words"),
    [
        ("plan", "it does not load"),
        ("context", "no execution context"),
        ("shape", "refuses a frame of 64x48"),
        ("enhanced", "no tensor enhanced"),
    ],
)
def test_plan_that_does_not_fit_is_refused_with_the_reason(refuse, words):
    with pytest.raises(BackendUnavailable, match=f"cannot run its plan on fake CUDA device .*({words})"):
        _session(FakeDevice(), refuse)


def test_too_little_device_memory_is_said():
    with pytest.raises(BackendUnavailable, match="take a smaller frame"):
        _session(FakeDevice(memory=10_000))


FAULTS = [("execute", "it gave no reason"), ("raise", "CUDA error 700"), ("kernel", "illegal address")]


class WithoutGraphs(FakeDevice):
    """As `pycuda`."""

    def capture(self, work):
        return None


@pytest.mark.parametrize(("refuse", "words"), FAULTS)
def test_failure_on_a_frame_is_an_inference_failure(refuse, words, picture):
    session, trt = _session(WithoutGraphs())
    assert session.info.provider.endswith("no CUDA graph")
    trt.context.refuse = refuse
    with pytest.raises(InferenceFailed, match=words):
        session.run(picture, 1.0, np.empty_like(picture))


@pytest.mark.parametrize("refuse", ["execute", "kernel"])
def test_plan_that_fails_on_its_first_frame_is_not_opened(refuse):
    with pytest.raises(BackendUnavailable, match="cannot run its plan"):
        _session(FakeDevice(), refuse)


def test_error_that_stays_is_told_as_such_at_opening_too():
    with pytest.raises(DeviceLost, match="CUDA error 700"):
        _session(FakeDevice(), "raise")


def test_frames_go_through_one_captured_graph(picture, brightened):
    device = FakeDevice()
    session, trt = _session(device)
    trt.context.refuse = "execute"  # it is not asked again: the graph holds what it queued
    out = np.empty_like(picture)
    for strength in (1.0, 0.0, 0.5):
        session.run(picture, strength, out)
        assert np.array_equal(out, brightened(picture, strength))
    assert session.notices == ()


class StaleGraph:
    def launch(self):
        """The old output for ever."""


class Capturing(FakeDevice):
    """Captures wrongly, or not at all."""

    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def capture(self, work):
        if self.graph is None:
            raise InferenceFailed("operation not permitted\nwhen stream is capturing")
        return self.graph


@pytest.mark.parametrize(
    ("graph", "words"),
    [(StaleGraph(), "gives other pictures"), (None, "operation not permitted when stream is capturing")],
)
def test_graph_that_is_wrong_is_not_used_and_said(graph, words, picture, brightened):
    session, _ = _session(Capturing(graph))
    out = np.empty_like(picture)
    session.run(picture, 1.0, out)
    assert np.array_equal(out, brightened(picture))
    assert words in session.notices[0]
    assert session.info.provider.endswith("no CUDA graph")


class RuntimeCache:
    """TensorRT-RTX's: takes the bytes it gave."""

    def __init__(self):
        self.taken = b""

    def deserialize(self, data):
        self.taken = data
        return True

    def serialize(self):
        return b"kernels"


def test_rtx_captures_by_itself_and_its_kernels_are_kept(picture, brightened):
    device = FakeDevice()
    trt = _fake_trt(device)
    trt.config.cuda_graph_strategy = "DISABLED"
    trt.config.create_runtime_cache = RuntimeCache
    trt.config.set_runtime_cache = lambda cache: setattr(trt.config, "cache", cache)
    trt.CudaGraphStrategy = types.SimpleNamespace(WHOLE_GRAPH_CAPTURE="WHOLE")
    kernels = Kernels(b"of an earlier start")
    session = tensorrt.TensorRtSession(Flavour(trt, "tensorrt_rtx", "1.7"), device, PLAN, OPTIONS, kernels=kernels)
    assert (trt.config.cuda_graph_strategy, trt.config.cache.taken) == ("WHOLE", b"of an earlier start")
    assert kernels.data == b"kernels"
    assert session.info.provider.endswith("CUDA graph by the library")
    out = np.empty_like(picture)
    session.run(picture, 1.0, out)
    assert np.array_equal(out, brightened(picture))


def test_wrong_array_is_refused_before_the_device_sees_it(picture):
    session, _ = _session(FakeDevice())
    with pytest.raises(InputError):
        session.run(picture[:32], 1.0, np.empty_like(picture))


def test_closing_gives_everything_back_and_twice_is_allowed(picture):
    device = FakeDevice()
    session, _ = _session(device)
    session.close()
    session.close()
    assert device.closed
    with pytest.raises(InferenceFailed, match="closed"):
        session.run(picture, 1.0, np.empty_like(picture))


def test_opening_builds_its_own_plan_and_never_runs_the_bundles(monkeypatch, make_model):
    device, loaded = FakeDevice(), []
    trt = _fake_trt(device)
    opened = trt.Runtime(None).deserialize_cuda_engine
    trt.Runtime = lambda logger: types.SimpleNamespace(
        deserialize_cuda_engine=lambda plan: loaded.append(plan) or opened(plan)
    )
    monkeypatch.setattr(tensorrt, "load_flavour", lambda: Flavour(trt, "tensorrt_rtx", "1.7"))
    monkeypatch.setattr(tensorrt, "open_device", lambda: device)
    monkeypatch.setattr(tensorrt, "build_plan", lambda trt, onnx, **options: PLAN)
    made = make_model("fp16")
    model = Model(made.name, made.onnx, "fp16", made.sha256, plans={"engines/fp16.plan": b"from elsewhere"})
    tensorrt.open_session(model, OPTIONS)
    assert loaded == [PLAN]


def test_device_is_closed_when_the_plan_cannot_be_built(monkeypatch, make_model):
    device = FakeDevice()

    def fail(trt, onnx, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(tensorrt, "load_flavour", lambda: Flavour(None, "tensorrt", "11"))
    monkeypatch.setattr(tensorrt, "open_device", lambda: device)
    monkeypatch.setattr(tensorrt, "build_plan", fail)
    with pytest.raises(KeyboardInterrupt):
        tensorrt.open_session(make_model("fp16"), OPTIONS)
    assert device.closed


def test_wrong_device_or_precision_is_refused_before_anything_is_opened(make_model):
    with pytest.raises(BackendUnavailable, match="choose --device cuda"):
        tensorrt.open_session(make_model("fp16"), SessionOptions(48, 64, "fp16", device="cpu"))
    with pytest.raises(BackendUnavailable, match="fp32 was asked for: choose --precision fp16"):
        tensorrt.open_session(make_model("fp16"), SessionOptions(48, 64, "fp32"))


def test_availability_gives_reason_and_fix_for_each_missing_part(monkeypatch):
    def missing():
        raise MissingExtra("TensorRT", "tensorrt")

    monkeypatch.setattr(tensorrt, "load_flavour", missing)
    assert "edgeenh[tensorrt-rtx]" in tensorrt.availability().fix
    monkeypatch.setattr(tensorrt, "load_flavour", lambda: Flavour(None, "tensorrt", "11.4"))
    monkeypatch.setattr(tensorrt, "driver_problem", lambda: "no driver")
    found = tensorrt.availability()
    assert (found.usable, found.version, found.reason) == (False, "11.4", "no driver")
    monkeypatch.setattr(tensorrt, "driver_problem", lambda: "")
    monkeypatch.setattr(tensorrt, "package_missing", lambda name: True)
    assert tensorrt.availability().reason == "neither cuda-core nor pycuda is installed"
    monkeypatch.setattr(tensorrt, "package_missing", lambda name: name == "pycuda")
    assert tensorrt.availability().usable


def test_grey_frame_goes_through_the_device_and_back():
    device = FakeDevice()
    trt = _fake_trt(device)
    trt.context.dtype = np.float32
    session = tensorrt.TensorRtSession(Flavour(trt, "tensorrt_rtx", "1.7"), device, PLAN, OPTIONS, GREY)
    image = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64, 1)
    out = np.empty_like(image)
    session.run(image, 0.0, out)
    assert np.array_equal(out, image)
    session.run(image, 1.0, out)
    assert np.allclose(out, np.clip(image + 40 / 255, 0, 1))
    assert trt.context.shape == (1, 48, 64, 1)
    assert device.allocated == 2 * image.nbytes + 4
