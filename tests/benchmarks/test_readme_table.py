"""README's figures are those of the stored results, and nobody typed them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeenh_bench.figure_table import nearest, newest, table
from edgeenh_bench.readme_table import BEGIN, END, made_of, main, with_table
from edgeenh_bench.results_page import page_of

ROOT = Path(__file__).parents[2]


def test_both_pages_have_what_the_results_say() -> None:
    readme, results = (ROOT / "README.md").read_text(encoding="utf-8"), ROOT / "benchmarks/results"
    assert with_table(readme, made_of(results)) == readme, "run `make results`"
    assert (results / "README.md").read_text(encoding="utf-8") == page_of(results), "run `make results`"


def figure(name: str, value: float, at_most: float | None, at_least: float | None = None) -> dict[str, object]:
    low, high = at_least is None or value >= at_least, at_most is None or value <= at_most
    return {"name": name, "value": value, "at_most": at_most, "at_least": at_least, "passed": low and high}


def test_readme_shows_what_is_missed_or_else_what_is_nearest() -> None:
    far, near, count = figure("far", 1.0, 10.0), figure("near", 9.8, None, 9.7), figure("count", 0.0, 0.0)
    assert nearest([far, near, count]) == [(near, 2)]
    assert nearest([far, figure("100 of 100", 100.0, None, 100.0)]) == [(far, 1)]
    assert nearest([count]) == [(count, 0)]
    missed, worse = figure("missed", 11.0, 10.0), figure("worse", 20.0, 10.0)
    assert nearest([far, missed, near, worse]) == [(missed, 2), (worse, 0)]
    assert nearest([]) == []


def result(value: float, day: str, *, passed: bool) -> str:
    cpu = {"model": "AMD EPYC", "cores_allowed": 2, "flags": ["avx2"]}
    figure = {"name": "a figure", "value": value, "unit": "ms", "at_most": 3.0, "at_least": None, "passed": passed}
    told = {"name": "told", "value": 1.0, "unit": "", "at_most": None, "at_least": None, "passed": None}
    document = {"created": f"{day}T10:00:00", "environment": {"cpu": cpu}, "figures": [figure, told]}
    return json.dumps(document | {"cpu_share_of_other_programs": 0.2})


def test_the_newest_counts_and_a_miss_is_said(tmp_path: Path) -> None:
    for day, value in (("2026-01-02", 2.0), ("2026-03-01", 4.25)):
        (tmp_path / f"{day}-startup-amd-epyc-2c.json").write_text(result(value, day, passed=value < 3))
    (tmp_path / "2026-03-01-startup-xray-n-amd-epyc-2c.json").write_text(result(1.0, "2026-03-01", passed=True))
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / "2026-03-01-a-target-that-is-gone-amd-epyc-2c.json").write_text("{}")
    assert list(newest(tmp_path)) == ["startup", "startup --model xray-n"]
    made = table(tmp_path, nearest).splitlines()
    assert made[2:] == [
        "| a figure | 4.25 ms | ≤ 3 | **missed** | `startup`, AMD EPYC (2 cores, AVX2), 2026-03-01; other programs used 20% |",
        "| a figure | 1 ms | ≤ 3 | holds | `startup --model xray-n`, AMD EPYC (2 cores, AVX2), 2026-03-01; other programs used 20% |",
    ]


def test_of_one_day_the_later_result_counts_whatever_its_machine_is_called(tmp_path: Path) -> None:
    for machine, hour in (("amd-epyc-2c", "20"), ("intel-xeon-2c", "10")):
        text = result(1.0, "2026-03-01", passed=True).replace("T10:00", f"T{hour}:00")
        (tmp_path / f"2026-03-01-startup-{machine}.json").write_text(text)
    assert newest(tmp_path)["startup"].name == "2026-03-01-startup-amd-epyc-2c.json"


def test_the_table_is_put_between_its_marks_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "results/2026-01-02-startup-amd-epyc-2c.json").write_text(result(2.0, "2026-01-02", passed=True))
    assert main([str(tmp_path / "results"), str(tmp_path / "README.md")]) == 0
    text = (tmp_path / "README.md").read_text()
    assert text.startswith(f"before\n{BEGIN}\n| figure")
    assert text.endswith(f"{END}\nafter\n")
    with pytest.raises(ValueError, match="each once"):
        with_table("no marks", "")


def test_the_page_has_the_newest_of_each_comparison_and_nothing_of_other_schemas(tmp_path: Path) -> None:
    stored = sorted((ROOT / "benchmarks/results").glob("*-roofline-720p-*.json"))[-1]
    document = json.loads(stored.read_text(encoding="utf-8"))
    for day, p50 in (("2026-01-02", 77.5), ("2026-03-01", 88.5)):
        path = tmp_path / f"{day}-roofline-720p-amd-epyc-2c.json"
        path.write_text(json.dumps(document | {"p50_ms": p50}), encoding="utf-8")
    (tmp_path / "2026-03-02-roofline-720p-amd-epyc-2c.json").write_text('{"schema": "edgeenh.bench-other/1"}')
    page = page_of(tmp_path)
    assert page.count("## roofline, 720p") == 1
    assert "p50 88.5 ms" in page
    assert "77.5" not in page
