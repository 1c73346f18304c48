"""`edgeenh run` on a pipe and on a watched folder: real processes, as a station starts them."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import edgeenh
from edgeenh.cli.model import next_step
from edgeenh.pictures import write_picture
from edgeenh.sources import open_source

Start = Callable[[str], "subprocess.Popen[str]"]


def _start(start_script: Start, tmp_path: Path, *words: object) -> subprocess.Popen[str]:
    line = ["run", *map(str, words), "--json", str(tmp_path / "r.json")]
    return start_script(f"import sys; from edgeenh.cli import main; sys.exit(main({line!r}))")


def _pipe(process: subprocess.Popen[str], data: bytes) -> str:
    """Send all of it to stdin; returns what the process said on stderr."""
    assert process.stdin is not None
    process.stdin.buffer.write(data)
    _, errors = process.communicate(timeout=60)
    return errors


def _accounting(tmp_path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((tmp_path / "r.json").read_text())["accounting"]
    return found


def test_raw_frames_go_through_a_pipe(start_script: Start, tmp_path: Path, fake: list[object]) -> None:
    frames = np.random.default_rng(0).integers(0, 100, (5, 64, 96, 3), np.uint8)
    process = _start(start_script, tmp_path, "-", "--raw", "96x64:rgb24@25", *fake, "--out", tmp_path / "out.mkv")
    errors = _pipe(process, frames.tobytes())
    assert process.returncode == 0, errors
    assert _accounting(tmp_path)["enhanced"] == 5
    assert open_source(tmp_path / "out.mkv").length == 5


def test_a_pipe_is_not_named_as_what_to_read_again() -> None:
    with edgeenh.load(backend="fake") as enhancer:
        assert next_step("-", None, enhancer) == "edgeenh bench"
        assert next_step("my clip.mp4", None, enhancer) == "edgeenh bench --source 'my clip.mp4'"


def test_a_pipe_that_ends_in_the_middle_of_a_frame_is_a_lost_frame_and_exit_1(
    start_script: Start, tmp_path: Path, fake: list[object]
) -> None:
    frames = np.random.default_rng(0).integers(0, 100, (3, 64, 96, 3), np.uint8)
    process = _start(start_script, tmp_path, "-", "--raw", "96x64:rgb24", *fake)
    errors = _pipe(process, frames.tobytes()[:-7])
    assert process.returncode == 1
    assert "stdin ended 18425 bytes into frame 2, expected 18432: that frame is left out" in errors
    assert _accounting(tmp_path)["lost_upstream"] == {"truncated": 1}


def test_an_empty_pipe_is_bad_input_told_in_one_line(start_script: Start, tmp_path: Path, fake: list[object]) -> None:
    process = _start(start_script, tmp_path, "-", "--raw", "96x64:rgb24", *fake, "--in-process")
    errors = _pipe(process, b"")
    assert process.returncode == 2, errors
    assert errors.splitlines() == [
        "edgeenh: stdin ended 0 bytes into frame 0, expected 18432: there is no frame; check --raw and the writer"
    ]
    assert _accounting(tmp_path)["captured"] == 0


def test_a_watched_folder_is_enhanced_until_ctrl_c(start_script: Start, tmp_path: Path, fake: list[object]) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    picture = np.random.default_rng(0).integers(0, 100, (64, 96, 3), np.uint8)
    cv2.imwrite(str(folder / "before.png"), picture)
    process = _start(start_script, tmp_path, f"watch:{folder}?existing=yes", *fake, "--out", out)
    while not list(out.glob("*before*")):
        assert process.poll() is None, process.communicate()
    cv2.imwrite(str(folder / "during.png"), picture)
    while not list(out.glob("*during*")):
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert _accounting(tmp_path)["enhanced"] == 2


@pytest.mark.parametrize(("source", "out"), [("watch:{}", "{}"), ("watch:{}?existing=yes", "{}/"), ("{}", "dicom:{}")])
def test_a_folder_is_not_source_and_place_of_results_at_once(
    edgeenh: Callable[..., Any], tmp_path: Path, fake: list[object], make_picture: Any, source: str, out: str
) -> None:
    """A watched folder would give out its own results again and again."""
    write_picture(tmp_path / "in" / "a.png", make_picture(20, 30))
    place = str(tmp_path / "in")
    done = edgeenh("run", source.format(place), *fake, "--in-process", "--out", out.format(place))
    assert (done.code, "is the source itself" in done.err) == (2, True)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["a.png"]
