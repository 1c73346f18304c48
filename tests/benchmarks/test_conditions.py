"""Every result says under which conditions it was measured, and which of its figures should be doubted."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from edgeenh_bench.conditions import Conditions
from edgeenh_bench.noise import noise_line, noise_lines, noise_of
from edgeenh_bench.result import doubts
from edgeenh_bench.rows import Row, RowSpec


def row(latencies: list[float], blocks: list[int]) -> Row:
    return Row(RowSpec("fake", "fp32"), steady=True, latencies_ms=latencies, blocks=blocks)


def test_conditions_have_clocks_load_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    seen = Conditions().to_json()
    assert set(seen) == {"cpu_share_of_other_programs", "clocks", "variables"}
    assert 0.0 <= seen["cpu_share_of_other_programs"] <= 1.0
    assert seen["clocks"]["before"].keys() == seen["clocks"]["after"].keys() >= {"mhz", "governor", "throttled"}
    assert seen["variables"]["OMP_NUM_THREADS"] == "1"


def test_load_heat_and_rows_make_a_result_doubtful() -> None:
    cool = {"throttled": 3, "package_throttled": None}
    document: dict[str, Any] = {"clocks": {"before": cool, "after": copy.copy(cool)}, "doubts": []}
    assert doubts(document) == []
    document["cpu_share_of_other_programs"] = 0.5
    document["clocks"]["after"]["throttled"] = 5
    document["doubts"] = ["the graph: latencies vary by 40%"]
    found = doubts(document)
    assert ["used 50%" in found[0], "slowed down for heat 2 times" in found[1], found[2]] == [
        True,
        True,
        "the graph: latencies vary by 40%",
    ]


def test_a_result_that_noted_nothing_is_not_doubted() -> None:
    assert doubts({}) == []


def test_a_row_of_a_few_frames_says_so() -> None:
    assert "too few frames even for its median: 5" in row([10.0] * 5, [5]).warnings()[0]
    assert row([10.0] * 6, [6]).warnings() == []
    assert row([10.0] * 5, [5]).warnings("64×48, 2 threads")[0].startswith("64×48, 2 threads: too few")


def test_a_row_that_differs_from_itself_is_noise() -> None:
    first, twin = row([10.0] * 8, [1] * 8), row([12.0] * 8, [1] * 8)
    noise = noise_of([first], twin)
    assert noise is not None
    assert noise["value"] == pytest.approx(1.2)
    assert "differs by 20%" in noise_lines(noise, twin)[0]
    assert noise_line(noise) == "Noise of this machine: fake-fp32 in two processes, 1.200 (1.200 to 1.200)"


def test_a_twin_that_failed_is_said() -> None:
    twin = row([], [])
    twin.fail("it crashed")
    assert noise_of([row([10.0], [1])], twin) is None
    assert noise_lines(None, twin) == ["the machine's noise was not measured: it crashed"]
