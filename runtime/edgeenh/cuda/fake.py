"""A CUDA device made of ordinary memory, for tests: addresses are host addresses, the stream is a list of pending work.

As on a GPU nothing happens before `synchronize`, so code that reads a result too early reads the wrong bytes here too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgeenh.cuda.interface import DeviceBuffer
from edgeenh.errors import BackendUnavailable, InferenceFailed


class FakeDevice:
    """A `CudaDevice` on the CPU.

    Args:
        memory: Bytes of device memory it pretends to have.

    Attributes:
        closed: Whether `close` was called.
        allocated: Bytes of device memory in use.
        activations: How often `activate` was called.
    """

    name = "fake CUDA device"
    stream = 0x5EED

    def __init__(self, memory: int = 1 << 30) -> None:
        self.closed = False
        self.allocated = 0
        self.activations = 0
        self._memory = memory
        self._pending: list[Callable[[], None]] = []

    def activate(self) -> None:
        """Counted, nothing else."""
        self.activations += 1

    def allocate(self, nbytes: int) -> DeviceBuffer:
        """Memory filled with 0xA5, so that what was never copied is seen."""
        if self.allocated + nbytes > self._memory:
            raise BackendUnavailable(f"{self.name} has no {nbytes} bytes left: take a smaller frame")
        self.allocated += nbytes
        memory = np.full(nbytes, 0xA5, np.uint8)
        return DeviceBuffer(memory.ctypes.data, nbytes, memory)

    def pinned(self, nbytes: int) -> NDArray[np.uint8]:
        """Ordinary memory."""
        return np.zeros(nbytes, np.uint8)

    def to_device(self, buffer: DeviceBuffer, host: NDArray[np.uint8]) -> None:
        """Queue the copy."""
        self.enqueue(lambda: np.copyto(buffer.owner, host))

    def to_host(self, host: NDArray[np.uint8], buffer: DeviceBuffer) -> None:
        """Queue the copy."""
        self.enqueue(lambda: np.copyto(host, buffer.owner))

    def enqueue(self, work: Callable[[], None]) -> None:
        """Queue any work, as a kernel launch would; an exception in it surfaces at `synchronize`."""
        if self.closed:
            raise InferenceFailed("the fake CUDA device is closed: open another")
        self._pending.append(work)

    def capture(self, work: Callable[[], None]) -> FakeGraph:
        """Remember what `work` queues, and do none of it."""
        before, self._pending = self._pending, []
        try:
            work()
            return FakeGraph(self, self._pending)
        finally:
            self._pending = before

    def synchronize(self) -> None:
        """Do what was queued, in order."""
        pending, self._pending = self._pending, []
        try:
            for work in pending:
                work()
        except Exception as exc:
            raise InferenceFailed(f"the fake CUDA device failed: {exc}") from exc

    def close(self) -> None:
        """Forget everything."""
        self.closed = True
        self.allocated = 0
        self._pending.clear()


class FakeGraph:
    """A `CudaGraph` of a `FakeDevice`."""

    def __init__(self, device: FakeDevice, captured: list[Callable[[], None]]) -> None:
        self._device, self._captured = device, captured

    def launch(self) -> None:
        """Queue all of it again."""
        for work in self._captured:
            self._device.enqueue(work)
