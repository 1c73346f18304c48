"""CUDA without a GPU: the driver's answers, the fake device, and both adapters on stand-ins with the libraries' names."""

import ctypes
import sys
import types

import numpy as np
import pytest

from edgeenh.cuda import interface
from edgeenh.cuda.driver import device_names, driver_problem
from edgeenh.cuda.fake import FakeDevice
from edgeenh.cuda.interface import open_device, package_missing
from edgeenh.errors import BackendUnavailable, InferenceFailed, UsageError


def _driver(start=0, count_code=0, gpus=1, named=True):
    """A stand-in for the driver's shared library."""

    def count(pointer):
        ctypes.cast(pointer, ctypes.POINTER(ctypes.c_int))[0] = gpus
        return count_code

    def name(buffer, length, device):
        buffer.value = b"NVIDIA Test"
        return 0 if named else 1

    functions = {"cuDeviceGetCount": count, "cuDeviceGet": lambda pointer, ordinal: 0, "cuDeviceGetName": name}
    return types.SimpleNamespace(cuInit=lambda flags: start, **functions)


def _missing(name):
    raise OSError(name)


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (_missing, "libcuda.so.1 not found"),
        (lambda name: _driver(start=100), "error 100"),
        (lambda name: _driver(count_code=3), "error 3"),
        (lambda name: _driver(gpus=0), "shows no GPU"),
    ],
)
def test_each_way_a_driver_fails_has_its_words(load, words):
    assert words in driver_problem(load)
    assert device_names(load) == ()


def test_driver_that_answers_names_its_gpus():
    def load(name):
        return _driver(gpus=2)

    assert driver_problem(load) == ""
    assert device_names(load) == ("NVIDIA Test", "NVIDIA Test")
    assert device_names(lambda name: _driver(named=False)) == ("CUDA device 0",)


def test_opening_without_a_driver_or_a_package_says_what_to_do(monkeypatch):
    monkeypatch.setattr(interface, "driver_problem", lambda: "no driver here")
    with pytest.raises(BackendUnavailable, match="no driver here: run on a machine with an NVIDIA GPU"):
        open_device()
    monkeypatch.setattr(interface, "driver_problem", lambda: "")
    monkeypatch.setattr(interface, "package_missing", lambda name: True)
    with pytest.raises(BackendUnavailable, match=r"cuda-core \(or pycuda\) is not installed"):
        open_device()
    with pytest.raises(BackendUnavailable, match=r"edgeenh\[pycuda\]"):
        open_device("pycuda")
    with pytest.raises(UsageError, match="auto, cuda_core or pycuda"):
        open_device("cupy")


def test_package_is_looked_for_without_importing_it(monkeypatch):
    monkeypatch.setattr(interface, "_PACKAGES", {"there": "json", "away": "no_such_package.at_all"})
    assert not package_missing("there")
    assert package_missing("away")


def test_errors_of_a_cuda_package_are_translated(monkeypatch):
    def fail(ordinal):
        raise ValueError(f"no device {ordinal}")

    monkeypatch.setattr(interface, "driver_problem", lambda: "")
    monkeypatch.setattr(interface, "package_missing", lambda name: name == "cuda_core")
    module = types.SimpleNamespace(open_device=fail)
    monkeypatch.setitem(sys.modules, "edgeenh.cuda.pycuda", module)
    with pytest.raises(BackendUnavailable, match="GPU 3 cannot be opened with pycuda: no device 3"):
        open_device("auto", 3)


def test_fake_does_nothing_before_it_is_waited_for():
    device = FakeDevice()
    buffer, sent, got = device.allocate(4), device.pinned(4), device.pinned(4)
    sent[:] = [1, 2, 3, 4]
    device.to_device(buffer, sent)
    device.to_host(got, buffer)
    assert not got.any()
    device.synchronize()
    assert got.tolist() == [1, 2, 3, 4]


