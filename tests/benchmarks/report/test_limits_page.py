"""Peers, scaling and roofline on the page: measured at small sizes with the real libraries, then shown from their files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edgeenh.cli import main
from edgeenh_bench import roofline, scaling
from edgeenh_bench.peers.table import render as peers_table
from edgeenh_bench.report import charts, limits
from edgeenh_bench.scaling_table import render as scaling_table

EVIL = "<img src=x onerror=alert(1)>"
SIZES = ((64, 48), (96, 64), (160, 96))


@pytest.fixture(scope="module")
def folder(bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("limits")
    request = scaling.Request(bundle_path, "fake", SIZES, 0.1, cameras=(), in_flight=())
    document = scaling.measure_scaling(request, lambda *_: None, datetime.now(UTC))
    document["in_flight"] = document["sizes"][:1]
    document["cameras"] = [
        {"cameras": 2, "captured": 20, "enhanced": 19, "dropped": 1, "holds": False, "age_ms": {"p50": 1.0, "max": 2.0}}
    ]
    (folder / "scaling.json").write_text(json.dumps(document))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roofline, "COPY_BYTES", 8 << 20)
        patch.setattr(roofline, "REPEATS", 3)
        words = ["--size", "160x96", "--seconds", "0.1", "--threads", "1", "--json", str(folder / "roofline.json")]
        assert main(["bench", "roofline", *words]) == 0
    words = ["--model", str(bundle_path), "--only", "onnxruntime-bare", "--size", "64x48", "--seconds", "0.1"]
    assert main(["bench", "peers", *words, "--json", str(folder / "peers.json")]) == 0
    return folder


def test_each_has_a_section_with_tables_and_a_chart(folder: Path) -> None:
    names = [str(folder / f"{name}.json") for name in ("peers", "scaling", "roofline")]
    assert main(["bench", "report", *names, "--html", str(folder / "all.html")]) == 0
    text = (folder / "all.html").read_text()
    assert [text.count(f"<h1>{title}</h1>") for title in ("Peers", "Scaling", "Roofline")] == [1, 1, 1]
    assert text.count("<svg") == 3
    assert "onnxruntime-bare" in text
    assert "<td>NO</td>" in text
    assert "Layers together" in text
    document = json.loads((folder / "scaling.json").read_text())
    for found in document["exponents"].values():
        assert f"exponent {found['value']:.3f}" in text


def test_each_says_its_conditions_and_what_to_doubt(folder: Path) -> None:
    for name in ("peers", "scaling", "roofline"):
        document: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
        assert set(document["clocks"]) == {"before", "after"}
        assert isinstance(document["variables"], dict)
        document["doubts"] = [f"{name}: latencies vary by 77%"]
        (folder / "doubted.json").write_text(json.dumps(document))
        assert main(["bench", "report", str(folder / "doubted.json"), "--html", str(folder / "doubted.html")]) == 0
        assert f"{name.capitalize()}: latencies vary by 77%." in (folder / "doubted.html").read_text()
        render: dict[str, Any] = {"peers": peers_table, "scaling": scaling_table, "roofline": roofline.render}
        assert f"{name}: latencies vary by 77%" in render[name](document)
    noise = json.loads((folder / "peers.json").read_text())["noise"]
    assert noise["row"] in ("onnxruntime-cpu-fp32", "openvino-fp32", "onnxruntime-bare-fp32")


def test_words_from_results_are_escaped(folder: Path) -> None:
    document: dict[str, Any] = json.loads((folder / "roofline.json").read_text())
    document["groups"][0]["kind"] = EVIL
    (folder / "evil.json").write_text(json.dumps(document))
    assert main(["bench", "report", str(folder / "evil.json"), "--html", str(folder / "evil.html")]) == 0
    text = (folder / "evil.html").read_text()
    assert EVIL not in text
    assert "&lt;img src=x" in text


def test_a_part_that_is_missing_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cut.json").write_text(json.dumps({"schema": "edgeenh.bench-scaling/1"}))
    assert main(["bench", "report", str(folder / "cut.json"), "--html", str(folder / "cut.html")]) == 2
    assert "cut.json is no whole result" in capsys.readouterr().err
    assert not (folder / "cut.html").exists()


def test_a_newer_schema_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "new.json").write_text('{"schema": "edgeenh.bench-peers/9"}')
    assert main(["bench", "report", str(tmp_path / "new.json"), "--html", str(tmp_path / "x.html")]) == 2
    assert "expected edgeenh.bench-peers/2: update edgeenh" in capsys.readouterr().err


def test_a_folder_is_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "report", "r.json", "--html", str(tmp_path)]) == 2
    assert "is a folder: name a file" in capsys.readouterr().err


def test_compare_stays_strict(folder: Path) -> None:
    path = str(folder / "scaling.json")
    assert main(["bench", "compare", path, path]) == 2


def test_nothing_to_draw_is_no_chart() -> None:
    assert charts.curves({}, "x", "y") == ""
    assert charts.bars({}, "ms") == ""
    assert charts.bars({"a": (0.0, None)}, "ms") == ""


def test_what_is_no_json_names_no_schema(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[")
    assert limits.schema_of(tmp_path / "x.json") is None
    assert limits.schema_of(tmp_path / "none.json") is None
