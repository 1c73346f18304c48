"""CUDA by NVIDIA's `cuda-core`: the primary context, as TensorRT uses it. Not yet run on a GPU."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.cuda.interface import DeviceBuffer
from edgeenh.cuda.sticky import inference_failure
from edgeenh.errors import BackendUnavailable, InferenceFailed


def open_device(ordinal: int) -> CudaCoreDevice:
    """The GPU of this number; errors of `cuda-core` are translated by `edgeenh.cuda.interface.open_device`."""
    return CudaCoreDevice(ordinal)


class CudaCoreDevice:
    """A `CudaDevice` (see `edgeenh.cuda.interface`) by `cuda-core`."""

    def __init__(self, ordinal: int) -> None:
        from cuda import core

        self._device = core.Device(ordinal)
        self._device.set_current()
        self._stream: Any = self._device.create_stream()
        self._host_memory = core.LegacyPinnedMemoryResource()
        self._graphs: list[Any] = []
        self._device_buffers: list[Any] = []
        self._host_buffers: dict[
            int, Any
        ] = {}  # by address: the object that a copy wants, for the array that we gave out

    @property
    def name(self) -> str:
        """The GPU's name."""
        return str(self._device.name)

    @property
    def stream(self) -> int:
        """The stream's handle."""
        return int(self._stream.handle)

    def activate(self) -> None:
        """Make the primary context current on this thread."""
        self._device.set_current()

    def allocate(self, nbytes: int) -> DeviceBuffer:
        """Device memory, content undefined."""
        try:
            buffer = self._device.allocate(nbytes, stream=self._stream)
        except Exception as exc:  # cuda-core has no common base for its errors
            raise BackendUnavailable(f"{self.name} has no {nbytes:,} bytes left ({exc}): take a smaller frame") from exc
        self._device_buffers.append(buffer)
        return DeviceBuffer(int(buffer.handle), nbytes, buffer)

    def pinned(self, nbytes: int) -> NDArray[np.uint8]:
        """Page-locked host memory; the array is valid until `close`."""
        buffer = self._host_memory.allocate(nbytes)
        address = int(buffer.handle)
        self._host_buffers[address] = buffer
        return np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(address))

    def to_device(self, buffer: DeviceBuffer, host: NDArray[np.uint8]) -> None:
        """Queue a copy to the device."""
        with _failing_as_inference():
            buffer.owner.copy_from(self._host_buffers[host.ctypes.data], stream=self._stream)

    def to_host(self, host: NDArray[np.uint8], buffer: DeviceBuffer) -> None:
        """Queue a copy from the device."""
        with _failing_as_inference():
            buffer.owner.copy_to(self._host_buffers[host.ctypes.data], stream=self._stream)

    def capture(self, work: Callable[[], None]) -> CudaCoreGraph:
        """A CUDA graph of what `work` queues."""
        with _failing_as_inference():
            builder = self._stream.create_graph_builder()
            try:
                builder.begin_building()
                work()
                builder.end_building()
                graph = builder.complete()
            finally:
                builder.close()
        self._graphs.append(graph)
        return CudaCoreGraph(graph, self._stream)

    def synchronize(self) -> None:
        """Wait for the stream."""
        with _failing_as_inference():
            self._stream.sync()

    def close(self) -> None:
        """Give back buffers and stream; the primary context is the process's and stays."""
        if self._stream is None:
            return
        for one in (*self._graphs, *self._device_buffers, *self._host_buffers.values()):
            one.close()
        self._graphs.clear()
        self._device_buffers.clear()
        self._host_buffers.clear()
        self._stream.close()
        self._stream = None


class CudaCoreGraph:
    """A `CudaGraph` by `cuda-core`."""

    def __init__(self, graph: Any, stream: Any) -> None:
        self._graph, self._stream = graph, stream

    def launch(self) -> None:
        """Queue it on the device's stream."""
        with _failing_as_inference():
            self._graph.launch(self._stream)


@contextmanager
def _failing_as_inference() -> Iterator[None]:
    try:
        yield
    except InferenceFailed:
        raise  # of what is being captured
    except Exception as exc:  # cuda-core has no common base for its errors
        raise inference_failure(f"CUDA failed: {exc}") from exc
