"""Resident memory of this process, from the kernel's own account."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident_memory_mb() -> float:
    """Megabytes (10⁶ bytes) of this process that are in memory now."""
    return _status_mb("VmRSS")


def peak_memory_mb() -> float:
    """The most megabytes that were ever in memory, or since `forget_peak_memory`."""
    return _status_mb("VmHWM")


def forget_peak_memory() -> None:
    """Let the peak begin again at what is resident now, so that it belongs to what comes next."""
    with suppress(OSError):  # not permitted in some sandboxes; the peak then also covers the start of the process
        Path("/proc/self/clear_refs").write_text("5")


def _status_mb(field: str) -> float:
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024 / 1e6
    raise RuntimeError(f"{_STATUS} has no {field}: resident memory cannot be measured on this kernel")
