"""`examples/ffmpeg_pipes.sh`: a real clip through FFmpeg, edgeenh and FFmpeg; and what it says when one of them fails."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from .conftest import Run

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "ffmpeg_pipes.sh"
CLIP = ROOT / "benchmarks" / "clips" / "endoscope_720p25_3s.mp4"
FRAMES = 6

pytestmark = pytest.mark.skipif(
    shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None, reason="ffmpeg is not installed"
)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    clip = tmp_path / "in.mkv"
    words = ["ffmpeg", "-v", "error", "-i", CLIP, "-frames:v", str(FRAMES), "-vf", "scale=160:96", "-c:v", "ffv1", clip]
    subprocess.run(words, check=True)
    return clip


@pytest.fixture
def pipes(script: Run) -> Run:
    return lambda *words: script(SCRIPT, *words)


def frames_of(path: Path) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(path))
    found = []
    while (read := video.read())[0]:
        found.append(read[1])
    return found


def test_every_frame_comes_out_enhanced(pipes: Run, small: Path, tmp_path: Path) -> None:
    done = pipes(small, tmp_path / "out.mkv")
    assert done.returncode == 0, done.stderr
    accounting = json.loads((tmp_path / "report.json").read_text())["accounting"]
    assert (accounting["captured"], accounting["enhanced"], accounting["holds"]) == (FRAMES, FRAMES, True)
    before, after = frames_of(small), frames_of(tmp_path / "out.mkv")
    assert len(before) == len(after) == FRAMES
    assert before[0].shape == after[0].shape
    assert not np.array_equal(before[0], after[0])


def test_strength_0_is_the_clip_but_for_the_encoder(pipes: Run, small: Path, tmp_path: Path) -> None:
    done = pipes(small, tmp_path / "out.mkv", 0)
    assert done.returncode == 0, done.stderr
    for before, after in zip(frames_of(small), frames_of(tmp_path / "out.mkv"), strict=True):
        assert np.abs(before.astype(int) - after).mean() < 2


def test_a_failure_in_the_middle_is_not_lost(pipes: Run, small: Path, tmp_path: Path) -> None:
    done = pipes(small, tmp_path / "out.mkv", 7)  # no strength
    assert done.returncode == 1
    assert "enhancing" in done.stderr


def test_what_is_no_video_is_told(pipes: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    done = pipes(broken, tmp_path / "out.mkv")
    assert done.returncode != 0
    assert done.stderr
    assert not (tmp_path / "out.mkv").exists()
