"""A soak of a short file, of a source that ends, and a rehearsal that would be over before its faults."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeenh.bundle import Bundle
from edgeenh.cli import main
from edgeenh.errors import UsageError
from edgeenh.sources import open_source
from edgeenh_bench import endurance
from edgeenh_bench.looped_source import open_looped, used_again
from edgeenh_bench.report.limits import panel

FRAMES, FPS = 12, 50.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), FPS, (64, 48))
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 40 + 10 * number, np.uint8))
    writer.release()
    return path


def soaked(bundle_path: Path, source: Path, seconds: float) -> dict[str, Any]:
    asked = endurance.Endurance(Bundle.open(bundle_path), str(source), "fake", 1, seconds)
    return endurance.endure(asked, lambda _: None, datetime.now(UTC))


def test_a_short_file_is_used_again_and_that_is_said(bundle_path: Path, clip: Path) -> None:
    document = soaked(bundle_path, clip, 1.5)
    assert document["accounting"]["captured"] > FRAMES
    assert document["ended_early"] == ""
    assert document["passed"] is not None
    assert f"the source holds {FRAMES} frames, and" in document["doubts"][0]
    assert "used again from its start" in " ".join(panel(document, "soak.json").lines)


def test_a_source_that_ends_before_its_time_is_not_judged_and_nothing_is_lost(
    bundle_path: Path,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(endurance, "open_looped", lambda spec, _: (open_source(spec), FRAMES))
    words = ["--model", str(bundle_path), "--backends", "fake", "--source", str(clip), "--soak", "30s"]
    files = ["--json", str(tmp_path / "s.json"), "--html", str(tmp_path / "s.html")]
    assert main(["bench", *words, *files]) == 1
    assert "of 30 s: nothing was judged" in capsys.readouterr().err
    document = json.loads((tmp_path / "s.json").read_text())
    assert (document["passed"], document["accounting"]["captured"]) == (None, FRAMES)
    assert document["readings"]
    assert "of 30 s: nothing was judged" in (tmp_path / "s.html").read_text()


def test_a_source_without_an_end_is_not_looped() -> None:
    source, length = open_looped("synthetic:64x48@25", "RGB")
    source.close()
    assert length is None
    assert used_again(None, 10**6) == used_again(12, 12) == []


def test_pictures_have_no_rate(pictures: Path) -> None:
    with pytest.raises(UsageError, match="has no frame rate: give a video or a camera"):
        open_looped(str(pictures), "RGB")


@pytest.mark.parametrize(("schedule", "asked", "lasts"), [("worker-kill@2s", None, 17.0), ("worker-kill@2s", 3.0, 3.0)])
def test_a_rehearsal_lasts_as_asked_or_as_its_answers_may_take(
    schedule: str, asked: float | None, lasts: float
) -> None:
    assert endurance.seconds_of(schedule, asked) == lasts


def test_a_rehearsal_that_would_be_over_before_its_faults_is_refused(
    bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", str(bundle_path), "--fault", "model-nan@1s,worker-kill@10s", "--seconds", "3"]
    assert main(["bench", *words]) == 2
    assert "--seconds 3 is over before the last fault, at 10 s: give more, 25 for its answer" in capsys.readouterr().err
