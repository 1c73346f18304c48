"""Soaks and faults on the page, and where a frame's time goes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from edgeenh.cli import main
from edgeenh_bench import endurance
from edgeenh_bench.report import charts
from edgeenh_bench.report.limits import panel
from edgeenh_bench.soaking import Reading, Soak, course


def soaked(leak_mb: float, count: int = 100) -> Soak:
    """A soak whose memory grows by `leak_mb`, and whose slowest frames stay as they are but for a wobble."""
    found = Soak(frames=count, seconds=count * 1.0)
    found.readings = [Reading(float(n), 100 + leak_mb * n / count, 50 + n % 3 * 0.1, 9, 4) for n in range(count)]
    found.readings[7] = found.readings[7]._replace(worker_mb=float("nan"))  # the worker had just ended
    found.slowest = [(float(n), 20.0 + n % 5 * 0.2) for n in range(count)]
    return found


def document(found: Soak, **changes: Any) -> dict[str, Any]:
    made = {
        "schema": endurance.SCHEMA, "created": "2026-11-29T10:00:00Z", "environment": {"cpu": {"cores": 2}},
        "model": {"id": "tiny", "version": 1}, "source": "synthetic:64x48@25", "backend": None, "kind": "soak", "seconds": 100.0,
        "passed": True, "figures": [{"name": "frames", "value": 100.0, "unit": "", "at_most": None, "at_least": 1.0, "passed": True}],
        **course(found),
    } | changes  # fmt: skip
    json.dumps(made, allow_nan=False)
    return made


def test_slopes_are_given_with_their_interval_and_a_leak_is_said() -> None:
    shown = panel(document(soaked(leak_mb=10.0)), "soak.json")
    station, worker, slowest = shown.lines[1:4]
    assert station.startswith("Slope of the memory of the station: +8.9")  # the first tenth is left out
    assert station.endswith("the interval leaves out 0.")
    assert "MB an hour" in station
    assert "leaves out 0" not in worker
    assert "ms over the run (95 %:" in slowest
    assert [ElementTree.fromstring(svg).tag for svg, _ in shown.figures] == ["svg", "svg"]
    assert shown.tables[0].rows == [("frames", "100", "≥ 1", "holds")]


def test_too_few_readings_are_said_and_an_interrupted_run_is_not_judged() -> None:
    shown = panel(document(soaked(0.0, count=9), passed=None), "soak.json")
    assert "interrupted, and not judged" in shown.lines[0]
    assert shown.lines[1] == "Slope of the memory of the station: too few readings for a line."


def test_faults_are_shown_with_their_answers_from_the_command_to_the_page(bundle_path: Path, tmp_path: Path) -> None:
    words = ["--backends", "fake", "--size", "64x48", "--fault", "model-nan@200ms", "--seconds", "1"]
    target, made = tmp_path / "f.json", tmp_path / "made.html"
    assert main(["bench", "--model", str(bundle_path), *words, "--json", str(target), "--html", str(made)]) == 0
    assert main(["bench", "report", str(target), "--html", str(tmp_path / "stored.html")]) == 0
    for page in (made, tmp_path / "stored.html"):
        text = page.read_text()
        assert text.count("<h1>Endurance</h1>") == 1
        assert "model-nan" in text
        assert "Slope of the memory of the worker" in text
    assert json.loads(target.read_text())["readings"]


def test_frames_beside_a_soak_are_refused_not_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--soak", "60s", "--frames", "5"]) == 2
    assert "last by time" in capsys.readouterr().err


def test_parts_of_a_frame_are_stacked_in_one_colour_each() -> None:
    made = charts.stacked({"<a>": {"convert": 1.0, "compute": 3.0}, "b": {"compute": 2.0, "rest": -1e-9}}, "ms")
    root = ElementTree.fromstring(made)
    compute = [one for one in root if one.tag == "rect" and one.findtext("title", "").startswith("compute")]
    assert len({one.get("class") for one in compute}) == 1
    wide = [float(one.get("width", "0")) for one in compute]
    assert wide[0] == pytest.approx(1.5 * wide[1], abs=0.1)
    assert "&lt;a&gt;" in made
    assert charts.stacked({}, "ms") == ""
