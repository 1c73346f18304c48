"""The page from real results, in a real browser: whole, quiet, readable on a phone, and nothing fetched."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeenh.cli import main

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folder(bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`made.html` with the measurement, `stored.html` from its JSON with a hostile word in it and a table of quality."""
    folder = tmp_path_factory.mktemp("report")
    words = ["--model", str(bundle_path), "--backends", "onnxruntime,fake", "--size", "64x48", "--frames", "70"]
    assert main(["bench", *words, "--html", str(folder / "made.html"), "--json", str(folder / "r.json")]) == 0
    document = json.loads((folder / "r.json").read_text())
    document["frames"]["source"] = EVIL
    document["remarks"].append("x" * 300)
    (folder / "evil.json").write_text(json.dumps(document))
    figure = {"mean": 20.0, "half_width_95": 0.5}
    quality = {
        "schema": "edgeenh.quality/1",
        "sets": [
            {
                "name": "held-out",
                "found": 4,
                "scorers": [
                    {"key": "psnr_db", "label": "PSNR dB", "higher_is_better": True, "absent": ""},
                    {"key": "nima", "label": "NIMA", "higher_is_better": True, "absent": "no weights"},
                ],
                "rows": [
                    {"name": "ours", "facts": {"parameters": 1000, "macs_per_pixel": 93.0}, "summary": {"psnr_db": figure}},
                    {"name": "input", "facts": {}, "summary": {"psnr_db": figure | {"mean": 10.0}}},
                ],
            }
        ],
    }  # fmt: skip
    (folder / "q.json").write_text(json.dumps(quality))
    stored = ["--quality", str(folder / "q.json"), "--html", str(folder / "stored.html")]
    assert main(["bench", "report", str(folder / "evil.json"), *stored]) == 0
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def look(browser: Any, path: Path, width: int, scheme: str) -> tuple[Any, list[str]]:
    page = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request", lambda request: said.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    page.goto(path.as_uri())
    return page, said


