"""The run itself: every figure of every picture, rows that fail alone, identical pictures, what stops everything."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh import metrics
from edgeenh.errors import InferenceFailed, InputError, JobFailed, PictureError, UsageError
from edgeenh.pictures import read_picture
from edgeenh_train.evaluate.candidate import FACTS, Candidate, input_candidate
from edgeenh_train.evaluate.full_reference import CHANGE, FULL_REFERENCE
from edgeenh_train.evaluate.pairs import read_set
from edgeenh_train.evaluate.report import document, markdown
from edgeenh_train.evaluate.run import Report, Value, enhanced, evaluate
from edgeenh_train.evaluate.scoring import Scorer, View

Image = NDArray[np.float32]
SCORERS = (*FULL_REFERENCE, CHANGE)


def brighter(image: Image) -> Image:
    return np.asarray(image * 2.4, dtype=np.float32)


@pytest.fixture
def report(paired: Path) -> Report:
    return evaluate([input_candidate(), Candidate("gain", brighter)], read_set(paired), SCORERS)


def test_every_figure_of_every_picture(report: Report, paired: Path) -> None:
    assert [row.name for row in report.rows] == ["input", "gain", "truth"]
    assert list(report.row("gain").values) == [scorer.key for scorer in SCORERS]
    assert list(report.row("gain").values["psnr_db"]) == ["0.png", "1.png", "2.png"]
    given, truth = (read_picture(paired / side / "1.png") for side in ("input", "truth"))
    result = np.rint(np.clip(given / 255 * 2.4, 0, 1) * 255)
    expected = metrics.psnr(float(((result - truth) ** 2).sum()), result.size)
    assert report.row("gain").values["psnr_db"]["1.png"].value == pytest.approx(expected)
    assert report.row("gain").summary("psnr_db").mean is not None
    assert report.row("input").numbers("change_delta_e_2000") == dict.fromkeys(["0.png", "1.png", "2.png"], 0.0)


def test_the_truth_gets_figures_that_need_none(report: Report) -> None:
    row = report.row("truth")
    assert not row.values["psnr_db"]
    assert row.numbers("change_delta_e_2000") == report.row("input").numbers("delta_e_2000")


def test_paired_differences(report: Report) -> None:
    gain, nothing = (report.row(name).numbers("psnr_db") for name in ("gain", "input"))
    difference = report.difference("gain", "input", "psnr_db")
    assert difference is not None
    assert difference.value == pytest.approx(np.mean([gain[n] - nothing[n] for n in gain]))
    assert difference.count == 3
    assert report.difference("gain", "truth", "psnr_db") is None


def test_same_figures_again(report: Report, paired: Path) -> None:
    again = evaluate([input_candidate(), Candidate("gain", brighter)], read_set(paired), SCORERS)
    assert [row.values for row in again.rows] == [row.values for row in report.rows]


def test_identical_pictures_are_counted_and_not_averaged(paired: Path) -> None:
    (paired / "input" / "1.png").write_bytes((paired / "truth" / "1.png").read_bytes())
    row = evaluate([input_candidate()], read_set(paired), SCORERS).row("input")
    summary = row.summary("psnr_db")
    assert row.values["psnr_db"]["1.png"] == Value(None, "identical")
    assert (summary.identical, summary.unmeasured, summary.complete) == (1, {}, True)
    assert summary.mean is not None
    assert summary.mean.count == 2
    assert row.values["ssim"]["1.png"].value == 1.0


def test_a_candidate_fails_in_its_own_row(paired: Path) -> None:
    last = read_picture(paired / "input" / "2.png").mean() / 255

    def fails_on_the_last(image: Image) -> Image:
        if image.mean() == pytest.approx(last):
            raise ValueError("too\nbright")
        return image

    candidates = [Candidate("fails", fails_on_the_last), input_candidate()]
    report = evaluate(candidates, read_set(paired), SCORERS)
    assert report.row("fails").failure == "failed on 2.png: ValueError: too bright"
    assert not any(report.row("fails").values.values())
    assert len(report.row("input").numbers("psnr_db")) == 3


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (lambda image: image[:-1], r"gave \[47, 64, 3\], expected an array \[48, 64, 3\]"),
        (lambda image: image * np.nan, "values that are not finite"),
        (lambda image: None, "gave NoneType"),
    ],
)
def test_what_is_no_picture_fails_its_row(paired: Path, wrong: Callable[[Image], Image], expected: str) -> None:
    given = read_picture(paired / "input" / "0.png")
    with pytest.raises(JobFailed, match=expected):
        enhanced(Candidate("wrong", wrong), given)
    row = evaluate([Candidate("wrong", wrong)], read_set(paired), SCORERS).row("wrong")
    assert "failed on 0.png: gave" in row.failure


def test_our_own_errors_speak_for_themselves(paired: Path) -> None:
    def fail(image: Image) -> Image:
        raise InferenceFailed("the backend is gone")

    row = evaluate([Candidate("gone", fail)], read_set(paired), SCORERS).row("gone")
    assert row.failure == "failed on 0.png: the backend is gone"


def test_an_interruption_is_no_failure_of_a_row(paired: Path) -> None:
    def interrupt(image: Image) -> Image:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate([Candidate("slow", interrupt)], read_set(paired), SCORERS)


def test_results_are_rounded_as_a_file_holds_them() -> None:
    grey8, grey16 = np.full((16, 16, 1), 3, np.uint8), np.full((16, 16, 1), 3, np.uint16)
    for picture in (grey8, grey16, np.full((16, 16, 3), 3, np.uint8)):
        result = enhanced(input_candidate(), picture)
        assert np.array_equal(result, picture)
        assert result.dtype == picture.dtype
    colour16 = np.full((16, 16, 3), 257 * 7, np.uint16)
    assert enhanced(input_candidate(), colour16).dtype == np.uint8
    assert (enhanced(input_candidate(), colour16) == 7).all()
    assert (enhanced(Candidate("far", lambda image: image + 9), grey8) == 255).all()


def test_grey_pictures_of_16_bits(tmp_path: Path) -> None:
    for side, gain in (("input", 200), ("truth", 250)):
        (tmp_path / side).mkdir()
        ramp = (np.arange(32 * 32).reshape(32, 32) % 200 * gain).astype(np.uint16)
        cv2.imwrite(str(tmp_path / side / "a.png"), ramp)
    report = evaluate([input_candidate()], read_set(tmp_path), SCORERS)
    difference = np.arange(32 * 32) % 200 * 50.0
    expected = 10 * math.log10(65_535**2 / (difference**2).mean())
    assert report.row("input").numbers("psnr_db") == {"a.png": pytest.approx(expected)}
    summary = report.row("input").summary("delta_e_2000")
    assert summary.mean is None
    assert summary.unmeasured == {"the picture is grey, and ΔE2000 is a measure of colour": 1}


def test_grey_pictures_of_twelve_bits(tmp_path: Path) -> None:
    levels = np.random.default_rng(1).integers(0, 4096, (2, 32, 32)).astype(np.uint16)
    for index, side in enumerate(("input", "truth")):
        (tmp_path / side).mkdir()
        cv2.imwrite(str(tmp_path / side / "a.png"), levels[index])
    stated = evaluate([input_candidate()], read_set(tmp_path, bits=12), SCORERS)
    assert "16-bit grey read as of 12 bits" in markdown(stated)
    full = np.rint(levels / 4095 * 65_535).astype(np.uint16)
    for index, side in enumerate(("input", "truth")):
        cv2.imwrite(str(tmp_path / side / "a.png"), full[index])
    expected = evaluate([input_candidate()], read_set(tmp_path), SCORERS)
    assert stated.row("input").numbers("psnr_db") == expected.row("input").numbers("psnr_db")
    with pytest.raises(InputError, match="expected at most 4095, as of 12 bits"):
        evaluate([input_candidate()], read_set(tmp_path, bits=12), SCORERS)


def test_a_set_without_truth(paired: Path) -> None:
    report = evaluate([input_candidate()], read_set(paired / "input"), SCORERS)
    assert [row.name for row in report.rows] == ["input"]
    assert report.row("input").summary("psnr_db").unmeasured == {"no truth": 3}
    assert len(report.row("input").numbers("change_delta_e_2000")) == 3


def test_a_figure_that_is_no_number_is_said_and_not_dropped(paired: Path) -> None:
    first = read_picture(paired / "input" / "0.png")

    def odd(view: View) -> float:
        return math.nan if np.array_equal(view.given, first) else 1.0

    def never(view: View) -> float:
        raise PictureError("too small")

    scorers = [
        Scorer(key="odd", label="odd", score=odd, higher_is_better=True),
        Scorer(key="never", label="never", score=never, higher_is_better=True),
        Scorer(key="absent", label="absent", score=None, higher_is_better=True, absent="no weights"),
    ]
    row = evaluate([input_candidate()], read_set(paired), scorers).row("input")
    odd_summary = row.summary("odd")
    assert odd_summary.unmeasured == {"the measure gave nan": 1}
    assert odd_summary.mean is not None
    assert odd_summary.mean.count == 2
    assert not odd_summary.complete
    assert row.summary("never").unmeasured == {"too small": 3}
    assert row.summary("absent").unmeasured == {"no weights": 3}


def test_progress_names_the_row_at_work(paired: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    evaluate([input_candidate()], read_set(paired), SCORERS, lambda *step: seen.append(step))
    assert seen == [(0, 3, "input"), (1, 3, "input"), (2, 3, "input")]


def test_names_must_be_unique(paired: Path) -> None:
    for candidates in ([input_candidate(), input_candidate()], [Candidate("truth", brighter)]):
        with pytest.raises(UsageError, match="is taken"):
            evaluate(candidates, read_set(paired), SCORERS)
    with pytest.raises(UsageError, match="nothing to evaluate"):
        evaluate([], read_set(paired), SCORERS)


def test_pictures_that_disappear_stop_the_run_from_five_percent_on(paired: Path) -> None:
    pairs = read_set(paired)
    (paired / "truth" / "2.png").unlink()
    with pytest.raises(InputError, match=r"1 of 3 pictures cannot be used, .*truth/2\.png cannot be read"):
        evaluate([input_candidate()], pairs, SCORERS)


def test_a_picture_that_only_decoding_finds_bad_is_left_out_of_every_row(paired: Path) -> None:
    for index in range(3, 20):
        for side in ("input", "truth"):
            shutil.copyfile(paired / side / "0.png", paired / side / f"{index}.png")
    pairs = read_set(paired)
    (paired / "input" / "2.png").write_bytes(b"")  # what a bad disk does in the middle of a long evaluation
    result = evaluate([input_candidate(), Candidate("brighter", brighter)], pairs, SCORERS)
    for row in result.rows[:2]:
        assert row.failure == ""
        assert len(row.numbers("psnr_db")) == 19
    assert [pair.name for pair in result.pairs.pairs] == [pair.name for pair in pairs.pairs if pair.name != "2.png"]
    (line,) = result.left_out
    assert "input/2.png" in line
    assert f"left out: {line}" in markdown(result)
    assert document([result], environment={}, created=None, ours=None)["sets"][0]["unreadable"] == [line]


def test_candidates_carry_every_fact() -> None:
    candidate = Candidate("a", brighter, {"parameters": 5, "data": "x"})
    assert set(FACTS) < set(candidate.facts)
    assert (candidate.facts["parameters"], candidate.facts["images_seen"]) == (5, None)
