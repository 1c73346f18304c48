"""`examples/gstreamer_pipes.sh`: frames of a real clip through GStreamer, edgeenh and GStreamer; and what it says when one of them fails."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from .conftest import Run

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "gstreamer_pipes.sh"
CLIP = ROOT / "benchmarks" / "clips" / "endoscope_720p25_3s.mp4"
FRAMES = 6
WIDTH, HEIGHT = 160, 96

pytestmark = pytest.mark.skipif(
    shutil.which("gst-launch-1.0") is None,
    reason="gst-launch-1.0 is not installed (Debian: gstreamer1.0-tools gstreamer1.0-plugins-base)",
)


@pytest.fixture
def frames(tmp_path: Path) -> np.ndarray:
    """Frames of the clip, [N,H,W,3] RGB; they lie in in.rgb too, as GStreamer reads them."""
    video, found = cv2.VideoCapture(str(CLIP)), []
    while len(found) < FRAMES:
        small = cv2.resize(video.read()[1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        found.append(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
    (tmp_path / "in.rgb").write_bytes(np.stack(found).tobytes())
    return np.stack(found)


@pytest.fixture
def pipes(script: Run, tmp_path: Path) -> Run:
    """pipes(strength, source…): the script, from in.rgb into out.rgb."""
    parse = (
        f"filesrc location={tmp_path}/in.rgb ! rawvideoparse format=rgb width={WIDTH} height={HEIGHT} framerate=25/1"
    )

    def run(
        strength: object, source: str = parse, size: str = f"{WIDTH}x{HEIGHT}", sink: str = "video/x-raw,format=RGB"
    ):  # type: ignore[no-untyped-def]
        return script(SCRIPT, source, size, 25, f"{sink} ! filesink location={tmp_path}/out.rgb", strength)

    return run


def test_every_frame_comes_out_enhanced(pipes: Run, frames: np.ndarray, tmp_path: Path) -> None:
    done = pipes(1)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    accounting = json.loads((tmp_path / "report.json").read_text())["accounting"]
    assert (accounting["captured"], accounting["enhanced"], accounting["holds"]) == (FRAMES, FRAMES, True)
    out = np.frombuffer((tmp_path / "out.rgb").read_bytes(), np.uint8).reshape(frames.shape)
    for before, after in zip(frames, out, strict=True):
        assert not np.array_equal(before, after)
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.9  # the same picture, not another or a shifted one


def test_strength_0_is_the_clip_to_the_byte(pipes: Run, frames: np.ndarray, tmp_path: Path) -> None:
    done = pipes(0)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.rgb").read_bytes() == frames.tobytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"strength": 7}, "enhancing"),
        ({"strength": 1, "size": "320x96"}, "the source"),  # not the source's size
        ({"strength": 1, "sink": "nosuchelement"}, "the sink"),
        ({"strength": 1, "source": "filesrc location=/nonexistent ! decodebin"}, "the source"),
    ],
)
def test_a_failure_of_any_of_the_three_is_told(
    pipes: Run, frames: np.ndarray, words: dict[str, object], told: str
) -> None:
    done = pipes(**words)
    assert done.returncode == 1
    assert told in done.stderr.strip().splitlines()[-1].removeprefix("failed: ").split(",")


def test_rows_that_gstreamer_would_fill_up_are_refused(pipes: Run, tmp_path: Path) -> None:
    done = pipes(1, "videotestsrc num-buffers=2", "162x96")
    assert done.returncode == 2
    assert "multiple of 4" in done.stderr
    assert not (tmp_path / "out.rgb").exists()
