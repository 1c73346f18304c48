"""README's figures are those of the stored results, and nobody typed them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeenh_bench.readme_table import BEGIN, END, made_of, main, newest, table, with_table

ROOT = Path(__file__).parents[2]


def test_readme_has_what_the_results_say() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_table(readme, made_of(ROOT / "benchmarks/results")) == readme, "run `make results`"


def result(value: float, day: str, *, passed: bool) -> str:
    cpu = {"model": "AMD EPYC", "cores_allowed": 2, "flags": ["avx2"]}
    figure = {"name": "a figure", "value": value, "unit": "ms", "at_most": 3.0, "at_least": None, "passed": passed}
    told = {"name": "told", "value": 1.0, "unit": "", "at_most": None, "at_least": None, "passed": None}
    document = {"created": f"{day}T10:00:00", "environment": {"cpu": cpu}, "figures": [figure, told]}
    return json.dumps(document | {"cpu_share_of_other_programs": 0.2})


def test_the_newest_counts_and_a_miss_is_said(tmp_path: Path) -> None:
    for day, value in (("2026-01-02", 2.0), ("2026-03-01", 4.25)):
        (tmp_path / f"{day}-startup-amd-epyc-2c.json").write_text(result(value, day, passed=value < 3))
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / "2026-03-01-a-target-that-is-gone-amd-epyc-2c.json").write_text("{}")
    assert list(newest(tmp_path)) == ["startup"]
    made = table(tmp_path).splitlines()
    assert made[2:] == [
        "| a figure | 4.25 ms | ≤ 3 | **missed** | `startup`, AMD EPYC (2 cores, AVX2), 2026-03-01; other programs used 20% |"
    ]


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