def test_fake_fails_as_a_gpu_would():
    device = FakeDevice(memory=8)
    with pytest.raises(BackendUnavailable, match="take a smaller frame"):
        device.allocate(9)
    device.enqueue(lambda: 1 // 0)
    with pytest.raises(InferenceFailed, match="division"):
        device.synchronize()
    device.close()
    with pytest.raises(InferenceFailed, match="closed"):
        device.to_host(device.pinned(1), device.allocate(1))


class HostBuffer:
    """cuda-core's Buffer, in host memory."""

    def __init__(self, size):
        self.memory, self.size, self.closed = np.zeros(size, np.uint8), size, False
        self.handle = self.memory.ctypes.data

    def copy_from(self, src, *, stream):
        assert src.size == self.size
        self.memory[:] = src.memory

    def copy_to(self, dst, *, stream):
        dst.copy_from(self, stream=stream)

    def close(self):
        self.closed = True


def _cuda_core(made):
    def allocate(size, *, stream=None):
        if size > 1000:
            raise RuntimeError("CUDA_ERROR_OUT_OF_MEMORY")
        made.append(HostBuffer(size))
        return made[-1]

    def sync():
        if made[0].memory[0] == 99:
            raise RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS")

    stream = types.SimpleNamespace(handle=77, sync=sync, close=lambda: None)
    device = types.SimpleNamespace(
        name="stand-in", set_current=lambda: None, create_stream=lambda: stream, allocate=allocate
    )
    pinned = types.SimpleNamespace(allocate=allocate)
    return types.SimpleNamespace(Device=lambda ordinal: device, LegacyPinnedMemoryResource=lambda: pinned)


def _round_trip(device):
    buffer, sent, got = device.allocate(6), device.pinned(6), device.pinned(6)
    sent[:] = range(6)
    device.activate()
    device.to_device(buffer, sent)
    device.to_host(got, buffer)
    device.synchronize()
    return buffer, sent, got


def test_cuda_core_adapter_copies_through_its_buffers(monkeypatch):
    made = []
    monkeypatch.setitem(sys.modules, "cuda", types.SimpleNamespace(core=_cuda_core(made)))
    from edgeenh.cuda.cuda_core import CudaCoreDevice

    device = CudaCoreDevice(0)
    buffer, sent, got = _round_trip(device)
    assert (device.name, device.stream, buffer.address) == ("stand-in", 77, made[0].handle)
    assert got.tolist() == list(range(6))
    with pytest.raises(BackendUnavailable, match="1,001 bytes left"):
        device.allocate(1001)
    sent[0] = 99
    device.to_device(buffer, sent)
    with pytest.raises(InferenceFailed, match="ILLEGAL_ADDRESS"):
        device.synchronize()
    device.close()
    device.close()
    assert all(one.closed for one in made)


def _pycuda(calls):
    class Error(Exception):
        pass

    class Memory:
        def __init__(self, size):
            if size > 1000:
                raise Error("out of memory")
            self.array = np.zeros(size, np.uint8)

        def __int__(self):
            return self.array.ctypes.data

        def free(self):
            calls.append("free")

    def at(address, size):
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))

    def to_device(address, host, stream):
        if host[0] == 99:
            raise Error("illegal address")
        at(address, host.size)[:] = host

    def to_host(host, address, stream):
        host[:] = at(address, host.size)

    context = types.SimpleNamespace(
        **{name: lambda name=name: calls.append(name) for name in ("push", "pop", "detach")}
    )
    gpu = types.SimpleNamespace(name=lambda: "stand-in", retain_primary_context=lambda: context)
    return types.SimpleNamespace(
        Error=Error,
        init=lambda: calls.append("init"),
        Device=lambda ordinal: gpu,
        Stream=lambda: types.SimpleNamespace(handle=78, synchronize=lambda: None),
        mem_alloc=Memory,
        pagelocked_empty=np.zeros,
        memcpy_htod_async=to_device,
        memcpy_dtoh_async=to_host,
    )


def test_pycuda_adapter_keeps_to_the_primary_context(monkeypatch):
    calls = []
    driver = _pycuda(calls)
    package = types.ModuleType("pycuda")
    package.driver = driver
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", driver)
    from edgeenh.cuda.pycuda import PycudaDevice

    device = PycudaDevice(0)
    buffer, sent, got = _round_trip(device)
    assert (device.name, device.stream, got.tolist()) == ("stand-in", 78, list(range(6)))
    with pytest.raises(BackendUnavailable, match="1,001 bytes left"):
        device.allocate(1001)
    sent[0] = 99
    with pytest.raises(InferenceFailed, match="illegal address"):
        device.to_device(buffer, sent)
    device.close()
    device.close()
    assert calls == ["init", "push", "free", "pop", "detach"]
