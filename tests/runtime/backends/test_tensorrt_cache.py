"""Plans in the station's cache: kept, found again, and never somebody else's."""

import hashlib

import pytest

from edgeenh.backends import Model
from edgeenh.backends.tensorrt_build import Flavour, Profile
from edgeenh.backends.tensorrt_cache import kept_kernels, kept_timings, open_plan, plan_key
from edgeenh.cache import Cache
from edgeenh.cuda.driver import device_identity
from edgeenh.errors import BackendUnavailable

GPU = {"gpu": "NVIDIA RTX A2000", "compute_capability": "8.6", "driver": "550.54 (CUDA 12040)"}
MODEL = Model("tiny", b"onnx", "fp16", "0" * 64)
RTX = Flavour(None, "tensorrt_rtx", "1.7.1")
SIZE = Profile.fixed(64, 48)


class Opened:
    def __init__(self, plan):
        self.plan, self.notices = plan, ()


class Builder:
    def __init__(self):
        self.builds = 0

    def __call__(self):
        self.builds += 1
        return b"plan %d" % self.builds


@pytest.fixture
def builder():
    return Builder()


def _open(folder, builder, key=None, run=Opened):
    return open_plan(Cache(folder, "plans"), key or plan_key(RTX, MODEL, SIZE, GPU), builder, run)


def test_the_key_hashes_the_bytes_and_does_not_believe_the_label():
    assert plan_key(RTX, MODEL, SIZE, GPU)["onnx_sha256"] == hashlib.sha256(b"onnx").hexdigest()


def test_a_plan_is_built_once(tmp_path, builder):
    assert _open(tmp_path, builder).plan == b"plan 1"
    again = _open(tmp_path, builder)
    assert (again.plan, again.notices, builder.builds) == (b"plan 1", (), 1)


@pytest.mark.parametrize(
    "other",
    [
        plan_key(RTX, Model("tiny", b"onnx 2", "fp16", "0" * 64), SIZE, GPU),
        plan_key(RTX, Model("tiny", b"onnx", "fp32", "0" * 64), SIZE, GPU),
        plan_key(RTX, MODEL, Profile.fixed(64, 64), GPU),
        plan_key(Flavour(None, "tensorrt_rtx", "1.8"), MODEL, SIZE, GPU),
        plan_key(Flavour(None, "tensorrt", "1.7.1"), MODEL, SIZE, GPU),
        *(plan_key(RTX, MODEL, SIZE, {**GPU, name: "other"}) for name in GPU),
    ],
)
def test_whatever_a_plan_depends_on_makes_another_plan(tmp_path, builder, other):
    _open(tmp_path, builder)
    assert _open(tmp_path, builder, other).plan == b"plan 2"


def test_a_planted_plan_is_not_run_and_a_notice_says_so(tmp_path, builder):
    _open(tmp_path, builder)
    (file,) = tmp_path.glob("entries/plans/*.entry")
    file.write_bytes(file.read_bytes().replace(b"plan 1", b"evil 1"))
    opened = _open(tmp_path, builder)
    assert opened.plan == b"plan 2"
    assert "was not written by this station and is refused" in opened.notices[0]
    assert _open(tmp_path, builder).notices == ()


def test_a_plan_that_does_not_run_any_more_is_built_again(tmp_path, builder):
    _open(tmp_path, builder)

    def run(plan):
        if plan == b"plan 1":
            raise BackendUnavailable("it does not load")
        return Opened(plan)

    opened = _open(tmp_path, builder, run=run)
    assert opened.plan == b"plan 2"
    assert "is built again (it does not load)" in opened.notices[0]


class Driver:
    """libcuda as far as it is asked."""

    def cuInit(self, flags):  # noqa: N802
        return 0

    def cuDeviceGetCount(self, count):  # noqa: N802
        count._obj.value = 1
        return 0

    def cuDeviceGet(self, device, ordinal):  # noqa: N802
        return 0

    def cuDeviceGetName(self, name, length, device):  # noqa: N802
        name.value = b"NVIDIA H200"
        return 0

    def cuDeviceGetAttribute(self, number, attribute, device):  # noqa: N802
        number._obj.value = {75: 9, 76: 0}[attribute]
        return 0

    def cuDriverGetVersion(self, number):  # noqa: N802
        number._obj.value = 13000
        return 0


def test_a_gpu_is_told_by_name_capability_and_driver():
    found = device_identity(load=lambda name: Driver())
    assert (found["gpu"], found["compute_capability"]) == ("NVIDIA H200", "9.0")
    assert found["driver"].endswith("(CUDA 13000)")
    assert device_identity(1, load=lambda name: Driver())["gpu"] == ""


def test_timings_and_kernels_are_kept_for_what_they_depend_on(tmp_path):
    key = plan_key(RTX, MODEL, SIZE, GPU)
    for make, keep in (
        (lambda: kept_timings(tmp_path, RTX, GPU), "timings"),
        (lambda: kept_kernels(tmp_path, key, b"plan"), "kernels"),
    ):
        with make() as before:
            assert before.data == b""
            before.data = keep.encode()
        with make() as again:
            assert again.data == keep.encode()
    with kept_kernels(tmp_path, key, b"another plan") as other:
        assert other.data == b""
    with kept_timings(tmp_path, RTX, {**GPU, "driver": "560"}) as other:
        assert other.data == b""


def test_timings_of_a_build_that_failed_are_kept_too(tmp_path):
    def build():
        with kept_timings(tmp_path, RTX, GPU) as timings:
            timings.data = b"measured"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build()
    with kept_timings(tmp_path, RTX, GPU) as timings:
        assert timings.data == b"measured"
