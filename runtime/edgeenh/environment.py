"""What this machine is, as far as it bears on speed and results: the fingerprint that travels with every measurement.

Read from files and package metadata only: nothing is started, imported or asked over a network, and nothing in it
changes from call to call on an unchanged machine, so two fingerprints can be compared field by field.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any

from edgeenh import __version__

LIBRARIES = (
    "numpy",
    "opencv-python-headless",
    "opencv-python",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "tensorrt",
    "tensorrt-rtx",
    "cuda-core",
    "cuda-bindings",
    "pycuda",
    "torch",
    "onnx",
)
"""Distributions whose versions are recorded where they are installed."""

CPU_FLAGS = (
    *("avx", "avx2", "f16c", "fma", "avx_vnni", "avx512f", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "asimdhp", "bf16", "i8mm", "sve", "sve2"),
)
"""Instruction sets that decide which kernels a backend picks: x86 first, then Arm."""


def fingerprint(root: Path = Path("/")) -> dict[str, Any]:
    """Describe this machine in JSON values.

    Args:
        root: The root of the file system that `proc` and `sys` are read under; another one only for tests.

    Returns:
        `edgeenh`, `python`, `os`, `kernel`, `machine`; `cpu` with model, flags, cores that exist, cores this process
        may use, and the quota of its control group in cores (None = no limit); `memory_mib`; `gpus` with name, bus and
        driver; `libraries` by distribution. What cannot be found out is None or empty, never guessed.
    """
    return {
        "edgeenh": __version__,
        "python": platform.python_version(),
        "os": _os_name(root),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": _cpu(root),
        "memory_mib": _memory_mib(root),
        "gpus": _gpus(root),
        "libraries": library_versions(),
    }


def library_versions() -> dict[str, str]:
    """Versions of the installed among `LIBRARIES`, from their metadata; nothing is imported."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def cores_allowed() -> int:
    """Cores that this process may be scheduled on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_flags(root: Path = Path("/")) -> tuple[str, ...]:
    """The CPU's instruction sets among `CPU_FLAGS`, in that order."""
    found = set(_field(_text(root / "proc/cpuinfo"), "flags", "Features").split())
    return tuple(flag for flag in CPU_FLAGS if flag in found)


def _cpu(root: Path) -> dict[str, Any]:
    model = _field(_text(root / "proc/cpuinfo"), "model name", "Model", "Hardware")
    return {
        "model": model or platform.processor() or None,
        "flags": list(cpu_flags(root)),
        "cores": os.cpu_count(),
        "cores_allowed": cores_allowed(),
        "quota_cores": _quota_cores(root),
    }


def _quota_cores(root: Path) -> float | None:
    """CPU time per time that the control group allows: `cpu.max` of version 2, or the pair of files of version 1."""
    group = root / "sys/fs/cgroup"
    words = _text(group / "cpu.max").split()
    if len(words) != 2:
        words = [_text(group / "cpu" / name).strip() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")]
    quota, period = words
    if not (quota.isdigit() and period.isdigit() and int(period) > 0):  # `max`, -1, or no such file: no limit
        return None
    return int(quota) / int(period)


def _memory_mib(root: Path) -> int | None:
    kilobytes = _field(_text(root / "proc/meminfo"), "MemTotal").removesuffix("kB").strip()
    return int(kilobytes) // 1024 if kilobytes.isdigit() else None


def _gpus(root: Path) -> list[dict[str, Any]]:
    """NVIDIA GPUs as the kernel driver lists them; on a machine without the driver there is no such folder."""
    driver = re.search(r"Kernel Module[^\n]*?\s(\d+\.[\d.]+)\s", _text(root / "proc/driver/nvidia/version"))
    gpus = []
    for path in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        text = _text(path)
        name, bus = _field(text, "Model"), _field(text, "Bus Location")
        gpus.append({"name": name or None, "bus": bus or None, "driver": driver.group(1) if driver else None})
    return gpus


def _os_name(root: Path) -> str:
    pretty = re.search(r'^PRETTY_NAME="?([^"\n]*)', _text(root / "etc/os-release"), re.MULTILINE)
    return pretty.group(1) if pretty else platform.system()


def _field(text: str, *names: str) -> str:
    """The value of the first of `names` that has a line `name: value`; empty when none has."""
    for name in names:
        found = re.search(rf"^{re.escape(name)}\s*:[ \t]*(.*)$", text, re.MULTILINE)
        if found:
            return found.group(1).strip()
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
