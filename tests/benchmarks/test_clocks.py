"""Clocks from made-up files: what is there is read, and what is not is None."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgeenh_bench.clocks import POLICY, clocks, throttling, variables


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)


def write(root: Path, name: str, text: object) -> None:
    path = root / "sys/devices/system/cpu" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def test_a_machine_that_shows_everything(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("cpu MHz\t\t: 3000.0\nmodel name : x\ncpu MHz : 4000.0\n")
    for core in (0, 1):
        write(tmp_path, f"cpu{core}/cpufreq/scaling_governor", "performance")
        write(tmp_path, f"cpu{core}/cpufreq/scaling_min_freq", 800_000)
        write(tmp_path, f"cpu{core}/cpufreq/scaling_max_freq", 4_000_000 + core * 100_000)
        write(tmp_path, f"cpu{core}/thermal_throttle/core_throttle_count", 3)
        write(tmp_path, f"cpu{core}/thermal_throttle/package_throttle_count", 5)
    write(tmp_path, "intel_pstate/no_turbo", 1)
    assert clocks(tmp_path) == {
        "mhz": 3500.0,
        "governor": "performance",
        "boost": False,
        "limits_mhz": [800.0, 4100.0],
        "throttled": 6,
        "package_throttled": 5,
        "gpus": [],
        "gpu_power_limits_w": [],
    }


def test_what_cannot_be_read_is_none_and_nothing_is_guessed(tmp_path: Path) -> None:
    found = clocks(tmp_path)
    assert [name for name, value in found.items() if value is not None] == ["gpus", "gpu_power_limits_w"]
    assert set(POLICY) <= set(found)
    write(tmp_path, "cpufreq/boost", 1)
    write(tmp_path, "cpu0/thermal_throttle/core_throttle_count", "none")
    assert clocks(tmp_path)["boost"] is True
    assert clocks(tmp_path)["throttled"] is None


def test_heat_in_the_meantime_is_told() -> None:
    cool: dict[str, Any] = {"throttled": 1, "package_throttled": None}
    assert throttling(cool, cool) == []
    assert "cores of this CPU got slowed down for heat 4 times" in throttling(cool, cool | {"throttled": 5})[0]
    assert "a package" in throttling({"throttled": None, "package_throttled": 0}, {"throttled": None, "package_throttled": 1})[0]  # fmt: skip


def test_variables_that_libraries_heed() -> None:
    assert variables({"OMP_NUM_THREADS": "1", "HOME": "/root"}) == {"OMP_NUM_THREADS": "1"}


def test_a_gpu_tells_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(handle: object) -> int:
        raise RuntimeError("Not Supported")

    nvml = SimpleNamespace(
        NVML_CLOCK_SM=1, NVML_CLOCK_MEM=2, NVML_TEMPERATURE_GPU=0, nvmlInit=lambda: None, nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda number: f"gpu {number}", nvmlDeviceGetClockInfo=lambda handle, kind: 1000 * kind,
        nvmlDeviceGetTemperature=refuses, nvmlDeviceGetCurrentClocksThrottleReasons=lambda handle: 4,
        nvmlDeviceGetEnforcedPowerLimit=lambda handle: 700_000,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    found = clocks(tmp_path)
    assert found["gpus"] == [{"sm_mhz": 1000, "memory_mhz": 2000, "celsius": None, "held_down_bits": 4}]
    assert found["gpu_power_limits_w"] == [700.0]
