"""Reports: the JSON document, the table, and the sheet of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.errors import UsageError
from edgeenh.pictures import read_picture
from edgeenh_train.evaluate.candidate import Candidate, input_candidate
from edgeenh_train.evaluate.full_reference import CHANGE, FULL_REFERENCE
from edgeenh_train.evaluate.niqe import niqe_scorer
from edgeenh_train.evaluate.pairs import read_set
from edgeenh_train.evaluate.report import document, markdown
from edgeenh_train.evaluate.run import Report, evaluate
from edgeenh_train.evaluate.sheet import CELL_WIDTH, GAP, STRIP, chosen, write_sheet

Image = NDArray[np.float32]
SCORERS = (*FULL_REFERENCE, niqe_scorer(None), CHANGE)


def brighter(image: Image) -> Image:
    return np.asarray(image * 2.5, dtype=np.float32)


def fail(image: Image) -> Image:
    raise ValueError("no")


GAIN = {
    "images_seen": 12_000, "training_seconds": 5_400.5, "parameters": 78_229, "macs_per_pixel": 571.4,
    "setting": "views of 256×192, batch 8",
}  # fmt: skip

CANDIDATES = [
    input_candidate(),
    Candidate("gain", brighter, GAIN),
    Candidate("broken", fail),
]


@pytest.fixture
def report(paired: Path) -> Report:
    return evaluate(CANDIDATES, read_set(paired), SCORERS)


def cells(table: str, name: str) -> list[str]:
    line = next(line for line in table.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_document_is_json_and_complete(report: Report) -> None:
    whole = document([report], environment={"cpu": "x"}, created="2026-01-01T00:00:00Z", ours="gain")
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole
    assert whole["schema"] == "edgeenh.quality/1"
    (found,) = whole["sets"]
    assert (found["name"], found["paired"], found["found"]) == ("pairs", True, 3)
    assert [p["name"] for p in found["pictures"]] == ["0.png", "1.png", "2.png"]
    assert set(found["pictures"][0]["sha256"]) == {"input", "truth"}
    rows = {row["name"]: row for row in found["rows"]}
    gain = rows["gain"]
    values = [gain["pictures"][name]["psnr_db"] for name in ("0.png", "1.png", "2.png")]
    assert gain["summary"]["psnr_db"]["mean"] == pytest.approx(np.mean(values))
    assert gain["summary"]["psnr_db"]["pictures"] == 3
    assert gain["summary"]["niqe"] == {
        "mean": None, "half_width_95": None, "pictures": 0, "identical": 0, "unmeasured": {"no weights": 3},
    }  # fmt: skip
    facts = ("images_seen", "training_seconds", "macs_per_pixel", "setting")
    assert [gain["facts"][key] for key in facts] == [GAIN[key] for key in facts]
    assert rows["broken"]["failure"] == "failed on 0.png: ValueError: no"
    assert rows["broken"]["pictures"] == {}
    assert found["differences"]["input"]["psnr_db"]["mean"] > 5
    assert found["differences"]["broken"]["psnr_db"]["mean"] is None


def test_identical_is_a_word_in_json(paired: Path) -> None:
    (paired / "input" / "1.png").write_bytes((paired / "truth" / "1.png").read_bytes())
    report = evaluate([input_candidate()], read_set(paired), SCORERS)
    (found,) = document([report], environment={}, created=None, ours=None)["sets"]
    assert found["rows"][0]["pictures"]["1.png"]["psnr_db"] == "identical"
    assert found["rows"][0]["summary"]["psnr_db"]["identical"] == 1
    assert found["differences"] == {}
    assert "(1 identical)" in cells(markdown(report), "input")[5]


def test_table(report: Report) -> None:
    table = markdown(report, "gain")
    head = cells(table, "method")
    assert head == [
        *("method", "images seen", "training s", "parameters", "MACs/pixel"),
        *("PSNR dB ↑", "SSIM ↑", "ΔE2000 ↓", "NIQE ↓", "change ΔE2000"),
    ]
    gain = cells(table, "gain")
    assert gain[1:5] == ["12 000", "5 400", "78 229", "571"]
    assert "- gain: views of 256×192, batch 8" in table
    assert cells(table, "input")[1:5] == ["–"] * 4
    mean = report.row("gain").summary("psnr_db").mean
    assert mean is not None
    assert gain[5] == f"**{mean.value:.2f} ± {mean.half_width:.2f}**"
    assert gain[7].startswith("**")  # the lowest ΔE2000
    assert gain[8] == "no weights"
    assert "**" not in cells(table, "input")[5]
    assert "**" not in gain[9]  # a change is neither good nor bad
    assert cells(table, "broken")[5:] == ["failed"] * 5
    assert cells(table, "truth")[5] == "–"
    assert "- broken failed on 0.png: ValueError: no" in table
    assert cells(table, "gain minus") == ["gain minus", "PSNR dB", "SSIM", "ΔE2000"]
    difference = report.difference("gain", "input", "psnr_db")
    assert difference is not None
    assert table.count(f"{difference.value:+.2f} ± {difference.half_width:.2f}") == 1


def test_rows_that_are_not_complete_are_marked_and_never_best(report: Report) -> None:
    values = report.row("gain").values["psnr_db"]
    values["0.png"] = type(values["0.png"])(None, "too small")
    table = markdown(report)
    assert cells(table, "gain")[5].endswith("(2 pictures only)")
    assert "**" not in cells(table, "gain")[5]


def test_table_without_truth(paired: Path) -> None:
    report = evaluate(CANDIDATES[:2], read_set(paired / "input"), SCORERS)
    table = markdown(report, "gain")
    assert "PSNR" not in table
    assert "3 pictures without truth" in table
    assert cells(table, "input")[5:] == ["no weights", "0.00 ± 0.00"]


def test_worst_median_and_best_pictures(report: Report) -> None:
    psnr = report.row("gain").numbers("psnr_db")
    ranked = sorted(psnr, key=lambda name: psnr[name])
    assert [pair.name for pair in chosen(report, "gain")] == ranked
    assert [pair.name for pair in chosen(report, "gain", 2)] == [ranked[0], ranked[2]]
    assert len(chosen(report, "gain", 50)) == 3
    with pytest.raises(UsageError, match="no row 'x'"):
        chosen(report, "x")
    with pytest.raises(UsageError, match="at least 1"):
        chosen(report, "gain", 0)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_sheet(report: Report, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sheet{suffix}"
    write_sheet(path, report, CANDIDATES, chosen(report, "gain", 2), "gain")
    image = read_picture(path)
    height = round(CELL_WIDTH * 48 / 64)
    assert image.shape == (STRIP + 2 * (height + STRIP), 3 * (CELL_WIDTH + GAP), 3)  # input, gain, truth; not broken
    row = image[STRIP : STRIP + height]
    given, gain, truth = (row[:, i * (CELL_WIDTH + GAP) :][:, :CELL_WIDTH].mean() for i in range(3))
    assert given < 0.6 * truth
    assert gain == pytest.approx(truth, rel=0.1)
    assert image[:STRIP].min() < 60  # labels are written