@pytest.mark.parametrize("name", ["made.html", "stored.html"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_the_page_fits_says_nothing_and_fetches_nothing(
    browser: Any, folder: Path, name: str, width: int, scheme: str
) -> None:
    page, said = look(browser, folder / name, width, scheme)
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("svg").count() >= 2
    assert page.locator("svg polyline.line").count() == 2 * page.locator("tbody .dot").count()


def test_the_divider_follows_keys(browser: Any, folder: Path) -> None:
    page, _ = look(browser, folder / "made.html", 1280, "light")
    slider = page.get_by_role("slider").first
    slider.focus()
    before = page.locator(".compare").first.evaluate("element => element.style.getPropertyValue('--cut')")
    slider.press("ArrowRight")
    assert (before, page.locator(".compare").first.evaluate("element => element.style.getPropertyValue('--cut')")) == (
        "50%",
        "51%",
    )
    assert page.locator(".compare img").first.evaluate("image => image.naturalWidth") > 0


def test_worst_frames_are_there_and_a_failed_gate_is_said(folder: Path) -> None:
    text = (folder / "made.html").read_text()
    assert "fake-fp32 fails the gate" in text
    assert text.count("×20 difference") >= 2
    assert re.search(r'src="https?:|url\(|@import', text) is None


def test_words_from_results_are_escaped_and_quality_is_beside(folder: Path) -> None:
    text = (folder / "stored.html").read_text()
    assert EVIL not in text
    assert "&lt;img src=x" in text
    assert "<b>20 ± 0.5</b>" in text
    assert "NIMA" not in text


def test_worst_frames_are_shown_again_from_beside_the_result(folder: Path) -> None:
    assert main(["bench", "report", str(folder / "r.json"), "--html", str(folder / "again.html")]) == 0
    pictures = re.findall(r'src="(data:image/[^"]+)"', (folder / "again.html").read_text())
    assert pictures == re.findall(r'src="(data:image/[^"]+)"', (folder / "made.html").read_text())
    assert len(pictures) >= 8


@pytest.mark.parametrize("name", [None, "/etc/hostname", "../r.json", "r.frames/../r.json", "r.frames/text.jpg", 7])
def test_a_frame_that_is_missing_or_elsewhere_is_said(
    folder: Path, tmp_path: Path, name: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(folder / "r.json", tmp_path)
    shutil.copytree(folder / "r.frames", tmp_path / "r.frames")
    (tmp_path / "r.frames/text.jpg").write_text("no picture")
    document = json.loads((tmp_path / "r.json").read_text())
    frame = document["worst_frames"]["fake-fp32"][0]
    if name is None:
        (tmp_path / frame["triple"]).unlink()
    else:
        frame["triple"] = name
    (tmp_path / "r.json").write_text(json.dumps(document))
    assert main(["bench", "report", str(tmp_path / "r.json"), "--html", str(tmp_path / "x.html")]) == 0
    assert "a worst frame of fake-fp32 cannot be shown" in capsys.readouterr().err
    assert "a worst frame of fake-fp32 cannot be shown" in (tmp_path / "x.html").read_text()


@pytest.mark.parametrize("name", ["made.html", "stored.html"])
def test_on_paper_no_table_is_wider_than_the_sheet(browser: Any, folder: Path, name: str) -> None:
    sheet = 718  # A4 less its margins, in CSS pixels
    page, _ = look(browser, folder / name, sheet, "light")
    page.emulate_media(media="print")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    widths = page.evaluate("[...document.querySelectorAll('table')].map(one => one.getBoundingClientRect().right)")
    assert len(widths) >= 3
    assert max(widths) <= sheet


CUT = """[...document.querySelectorAll("svg text:not([transform])")].filter(one => {
  const box = one.getBBox(), whole = one.ownerSVGElement.viewBox.baseVal;
  return box.x < 0 || box.x + box.width > whole.width;
}).map(one => one.textContent)"""


def test_no_name_in_a_chart_is_cut_on_a_phone(browser: Any, folder: Path) -> None:
    page, _ = look(browser, folder / "made.html", 360, "light")
    assert "onnxruntime-cpu-fp32" in page.evaluate("[...document.querySelectorAll('svg text')].map(t => t.textContent)")
    assert page.evaluate(CUT) == []


def test_percentiles_that_were_not_earned_say_how_many_frames_they_need(folder: Path) -> None:
    text = (folder / "made.html").read_text()
    assert '<td class="n">needs 592 more</td>' in text  # p99 of 70 frames
    assert '<td class="n">needs 6566 more</td>' in text
    assert "Noise of this machine: " in text


def test_identical_is_above_whatever_differs(folder: Path, tmp_path: Path) -> None:
    document = json.loads((folder / "r.json").read_text())
    one, other = (row for row in document["rows"] if row["available"] and row["backend"] == "onnxruntime")
    one |= {"identical": True, "psnr_db": None, "drift_of_each": [one["drift_of_each"][0] | {"psnr_db": None}]}
    other |= {"identical": False, "psnr_db": 131.0, "drift_of_each": [one["drift_of_each"][0] | {"psnr_db": 131.0}]}
    one["latency_ms"]["p50"], other["latency_ms"]["p50"] = (
        9.0,
        8.0,
    )  # the other is faster, and this one exact: none is beaten
    (tmp_path / "r.json").write_text(json.dumps(document))
    assert main(["bench", "report", str(tmp_path / "r.json"), "--html", str(tmp_path / "x.html")]) == 0
    text = (tmp_path / "x.html").read_text()
    assert "identical is drawn at 136 dB" in text
    front = re.search(r"nothing is beaten in both: ([^.]+)\.", text)
    assert front is not None
    assert {one["label"], other["label"]} <= set(front[1].split(", "))
    assert f"{one['label']}: 1 frames, PSNR lowest identical" in text
    assert f"{other['label']}: 1 frames, PSNR lowest 131.00 dB" in text


def test_on_paper_everything_is_open(browser: Any, folder: Path) -> None:
    page, _ = look(browser, folder / "stored.html", 1280, "light")
    assert page.locator("details[open]").count() == 0
    assert page.pdf()[:5] == b"%PDF-"
    assert page.locator("details[open]").count() == page.locator("details").count() > 0


@pytest.mark.parametrize(
    ("name", "text"), [("none.json", None), ("bad.json", "{}"), ("new.json", '{"schema": "edgeenh.bench/9"}')]
)
def test_what_cannot_be_shown_is_refused(name: str, text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    assert main(["bench", "report", str(tmp_path / name), "--html", str(tmp_path / "x.html")]) == 2
    assert not (tmp_path / "x.html").exists()


def test_results_of_the_first_schema_are_shown(tmp_path: Path) -> None:
    stored = Path(__file__).parents[3] / "benchmarks/results/2026-11-27-latency-amd-epyc-2c.json"
    comparison = json.loads(stored.read_text())["details"]["comparison"]
    (tmp_path / "one.json").write_text(json.dumps(comparison))
    assert main(["bench", "report", str(tmp_path / "one.json"), "--html", str(tmp_path / "one.html")]) == 0
    assert "openvino-fp32" in (tmp_path / "one.html").read_text()


def test_drift_of_every_frame_and_memory_are_drawn(folder: Path) -> None:
    text = (folder / "stored.html").read_text()
    assert 'aria-label="PSNR against FP32 in dB, a dot per frame"' in text
    each = [row["drift_of_each"] for row in json.loads((folder / "r.json").read_text())["rows"] if row["available"]]
    assert text.count(' dim"') == sum(map(len, each)) > 0
    assert "memory in MB" in text
    assert 'aria-label="Parts in ms"' in text


def test_worst_frames_of_another_shape_are_said(folder: Path, tmp_path: Path) -> None:
    document = json.loads((folder / "r.json").read_text()) | {"worst_frames": ["x"]}
    (tmp_path / "r.json").write_text(json.dumps(document))
    assert main(["bench", "report", str(tmp_path / "r.json"), "--html", str(tmp_path / "x.html")]) == 0
    assert "the worst frames cannot be shown" in (tmp_path / "x.html").read_text()
