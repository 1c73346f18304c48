"""CUDA by `pycuda`, on the device's primary context, as TensorRT uses it. Not yet run on a GPU.

`pycuda.autoinit` makes a context of its own, which TensorRT then refuses; it is never imported here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.cuda.interface import DeviceBuffer
from edgeenh.cuda.sticky import inference_failure
from edgeenh.errors import BackendUnavailable


def open_device(ordinal: int) -> PycudaDevice:
    """The GPU of this number; errors of `pycuda` are translated by `edgeenh.cuda.interface.open_device`."""
    return PycudaDevice(ordinal)


class PycudaDevice:
    """A `CudaDevice` (see `edgeenh.cuda.interface`) by `pycuda`."""

    def __init__(self, ordinal: int) -> None:
        import pycuda.driver as driver

        driver.init()
        self._driver: Any = driver
        self._device = driver.Device(ordinal)
        self._context: Any = self._device.retain_primary_context()
        self._threads: set[int] = set()
        self._buffers: list[Any] = []
        self.activate()
        self._stream = driver.Stream()

    @property
    def name(self) -> str:
        """The GPU's name."""
        return str(self._device.name())

    @property
    def stream(self) -> int:
        """The stream's handle."""
        return int(self._stream.handle)

    def activate(self) -> None:
        """Push the primary context, once per thread."""
        if threading.get_ident() not in self._threads:
            self._context.push()
            self._threads.add(threading.get_ident())

    def allocate(self, nbytes: int) -> DeviceBuffer:
        """Device memory, content undefined."""
        try:
            buffer = self._driver.mem_alloc(nbytes)
        except self._driver.Error as exc:
            raise BackendUnavailable(f"{self.name} has no {nbytes:,} bytes left ({exc}): take a smaller frame") from exc
        self._buffers.append(buffer)
        return DeviceBuffer(int(buffer), nbytes, buffer)

    def pinned(self, nbytes: int) -> NDArray[np.uint8]:
        """Page-locked host memory, owned by the array."""
        memory: NDArray[np.uint8] = self._driver.pagelocked_empty(nbytes, np.uint8)
        return memory

    def to_device(self, buffer: DeviceBuffer, host: NDArray[np.uint8]) -> None:
        """Queue a copy to the device."""
        with self._failing_as_inference():
            self._driver.memcpy_htod_async(buffer.address, host, self._stream)

    def to_host(self, host: NDArray[np.uint8], buffer: DeviceBuffer) -> None:
        """Queue a copy from the device."""
        with self._failing_as_inference():
            self._driver.memcpy_dtoh_async(host, buffer.address, self._stream)

    def capture(self, work: Callable[[], None]) -> None:  # noqa: ARG002
        """`pycuda` has no graphs: None, and work is queued call by call."""
        return

    def synchronize(self) -> None:
        """Wait for the stream."""
        with self._failing_as_inference():
            self._stream.synchronize()

    def close(self) -> None:
        """Give back buffers and our hold on the primary context; call it on the thread that opened the device."""
        if self._context is None:
            return
        for buffer in self._buffers:
            buffer.free()
        self._buffers.clear()
        if threading.get_ident() in self._threads:
            self._context.pop()
        self._context.detach()
        self._context = self._stream = None

    @contextmanager
    def _failing_as_inference(self) -> Iterator[None]:
        try:
            yield
        except self._driver.Error as exc:
            raise inference_failure(f"CUDA failed: {exc}") from exc
