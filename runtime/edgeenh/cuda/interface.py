"""CUDA as the backends need it: one device, one stream, device buffers, pinned arrays, copies.

Two implementations on GPUs, `cuda_core` (default) and `pycuda`, and one on the CPU for tests, `fake`. All work is
queued on the device's one stream and done in order; only `synchronize` waits. Not yet run on a GPU.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from edgeenh.cuda.driver import driver_fix, driver_problem
from edgeenh.errors import BackendUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

IMPLEMENTATIONS = ("cuda_core", "pycuda")
"""In the order `auto` tries them."""

_PACKAGES = {"cuda_core": "cuda.core", "pycuda": "pycuda"}


@dataclass(frozen=True, slots=True)
class DeviceBuffer:
    """Memory on the device.

    Attributes:
        address: Its device address, as TensorRT takes it.
        nbytes: Its length.
        owner: What keeps it alive; the buffer is given back when the device is closed.
    """

    address: int
    nbytes: int
    owner: Any


class CudaGraph(Protocol):
    """Work that was captured once and can be queued again by one call; valid until its device is closed."""

    def launch(self) -> None:
        """Queue all of it on the device's stream.

        Raises:
            InferenceFailed: The driver refused.
        """
        ...


class CudaDevice(Protocol):
    """One GPU with its primary context and one stream. Not thread-safe; `activate` on each thread that uses it."""

    @property
    def name(self) -> str:
        """The GPU's name, e.g. `NVIDIA H200`."""
        ...

    @property
    def stream(self) -> int:
        """The handle of the stream, as TensorRT takes it."""
        ...

    def activate(self) -> None:
        """Make the device's primary context current on the calling thread; cheap when it is already."""
        ...

    def allocate(self, nbytes: int) -> DeviceBuffer:
        """Device memory, content undefined; freed by `close`.

        Raises:
            BackendUnavailable: The device has too little memory.
        """
        ...

    def pinned(self, nbytes: int) -> NDArray[np.uint8]:
        """Page-locked host memory as uint8 [nbytes], for copies that do not wait; freed by `close`."""
        ...

    def to_device(self, buffer: DeviceBuffer, host: NDArray[np.uint8]) -> None:
        """Queue a copy of `host` (from `pinned`, as long as `buffer`, unchanged until `synchronize`).

        Raises:
            InferenceFailed: The driver refused.
        """
        ...

    def to_host(self, host: NDArray[np.uint8], buffer: DeviceBuffer) -> None:
        """Queue a copy to `host` (from `pinned`, as long as `buffer`, to be read after `synchronize`).

        Raises:
            InferenceFailed: The driver refused.
        """
        ...

    def capture(self, work: Callable[[], None]) -> CudaGraph | None:
        """Capture what `work` queues on the stream, without doing it; None where the implementation has no graphs.

        Args:
            work: Queues copies and launches; must have run once before, and not wait.

        Raises:
            InferenceFailed: `work` did something that cannot be captured.
        """
        ...

    def synchronize(self) -> None:
        """Wait until everything queued is done.

        Raises:
            InferenceFailed: Something queued failed. The context is then unusable: close the device.
        """
        ...

    def close(self) -> None:
        """Give back buffers, stream and context; closing twice is allowed."""
        ...


def open_device(implementation: str = "auto", ordinal: int = 0) -> CudaDevice:
    """Open a GPU.

    Args:
        implementation: `cuda_core`, `pycuda`, or `auto`: the first of them that is installed.
        ordinal: Number of the GPU, from 0.

    Raises:
        UsageError: There is no such implementation.
        BackendUnavailable: No driver, no GPU of that number, or neither package is installed.
    """
    if implementation not in ("auto", *IMPLEMENTATIONS):
        raise UsageError(f"there is no CUDA implementation {implementation!r}: choose auto, cuda_core or pycuda")
    if problem := driver_problem():
        raise BackendUnavailable(f"CUDA cannot be used: {problem}: {driver_fix()}")
    for name in IMPLEMENTATIONS if implementation == "auto" else (implementation,):
        if package_missing(name):
            continue
        module = importlib.import_module(f"edgeenh.cuda.{name}")
        try:
            return cast("CudaDevice", module.open_device(ordinal))
        except Exception as exc:  # the two packages have no common base for their errors
            raise BackendUnavailable(f"the GPU {ordinal} cannot be opened with {name}: {exc}: {driver_fix()}") from exc
    wanted = "cuda-core (or pycuda)" if implementation == "auto" else implementation.replace("_", "-")
    extra = "pycuda" if implementation == "pycuda" else "tensorrt-rtx"
    raise BackendUnavailable(f"the Python package {wanted} is not installed: pip install 'edgeenh[{extra}]'")


def package_missing(implementation: str) -> bool:
    """True when the Python package of an implementation is not installed; nothing of it is imported but its parent."""
    try:
        return importlib.util.find_spec(_PACKAGES[implementation]) is None
    except ModuleNotFoundError:
        return True
