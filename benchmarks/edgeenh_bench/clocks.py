"""What the machine's clocks were doing: frequency, governor, throttling. What cannot be read is None, never guessed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeenh_bench.nvml import handles

POLICY = ("governor", "boost", "limits_mhz", "gpu_power_limits_w")
"""What somebody set. Two results in which one of these differs were not measured alike; the others are readings."""

VARIABLES = (
    *("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OMP_PROC_BIND", "KMP_AFFINITY", "KMP_BLOCKTIME", "MKL_NUM_THREADS"),
    *("OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM", "TBB_NUM_THREADS", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"),
    *("LD_PRELOAD", "MALLOC_ARENA_MAX", "CUDA_VISIBLE_DEVICES", "CUDA_LAUNCH_BLOCKING", "NVIDIA_TF32_OVERRIDE"),
)
"""Environment variables by which libraries choose threads, instructions, allocator or device."""


def clocks(root: Path = Path("/")) -> dict[str, Any]:
    """Look at the clocks now.

    Args:
        root: Where `proc` and `sys` are read; another one only for tests.

    Returns:
        `mhz`: mean over the cores; `governor`: by name, or the names where cores differ; `boost`: whether clocks above the nominal one are
        allowed; `limits_mhz`: lowest and highest allowed, over all cores; `throttled`, `package_throttled`: how often cores, and packages,
        were slowed down for heat since the machine started, the first in all, the second the most of any; `gpus`: clocks in MHz, °C,
        and NVML's bits of why a clock is held down; `gpu_power_limits_w`. Virtual machines often show none of them.
    """
    cores = root / "sys/devices/system/cpu"
    lines = _text(root / "proc/cpuinfo").splitlines()
    mhz = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    governors = sorted({_text(path).strip() for path in cores.glob("cpu*/cpufreq/scaling_governor")} - {""})
    throttles = _counts(cores, "cpu*/thermal_throttle/core_throttle_count")
    packages = _counts(cores, "cpu*/thermal_throttle/package_throttle_count")
    gpus = _gpus()
    return {
        "mhz": round(statistics.fmean(mhz), 1) if mhz else None,
        "governor": ", ".join(governors) or None,
        "boost": _boost(cores),
        "limits_mhz": _limits_mhz(cores),
        "throttled": sum(throttles) if throttles else None,
        "package_throttled": max(packages, default=None),
        "gpus": [{name: value for name, value in gpu.items() if name != "power_limit_w"} for gpu in gpus],
        "gpu_power_limits_w": [gpu["power_limit_w"] for gpu in gpus],
    }


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of `VARIABLES` that are set."""
    return {name: environ[name] for name in VARIABLES if name in environ}


def throttling(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What was slowed down for heat between two looks, one line each; nothing where it cannot be read."""
    lines = []
    for name, what in (("throttled", "cores"), ("package_throttled", "a package")):
        if before[name] is not None and after[name] is not None and after[name] > before[name]:
            times = after[name] - before[name]
            lines.append(
                f"{what} of this CPU got slowed down for heat {times} times meanwhile: cool it and run it again"
            )
    return lines


def _boost(cores: Path) -> bool | None:
    no_turbo = _text(cores / "intel_pstate/no_turbo").strip()
    if no_turbo:
        return no_turbo == "0"
    boost = _text(cores / "cpufreq/boost").strip()
    return boost == "1" if boost else None


def _limits_mhz(cores: Path) -> list[float] | None:
    low = _counts(cores, "cpu*/cpufreq/scaling_min_freq")
    high = _counts(cores, "cpu*/cpufreq/scaling_max_freq")
    return [min(low) / 1000, max(high) / 1000] if low and high else None


def _counts(folder: Path, pattern: str) -> list[int]:
    found = [_text(path).strip() for path in folder.glob(pattern)]
    return [int(count) for count in found if count.isdigit()]


def _gpus() -> list[dict[str, Any]]:
    """NVIDIA GPUs by NVML."""
    found = handles()
    if not found:
        return []
    import pynvml

    asks = {
        "sm_mhz": lambda gpu: pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_SM),
        "memory_mhz": lambda gpu: pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_MEM),
        "celsius": lambda gpu: pynvml.nvmlDeviceGetTemperature(gpu, pynvml.NVML_TEMPERATURE_GPU),
        "held_down_bits": pynvml.nvmlDeviceGetCurrentClocksThrottleReasons,
        "power_limit_w": lambda gpu: pynvml.nvmlDeviceGetEnforcedPowerLimit(gpu) / 1000,
    }
    return [{name: _answer(ask, handle) for name, ask in asks.items()} for handle in found]


def _answer(ask: Any, handle: Any) -> Any:
    try:
        return ask(handle)
    except Exception:  # NVMLError: this GPU does not tell
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
