"""Results from elsewhere: what no measurement gives is refused in one line, and never compared or shown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeenh.cli import main
from edgeenh.errors import InputError
from edgeenh_bench.stored_result import read_json, read_result

from .test_two_results import made

Document = dict[str, Any]
Change = Callable[[Document], object]


def row_with(**parts: Any) -> Change:
    return lambda document: document["rows"][0].update(parts)


def with_parts(**parts: Any) -> Change:
    return lambda document: document.update(parts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_parts(rows=[1]), "row 0 does not say"),
        (with_parts(rows=[{}]), "row 0 does not say"),
        (with_parts(method={"mode": {"x": 1}}), "method.mode"),
        (with_parts(clocks=[1]), "clocks"),
        (with_parts(cpu_share_of_other_programs="lots"), "cpu_share_of_other_programs"),
        (row_with(label=None, backend=None), "no label"),
        (row_with(raw_ms=None), "no latencies"),
        (row_with(raw_ms=[]), "no latencies"),
        (row_with(raw_ms=["<b>"] * 100), "no latencies"),
        (row_with(raw_ms=[0.0] * 100), "no latencies"),
        (row_with(raw_ms=[math.nan] * 100), "no latencies"),
        (row_with(raw_ms=[10**400] * 100), "no latencies"),
        (row_with(raw_ms=[True] * 100), "no latencies"),
        (row_with(blocks=["x"]), "blocks that are no counts"),
        (row_with(blocks=[3]), "blocks of 3 frames and 100 latencies"),
    ],
)
def test_what_no_measurement_gives_is_refused_by_both_commands(
    change: Change, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = made()
    change(document)
    (tmp_path / "good.json").write_text(json.dumps(made()))
    (tmp_path / "bad.json").write_text(json.dumps(document))
    for words in (["compare", str(tmp_path / "good.json")], ["report", "--html", str(tmp_path / "x.html")]):
        assert main(["bench", *words, str(tmp_path / "bad.json")]) == 2
        error = capsys.readouterr().err
        assert "bad.json is not whole" in error
        assert said in error
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize("text", ["[" * 200_000, "\x00", '{"schema": '])
def test_what_is_no_json_is_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InputError, match=r"r\.json cannot be read \(not JSON\)"):
        read_json(tmp_path / "r.json", "edgeenh bench --json")
    assert main(["bench", "report", str(tmp_path / "r.json"), "--html", str(tmp_path / "x.html")]) == 2


def test_the_comparison_of_a_target_is_read() -> None:
    stored = Path(__file__).parents[2] / "benchmarks/results/2026-11-27-latency-amd-epyc-2c.json"
    assert read_result(stored)["rows"]


def test_a_target_without_a_comparison_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"schema": "edgeenh.target/1", "details": {}}')
    with pytest.raises(InputError, match=re.escape("is of schema 'edgeenh.target/1'")):
        read_result(tmp_path / "r.json")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("latency_ms", row_with(latency_ms=None)),
        ("p50", row_with(latency_ms={})),
        ("drift", row_with(drift_of_each=[1])),
        ("memory", row_with(rss_mb="<script>")),
        ("model", with_parts(model={})),
        ("frames", with_parts(frames={})),
        ("ratios", with_parts(ratios="x")),
        ("remarks", with_parts(remarks=5)),
    ],
)
def test_a_page_of_a_result_that_lacks_a_part_is_refused_by_name(
    whole: Document, name: str, change: Change, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(json.dumps(whole))
    document["rows"].sort(key=lambda row: not row["available"])
    change(document)
    (tmp_path / f"{name}.json").write_text(json.dumps(document))
    assert main(["bench", "report", str(tmp_path / f"{name}.json"), "--html", str(tmp_path / "x.html")]) == 2
    assert f"{name}.json is no whole result" in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()


@pytest.fixture(scope="module")
def whole(bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Document:
    target = tmp_path_factory.mktemp("whole") / "r.json"
    words = ["--model", str(bundle_path), "--backends", "fake", "--size", "64x48", "--frames", "6"]
    assert main(["bench", *words, "--json", str(target)]) == 0
    document: Document = json.loads(target.read_text())
    return document
