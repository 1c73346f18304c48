"""Energy from made-up counters: packages alone, wrapping, and the reason where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeenh_bench import energy
from edgeenh_bench.energy import find_counters


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "_gpus", lambda: ())


def rapl(root: Path, name: str, count: int) -> Path:
    folder = root / "sys/class/powercap" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "energy_uj").write_text(f"{count}\n")
    (folder / "max_energy_range_uj").write_text("1000000\n")
    return folder


def test_packages_are_counted_and_their_parts_are_not(tmp_path: Path) -> None:
    rapl(tmp_path, "intel-rapl:0", 100)
    rapl(tmp_path, "intel-rapl:0:0", 50)
    counters = find_counters(tmp_path)
    before = counters.read()
    rapl(tmp_path, "intel-rapl:0", 700_100)
    assert before == {"intel-rapl:0": 100}
    assert counters.joules(before, counters.read()) == pytest.approx(0.7)


def test_a_counter_that_wrapped(tmp_path: Path) -> None:
    rapl(tmp_path, "intel-rapl:0", 900_000)
    counters = find_counters(tmp_path)
    before = counters.read()
    rapl(tmp_path, "intel-rapl:0", 100_000)
    assert counters.joules(before, counters.read()) == pytest.approx(0.2)


def test_a_counter_that_went_away_makes_no_figure(tmp_path: Path) -> None:
    folder = rapl(tmp_path, "intel-rapl:0", 1)
    counters = find_counters(tmp_path)
    before = counters.read()
    (folder / "energy_uj").unlink()
    assert counters.joules(before, counters.read()) is None
    assert counters.joules({}, {}) is None


def test_nothing_to_read_has_a_reason(tmp_path: Path) -> None:
    assert "no RAPL" in find_counters(tmp_path).reason
    (rapl(tmp_path, "intel-rapl:0", 1) / "energy_uj").write_text("")
    assert "root alone" in find_counters(tmp_path).reason
