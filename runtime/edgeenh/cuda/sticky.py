"""CUDA errors that stay: after one of them every call of the same process fails, and only a new process helps.

By NVIDIA's documentation of `cudaError_t`, these "leave the process in an inconsistent state and any further CUDA work
will return the same error. To continue using CUDA, the process must be terminated and relaunched." Libraries report
them by name, by number or in words, so all three are looked for.
"""

from __future__ import annotations

import re

from edgeenh.errors import DeviceLost, InferenceFailed

_STICKY = re.compile(
    r"ILLEGAL_?ADDRESS|illegal memory access"
    r"|LAUNCH_?(?:FAILED|FAILURE|TIMEOUT)|unspecified launch failure|launch timed out"
    r"|ILLEGAL_?INSTRUCTION|illegal instruction|MISALIGNED_?ADDRESS|misaligned address"
    r"|INVALID_?ADDRESS_?SPACE|INVALID_?PC\b|HARDWARE_?STACK_?ERROR|ERROR_ASSERT\b|ErrorAssert|device-side assert"
    r"|ECC_?UNCORRECTABLE|uncorrectable ECC|CONTEXT_?IS_?DESTROYED"
    r"|\bCUDA (?:error|failure) (?:214|700|702|714|715|716|717|718|719|709|710)\b",
    re.IGNORECASE,
)


def inference_failure(message: str) -> InferenceFailed:
    """What to raise for a library's message: `DeviceLost` when the error stays, otherwise `InferenceFailed`."""
    return DeviceLost(message) if _STICKY.search(message) else InferenceFailed(message)
