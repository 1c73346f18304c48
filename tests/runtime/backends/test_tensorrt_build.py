"""The builder of TensorRT-RTX for real: it needs no GPU."""

import signal
import threading
import types

import onnx
import pytest

from edgeenh.backends import tensorrt_build
from edgeenh.backends.tensorrt_build import Profile, build_plan, load_flavour, log_messages
from edgeenh.errors import BackendUnavailable, IntegrityError, JobFailed, MissingExtra, UsageError
from edgeenh.pixels import GREY

PROFILE = Profile((64, 48), (640, 480), (1280, 720))


@pytest.fixture(scope="module")
def trt():
    try:
        return load_flavour("rtx").module
    except MissingExtra as exc:
        pytest.skip(str(exc))


def _build(trt, onnx, profile=PROFILE, **changes):
    return build_plan(trt, onnx, name="edgeenh/tiny", profile=profile, **changes)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_plan_is_built_without_a_gpu_and_without_a_warning(trt, contract_onnx, precision):
    with log_messages(trt) as messages:
        plan = _build(trt, contract_onnx(precision))
    assert isinstance(plan, bytes)
    assert len(plan) > 1000
    assert messages == []


def test_model_of_fixed_size_needs_no_profile(trt, contract_onnx):
    onnx = contract_onnx(fixed=(64, 48))
    assert _build(trt, onnx, profile=None)
    assert _build(trt, onnx, profile=Profile.fixed(64, 48))
    with pytest.raises(UsageError, match="made for 64x48 only"):
        _build(trt, onnx, profile=Profile.fixed(80, 48))


def test_model_of_any_size_needs_a_profile_that_rises(trt, contract_onnx):
    with pytest.raises(UsageError, match="give a profile"):
        _build(trt, contract_onnx(), profile=None)
    with pytest.raises(UsageError, match="min ≤ opt ≤ max"):
        _build(trt, contract_onnx(), profile=Profile((64, 48), (32, 48), (128, 128)))


def test_compute_capabilities_are_taken_by_name(trt, contract_onnx):
    assert _build(trt, contract_onnx(), compute_capabilities=["8.6", "12.0"])
    with pytest.raises(UsageError, match=r"compute capability 9\.9: choose among 7\.5, "):
        _build(trt, contract_onnx(), compute_capabilities=["9.9"])


def test_full_tensorrt_takes_no_compute_capabilities():
    full = types.SimpleNamespace(__name__="tensorrt", __version__="11.4")
    with pytest.raises(UsageError, match="for RTX only"):
        tensorrt_build._set_targets(full, None, ["8.9"])


@pytest.mark.parametrize("data", [b"not an onnx" * 9, b"\x08"])
def test_bytes_that_are_no_onnx_are_an_integrity_error(trt, data):
    with pytest.raises(IntegrityError, match="no ONNX file"):
        _build(trt, data)


def test_model_that_breaks_the_contract_is_an_integrity_error(trt, contract_onnx):
    with pytest.raises(IntegrityError, match="strangth"):
        _build(trt, contract_onnx().replace(b"strength", b"strangth"))


def test_operator_that_tensorrt_lacks_is_named(trt, contract_onnx):
    model = onnx.load_from_string(contract_onnx())
    next(node for node in model.graph.node if node.op_type == "Round").op_type = "Affine"
    with pytest.raises(BackendUnavailable, match=r"cannot take this graph.*Affine"):
        _build(trt, model.SerializeToString())


def test_progress_is_told_and_its_exception_ends_the_build(trt, contract_onnx):
    told = []
    _build(trt, contract_onnx(), progress=lambda phase, done, steps: told.append((phase, done, steps)))
    assert told[0][1] == 0
    assert all(done <= steps for _, done, steps in told)

    def interrupt(phase, done, steps):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _build(trt, contract_onnx(), progress=interrupt)


def test_ctrl_c_is_heard_in_the_middle_of_a_build(trt, contract_onnx):
    """The signal reaches the main thread while the builder works in its own; the builder ends, and its plan is not used."""
    told = []

    def press(phase, done, steps):
        told.append(phase)
        if len(told) == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        _build(trt, contract_onnx(), progress=press)
    for thread in threading.enumerate():
        if thread.name == "edgeenh-tensorrt-build":
            thread.join(10)  # it has said that it ended, and may be about to
            assert not thread.is_alive()


