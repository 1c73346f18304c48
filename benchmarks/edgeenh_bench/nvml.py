"""NVIDIA's GPUs by NVML, where its bindings are installed and its library is there. Not yet run on a GPU."""

from __future__ import annotations

from typing import Any


def handles() -> list[Any]:
    """A handle for each GPU; none where NVML cannot be used, whatever the reason: not installed, no driver, no GPU."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # NVMLError and ImportError mean the same here
        return []
