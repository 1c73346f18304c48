"""Comparing results: like with like, chance told from change, and a gate that fails."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeenh.cli import main
from edgeenh.errors import InputError, UsageError
from edgeenh_bench.stored_result import read_result
from edgeenh_bench.two_results import compare_results, regressions, require_alike, undecided

Document = dict[str, Any]


def made(factor: float = 1.0, seed: int = 0, spread: float = 0.02, frames: int = 100) -> Document:
    """A result with one row of about 10 ms · factor."""
    rng = np.random.default_rng(seed)
    raw = (10.0 * factor * rng.lognormal(0.0, spread, frames)).round(4).tolist()
    row = {"label": "x-fp32", "backend": "x", "device": None, "precision": "fp32", "available": True, "raw_ms": raw}
    return {
        "schema": "edgeenh.bench/2",
        "environment": {"machine": "m", "cpu": {"model": "A", "flags": ["avx"]}, "edgeenh": "1", "libraries": {"numpy": "2"}},
        "model": {"id": "n", "digest": "d"},
        "frames": {"size": [8, 8], "sha256": "s"},
        "clocks": {"before": {"governor": "performance", "mhz": 3000.0 + seed}},
        "method": {"threads": None, "variables": {}, "mode": {"name": "latency", "fps": None, "in_flight": 1}},
        "rows": [row | {"blocks": [10] * (frames // 10)}, {"label": "y", "available": False}],
    }  # fmt: skip


def test_the_same_speed_shows_no_difference() -> None:
    comparison = compare_results(made(seed=1), made(seed=2))
    assert [row.verdict for row in comparison.rows] == ["no difference shown"]
    assert regressions(comparison, 0.0) == []
    require_alike(comparison)


@pytest.mark.parametrize(("factor", "verdict"), [(1.2, "slower"), (0.8, "faster")])
def test_a_fifth_is_seen(factor: float, verdict: str) -> None:
    comparison = compare_results(made(), made(factor, seed=5))
    assert comparison.rows[0].verdict == verdict
    assert comparison.rows[0].ratio == pytest.approx(factor, rel=0.02)
    assert bool(regressions(comparison, 0.05)) == (verdict == "slower")
    assert regressions(comparison, 0.3) == []


def test_what_may_be_chance_is_no_regression_but_said() -> None:
    comparison = compare_results(made(frames=40), made(1.2, seed=3, frames=40))
    assert comparison.rows[0].verdict == "too few blocks"
    assert regressions(comparison, 0.05) == []
    assert "with too few blocks to tell it from chance" in undecided(comparison, 0.05)[0]


def test_a_row_that_went_missing_is_a_regression() -> None:
    after = made()
    after["rows"][0]["available"] = False
    assert regressions(compare_results(made(), after), 0.05) == ["x-fp32: measured in the baseline and not now"]


def change_cpu(document: Document) -> None:
    document["environment"]["cpu"]["model"] = "B"


def change_flags(document: Document) -> None:
    document["environment"]["cpu"]["flags"] = ["avx", "avx512f"]


def change_library(document: Document) -> None:
    document["environment"]["libraries"]["openvino"] = "2026"


def change_frames(document: Document) -> None:
    document["frames"]["sha256"] = "other"


def change_governor(document: Document) -> None:
    document["clocks"]["before"]["governor"] = "powersave"


def change_variable(document: Document) -> None:
    document["method"]["variables"] = {"OMP_NUM_THREADS": "1"}


def change_pace(document: Document) -> None:
    document["method"]["mode"] |= {"name": "paced", "fps": 30.0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_cpu, "cpu.model: A → B"),
        (change_flags, "cpu.flags: nothing only before, avx512f only after"),
        (change_library, "libraries.openvino: absent → 2026"),
        (change_frames, "frames.sha256: s → other"),
        (change_governor, "clocks.governor: performance → powersave"),
        (change_variable, "method.variables.OMP_NUM_THREADS: absent → 1"),
        (change_pace, "mode.fps: absent → 30.0"),
    ],
)
def test_unlike_results_are_refused_by_field(change: Callable[[Document], None], said: str) -> None:
    after = made()
    change(after)
    with pytest.raises(UsageError, match="not measured alike") as caught:
        require_alike(compare_results(made(), after))
    assert said in str(caught.value)


def test_another_version_of_edgeenh_is_what_one_compares() -> None:
    after = made()
    after["environment"]["edgeenh"] = "2"
    comparison = compare_results(made(), after)
    require_alike(comparison)
    assert comparison.remarks == ("edgeenh: 1 → 2",)


def test_an_interrupted_result_says_so() -> None:
    comparison = compare_results(made() | {"interrupted": True}, made())
    assert comparison.remarks == ("before: it was interrupted, and holds the frames measured until then",)


def test_results_of_the_first_schema_have_their_blocks_by_count() -> None:
    old = copy.deepcopy(made())
    old["schema"] = "edgeenh.bench/1"
    old["method"] = {"threads": None, "mode": "latency: closed loop"}
    del old["rows"][0]["blocks"], old["rows"][0]["label"], old["clocks"]
    old["rows"][0] |= {"label": "x-fp32"}
    comparison = compare_results(old, made(seed=4))
    require_alike(comparison)
    assert comparison.rows[0].p is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "of schema None"),
        ('{"schema": "edgeenh.bench/9"}', "update edgeenh"),
        ('{"schema": "edgeenh.bench/2"}', "is not whole"),
    ],
)
def test_what_is_no_result_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InputError, match=said):
        read_result(tmp_path / "r.json")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    after = made(1.3, seed=2)
    change_cpu(after)
    for name, document in (("a", made()), ("b", made(1.3, seed=2)), ("c", after)):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    paths = [str(tmp_path / f"{name}.json") for name in "abc"]
    assert main(["bench", "compare", paths[0], paths[1]]) == 0
    assert "slower" in capsys.readouterr().out
    assert main(["bench", "compare", paths[0], paths[2]]) == 2
    assert main(["bench", "compare", paths[0], paths[2], "--force", "--json", str(tmp_path / "o.json")]) == 0
    assert "NOT ALIKE: cpu.model" in capsys.readouterr().out
    assert json.loads((tmp_path / "o.json").read_text())["forced"] is True
    assert main(["bench", "compare", paths[0], str(tmp_path / "none.json")]) == 2


def test_a_baseline_is_a_gate(bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "--model", str(bundle_path), "--backends", "fake", "--size", "64x48", "--frames", "100"]
    assert main([*words, "--json", str(tmp_path / "now.json")]) == 0
    document = json.loads((tmp_path / "now.json").read_text())
    for row in document["rows"]:
        row["raw_ms"] = [value / 50 for value in row["raw_ms"]]  # a baseline that nothing can reach
    (tmp_path / "fast.json").write_text(json.dumps(document))
    document["cpu_share_of_other_programs"] = 0.5
    (tmp_path / "fast.json").write_text(json.dumps(document))
    assert main([*words, "--baseline", str(tmp_path / "fast.json")]) == 3
    said = capsys.readouterr().err
    assert "slower than the baseline by more than 0.05" in said
    assert "the machine was busy, measure both again" in said
    document["environment"]["cpu"]["model"] = "another"
    (tmp_path / "other.json").write_text(json.dumps(document))
    assert main([*words, "--baseline", str(tmp_path / "other.json")]) == 2
    assert main([*words, "--baseline", str(tmp_path / "other.json"), "--max-regression", "much"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--baseline", "a.json", "--json", "a.json"], "--json a.json is also an input"),
        (["--baseline", "a.json", "--json", "x/../a.json"], "is also an input"),
        (["--baseline", "a.json", "--html", "a.json"], "--html a.json is read by this command"),
        (["--json", "new", "--html", "new"], "--json new is also an input"),
        (["--soak", "60s", "--json", "new", "--html", "new"], "--json new is also an input"),
        (["compare", "a.json", "b.json", "--json", "b.json"], "--json b.json is also an input"),
        (["report", "a.json", "--html", "a.json"], "--html a.json is read by this command"),
    ],
)
def test_what_is_read_is_never_replaced(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(made()))
    assert main(["bench", *words]) == 2
    assert said in capsys.readouterr().err
    assert [json.loads((tmp_path / name).read_text()) for name in ("a.json", "b.json")] == [made(), made()]
    assert not (tmp_path / "new").exists()


def test_a_baseline_without_a_row_that_ran_is_no_gate(
    bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", "--model", str(bundle_path), "--backends", "fake", "--size", "64x48"]
    assert main([*words, "--frames", "5", "--json", str(tmp_path / "few.json")]) == 0
    document = json.loads((tmp_path / "few.json").read_text())
    document["rows"] = [row | {"available": False, "reason": "it was not installed"} for row in document["rows"]]
    (tmp_path / "empty.json").write_text(json.dumps(document))
    capsys.readouterr()
    for name, frames, said in (
        ("empty", 30, "the baseline has no row that ran"),
        ("few", 24, "--frames 24 are too few to tell a difference from chance: give 25 or more"),
        ("few", 30, "the baseline has too few frames to tell a difference from chance"),
    ):
        assert main([*words, "--frames", str(frames), "--baseline", str(tmp_path / f"{name}.json")]) == 2
        captured = capsys.readouterr()
        assert said in captured.err
        assert "measuring" not in captured.err  # before the work
    assert main([*words, "--size", "32x32", "--baseline", str(tmp_path / "few.json")]) == 2
    assert "frames.size: [64, 48] → [32, 32]" in capsys.readouterr().err
