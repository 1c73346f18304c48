"""A frame's whole way through the GPU as one CUDA graph, where that can be had and gives the same pictures.

A captured graph holds addresses. One that was captured wrongly returns the old picture for ever, so a graph is used
only after it gave, for two different frames, bit for bit what the same calls give one by one. Not yet run on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edgeenh.backends.contract import one_line
from edgeenh.errors import InferenceFailed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeenh.cuda.interface import CudaDevice, CudaGraph


def capture_proven(
    device: CudaDevice, queue: Callable[[], None], image: NDArray[np.uint8], out: NDArray[np.uint8]
) -> tuple[CudaGraph | None, str]:
    """Capture what `queue` queues, and prove it.

    Args:
        device: Where it runs.
        queue: Queues one frame, from `image` to `out`; has been run and waited for before, as libraries allocate then.
        image: Pinned memory that the work reads; overwritten.
        out: Pinned memory that it writes; overwritten.

    Returns:
        The graph and an empty reason; or None and why there is none, empty where the device offers no graphs.

    Raises:
        InferenceFailed: The work fails without a graph too.
    """
    expected = [_frame(device, queue, image, out, level) for level in _LEVELS]
    try:
        graph = device.capture(queue)
        if graph is None:
            return None, ""
        found = [_frame(device, graph.launch, image, out, level) for level in _LEVELS]
    except InferenceFailed as exc:
        return None, f"frames are queued call by call, since a CUDA graph cannot be captured ({one_line(exc)})"
    if found != expected:
        return None, "frames are queued call by call, since a captured CUDA graph gives other pictures"
    return graph, ""


_LEVELS = (0x00, 0x3E)
"""Bytes of the two frames: black, and grey as uint8 (as float32, 0x3E3E3E3E is 0.186)."""


def _frame(
    device: CudaDevice, work: Callable[[], None], image: NDArray[np.uint8], out: NDArray[np.uint8], level: int
) -> bytes:
    image[:] = level
    out[:] = ~image[0]  # so that a result that was never written differs
    work()
    device.synchronize()
    return out.tobytes()