def test_timings_are_given_to_full_tensorrt_and_taken_from_it():
    class Cache:
        def __init__(self, data):
            self.data = data

        def serialize(self):
            return self.data + b" and more"

    class Config:
        def create_timing_cache(self, data):
            return Cache(data)

        def set_timing_cache(self, cache, ignore_mismatch):
            self.cache = cache
            return cache.data in self.good and not ignore_mismatch

        def get_timing_cache(self):
            return self.cache

    full, config = types.SimpleNamespace(), Config()
    for good, expected in (([b"known"], b"known and more"), ([b""], b" and more")):
        config.good, timings = good, tensorrt_build.Timings(b"known")
        tensorrt_build._set_timings(full, config, timings)
        tensorrt_build._keep_timings(full, config, timings)
        assert timings.data == expected


def test_rtx_has_no_timings_and_is_left_alone(trt, contract_onnx):
    timings = tensorrt_build.Timings()
    assert _build(trt, contract_onnx(), timings=timings)
    assert timings.data == b""


def test_builder_that_gives_up_is_a_failed_job_with_its_last_words(trt, contract_onnx, monkeypatch):
    real = trt.Builder

    class Builder:
        def __init__(self, logger):
            self._logger, self._builder = logger, real(logger)

        def build_serialized_network(self, network, config):
            self._logger.log(trt.ILogger.Severity.ERROR, "out of\nmemory")

        def __getattr__(self, name):
            return getattr(self._builder, name)

    monkeypatch.setattr(trt, "Builder", Builder)
    with pytest.raises(JobFailed, match="edgeenh/tiny: ERROR: out of memory"):
        _build(trt, contract_onnx())


def test_builder_without_its_gpu_says_so(trt, contract_onnx, monkeypatch):
    def refuse(logger):
        raise TypeError("pybind11::init(): factory function returned nullptr")

    monkeypatch.setattr(trt, "Builder", refuse)
    with pytest.raises(BackendUnavailable, match="needs an NVIDIA GPU here"):
        _build(trt, contract_onnx())


def test_flavours_are_named_and_missing_ones_name_their_extra(monkeypatch):
    def find(name):
        if name == "tensorrt":
            raise ModuleNotFoundError(name=name)
        if name == "tensorrt_rtx":
            raise ImportError("libtensorrt_rtx.so.1:\n cannot open")
        return types.SimpleNamespace(__version__="1.7")

    monkeypatch.setattr(tensorrt_build.importlib, "import_module", find)
    assert load_flavour("rtx")[1:] == ("tensorrt_rtx", "1.7")
    assert load_flavour("auto").name == "tensorrt_rtx"
    with pytest.raises(MissingExtra, match=r"edgeenh\[tensorrt\]"):
        load_flavour("full")
    with pytest.raises(UsageError, match="auto, full or rtx"):
        load_flavour("lean")


def test_flavour_that_does_not_load_says_why(monkeypatch):
    def fail(name):
        raise OSError(f"lib{name}.so:\n cannot open")

    monkeypatch.setattr(tensorrt_build.importlib, "import_module", fail)
    with pytest.raises(BackendUnavailable, match=r"does not load \(tensorrt: libtensorrt\.so: cannot open\)"):
        load_flavour("full")


def test_auto_prefers_full_tensorrt_where_a_gpu_is(monkeypatch):
    monkeypatch.setattr(tensorrt_build.importlib, "import_module", lambda name: types.SimpleNamespace(__version__="1"))
    monkeypatch.setattr(tensorrt_build, "driver_problem", lambda: "")
    assert load_flavour().name == "tensorrt"
    monkeypatch.setattr(tensorrt_build, "driver_problem", lambda: "no driver")
    assert load_flavour().name == "tensorrt_rtx"


def test_plan_for_grey_is_built_and_a_graph_of_the_other_kind_is_refused(trt, contract_onnx):
    assert len(_build(trt, contract_onnx("fp16", grey=True), pixels=GREY)) > 1000
    fixed = contract_onnx(fixed=(64, 48), grey=True)
    assert _build(trt, fixed, profile=Profile.fixed(64, 48), pixels=GREY)
    with pytest.raises(IntegrityError, match="graph contract"):
        _build(trt, fixed, profile=None)
    with pytest.raises(IntegrityError, match="graph contract"):
        _build(trt, contract_onnx(), pixels=GREY)
