"""What the machine's clocks were doing: frequency, governor, throttling. What cannot be read is None, never guessed."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any


def clocks(root: Path = Path("/")) -> dict[str, Any]:
    """Look at the CPU's clocks now.

    Args:
        root: Where `proc` and `sys` are read; another one only for tests.

    Returns:
        `mhz`: mean over the cores; `governor`: by name, or the names where cores differ; `throttled`: how often cores were slowed down
        for heat since the machine started, in all. Virtual machines often show none of them.
    """
    cores = root / "sys/devices/system/cpu"
    lines = _text(root / "proc/cpuinfo").splitlines()
    mhz = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    governors = sorted({_text(path).strip() for path in cores.glob("cpu*/cpufreq/scaling_governor")} - {""})
    throttles = [_text(path).strip() for path in cores.glob("cpu*/thermal_throttle/core_throttle_count")]
    return {
        "mhz": round(statistics.fmean(mhz), 1) if mhz else None,
        "governor": ", ".join(governors) or None,
        "throttled": sum(int(count) for count in throttles if count.isdigit()) if throttles else None,
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
