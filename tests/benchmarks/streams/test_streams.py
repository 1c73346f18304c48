"""`edgeenh bench streams` on a small clip, with the real libraries."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgeenh.cli import main
from edgeenh_bench.streams import comparison, readers
from edgeenh_bench.streams.readers import READERS
from edgeenh_bench.worker_process import WorkerError, WorkerProcess

from .conftest import FRAMES, make_clip


def streams(*words: object) -> int:
    return main(["bench", "streams", *map(str, words)])


@pytest.fixture(scope="module")
def folder(bundle_path: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real comparison, which several tests look at."""
    folder = tmp_path_factory.mktemp("streams")
    words = ("--backends", "onnxruntime", "--only", "edgeenh-contained,pyav,opencv,inference", "--rounds", 1)
    words += ("--slow", 45, "--threads", 1, "--json", folder / "s.json")
    assert streams("--model", bundle_path, "--source", clip, *words) == 0
    return folder


@pytest.fixture(scope="module")
def document(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "s.json").read_text())
    return loaded


def test_every_frame_is_accounted_for_in_every_row(document: dict[str, Any]) -> None:
    rows = {row["way"]: row for row in document["rows"]}
    assert document["clip"]["frames"] == FRAMES
    for way in ("edgeenh", "edgeenh-contained", "pyav", "opencv"):
        assert rows[way]["available"], rows[way]["reason"]
        assert set(rows[way]["paces"]) == {"unpaced", "paced", "slow-sink"}
        assert rows[way]["paces"]["unpaced"]["out"] == FRAMES
        assert [seen["lost_in_silence"] for seen in rows[way]["paces"].values()] == [0, 0, 0]
        assert rows[way]["rss_mb"] >= rows[way]["pss_mb"] > 20
    assert rows["edgeenh-contained"]["processes"] > rows["edgeenh"]["processes"] == 1
    assert rows["pyav"]["times_ours"]["row"] == "edgeenh-onnxruntime"
    assert rows["edgeenh"]["times_ours"] is None


def test_under_a_slow_sink_only_ours_says_what_it_dropped(document: dict[str, Any]) -> None:
    rows = {row["way"]: row["paces"]["slow-sink"] for row in document["rows"] if row["available"]}
    assert sum(rows["edgeenh"]["dropped"].values()) > 0
    assert rows["edgeenh"]["waiting"] == 0
    assert (rows["opencv"]["dropped"], rows["pyav"]["dropped"]) == ({}, {})
    assert min(rows["opencv"]["waiting"], rows["pyav"]["waiting"]) > 0


def test_what_is_not_installed_is_a_row_with_the_reason(document: dict[str, Any]) -> None:
    row = next(row for row in document["rows"] if row["way"] == "inference")
    if row["available"]:
        pytest.skip("inference is installed")
    assert "not installed" in row["reason"]
    assert row["paces"] == {}


def test_the_report_shows_it(folder: Path) -> None:
    assert main(["bench", "report", str(folder / "s.json"), "--html", str(folder / "s.html")]) == 0
    text = (folder / "s.html").read_text()
    assert text.count("<h1>Streams</h1>") == 1
    assert "opencv-onnxruntime, slow sink" in text
    assert "<svg" in text


@pytest.mark.parametrize("name", sorted(READERS))
def test_every_reader_gives_the_clip_whole_and_in_order(name: str, clip: Path) -> None:
    if readers.missing(name)[0]:
        pytest.skip(readers.missing(name)[0])
    if name == "gstreamer":
        pytest.skip("its plug-ins for FFV1 are seldom there")
    import cv2
    import numpy as np

    truth = cv2.VideoCapture(str(clip))
    found = list(READERS[name](clip, (64, 48)))
    assert len(found) == FRAMES
    for image in found:
        assert np.abs(image.astype(int) - truth.read()[1][..., ::-1]).max() <= 2


def test_a_program_that_gives_nothing_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeenh.errors import BackendUnavailable

    program = tmp_path / "gst-launch-1.0"
    program.write_text("#!/bin/sh\necho no decoder here >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(BackendUnavailable, match=r"gave no frame \(exit code 3\): no decoder here"):
        list(READERS["gstreamer"](tmp_path / "clip.avi", (64, 48)))


def test_leaving_a_pipe_early_ends_its_program(clip: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    import psutil

    frames = READERS["ffmpeg"](clip, (64, 48))
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert not [child for child in psutil.Process().children() if child.name() == "ffmpeg"]


def _breaking(monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException) -> None:
    """The pass of this number (the warm-up's included, over all rows) ends with `error`."""
    asked = 0

    class Breaking(WorkerProcess):
        def ask(self, request: Any, *timeout: float) -> dict[str, Any]:
            nonlocal asked
            asked += request["do"] == "pass"
            if request["do"] == "pass" and asked == at:
                raise error
            return super().ask(request, *timeout)

    monkeypatch.setattr(comparison, "WorkerProcess", Breaking)


SHORT = ("--backends", "onnxruntime", "--only", "opencv", "--rounds", 1, "--threads", 1)


def test_a_row_that_fails_in_the_middle_leaves_the_others(
    bundle_path: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _breaking(monkeypatch, 6, WorkerError("the worker process ended with SIGSEGV"))
    assert streams("--model", bundle_path, "--source", clip, *SHORT, "--json", tmp_path / "s.json") == 0
    rows = {row["way"]: row for row in json.loads((tmp_path / "s.json").read_text())["rows"]}
    assert rows["opencv"]["reason"] == "the worker process ended with SIGSEGV (after 1 passes)"
    assert len(rows["opencv"]["partial"]["unpaced"]) == 1
    assert rows["opencv"]["paces"] == {}
    assert set(rows["edgeenh"]["paces"]) == {"unpaced", "paced", "slow-sink"}
    assert "not measured: opencv-onnxruntime: the worker process ended with SIGSEGV" in capsys.readouterr().out


def test_ctrl_c_keeps_what_was_measured(
    bundle_path: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _breaking(monkeypatch, 4, KeyboardInterrupt())
    assert streams("--model", bundle_path, "--source", clip, *SHORT, "--json", tmp_path / "s.json") == 130
    document = json.loads((tmp_path / "s.json").read_text())
    assert document["interrupted"] is True
    rows = {row["way"]: row for row in document["rows"]}
    assert set(rows["edgeenh"]["paces"]) == {"unpaced"}
    assert rows["opencv"]["reason"] == "interrupted before its first pass"
    captured = capsys.readouterr()
    assert "interrupted: the figures are those" in captured.out
    assert "next:" not in captured.err + captured.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "vlc"), "there is no way 'vlc'"),
        (("--backends", "tensorrt"), "there is no bare session for 'tensorrt'"),
        (("--source", "none.mp4"), "none.mp4 is no file"),
        (("--paced", "0"), "--paced 0: expected above 0"),
        (("--slow", "-3"), "--slow -3: expected above 0"),
        (("--rounds", "0"), "--rounds"),
        (("--model", "xray-n"), "is for grey: clips take a --model for colour"),
    ],
)
def test_bad_input_is_exit_2_and_one_line(
    words: tuple[object, ...], said: str, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert streams(*(() if "--source" in words else ("--source", clip)), *words) == 2
    assert len([line for line in capsys.readouterr().err.splitlines() if said in line]) == 1


def test_a_clip_that_needs_padding_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert streams("--source", make_clip(tmp_path / "odd.avi", (50, 40))) == 2
    assert "multiples of" in capsys.readouterr().err
