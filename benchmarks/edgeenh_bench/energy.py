"""Energy, where the machine can tell: Intel's and AMD's RAPL counters, and NVIDIA's NVML.

RAPL counts microjoules of whole packages (Linux, `Documentation/power/powercap/powercap.rst`), so it holds what every other program used meanwhile; most
machines let only root read it, and virtual machines have none. NVML counts millijoules of a GPU since its driver was loaded. A counter that
cannot be read is said with the reason, and never guessed from watts and time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeenh_bench.nvml import handles


@dataclass(frozen=True, slots=True)
class Counters:
    """What can be counted here.

    Attributes:
        packages: RAPL folders of whole packages, readable now.
        gpus: NVML handles that count energy.
        reason: Why there is none; empty where there is one.
    """

    packages: tuple[Path, ...] = ()
    gpus: tuple[Any, ...] = field(default=(), repr=False)
    reason: str = ""

    def read(self) -> dict[str, int]:
        """Microjoules so far by counter; a counter that cannot be read this time is left out."""
        found = {}
        for folder in self.packages:
            if (count := _whole(folder / "energy_uj")) is not None:
                found[folder.name] = count
        for number, handle in enumerate(self.gpus):
            found[f"gpu{number}"] = _gpu_microjoules(handle)
        return found

    def joules(self, before: Mapping[str, int], after: Mapping[str, int]) -> float | None:
        """Joules between two readings; None where a counter is missing in one of them. A counter that wrapped is unwrapped once."""
        if not before or before.keys() != after.keys():
            return None
        ranges = {folder.name: _whole(folder / "max_energy_range_uj") or 0 for folder in self.packages}
        total = 0
        for name, start in before.items():
            difference = after[name] - start
            if difference < 0:
                difference += ranges.get(name, 0)
            if difference < 0:
                return None
            total += difference
        return total / 1e6


def find_counters(root: Path = Path("/")) -> Counters:
    """The counters of this machine.

    Args:
        root: Where `sys` is; another one only for tests.
    """
    folders = sorted((root / "sys/class/powercap").glob("*-rapl:[0-9]*"))
    packages = [folder for folder in folders if folder.name.count(":") == 1]  # further ones are parts of these
    readable = tuple(folder for folder in packages if _whole(folder / "energy_uj") is not None)
    gpus = _gpus()
    if readable or gpus:
        return Counters(readable, gpus)
    if packages:
        return Counters(reason="RAPL may be read by root alone here")
    return Counters(reason="this machine has no RAPL (/sys/class/powercap) and no NVIDIA GPU that counts energy")


def _whole(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _gpus() -> tuple[Any, ...]:
    """Handles of the GPUs, where all of them count energy."""
    found = tuple(handles())
    try:
        for handle in found:
            _gpu_microjoules(handle)
    except Exception:  # NVMLError: a GPU that does not count
        return ()
    return found


def _gpu_microjoules(handle: Any) -> int:
    import pynvml

    return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) * 1000
