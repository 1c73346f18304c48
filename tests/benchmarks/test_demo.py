from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeenh.errors import JobFailed
from edgeenh.sources import open_source
from edgeenh_bench import demo
from edgeenh_bench.before_after import DIVIDER, side_by_side, stack, write_clip


def write_video(path: Path, images: Iterable[np.ndarray]) -> Path:
    """A lossless video."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FFV1"), 25, (64, 48))
    for image in images:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def frames(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(7)
    return [cv2.resize(random.integers(30, 200, (6, 8, 3), dtype=np.uint8), (64, 48)) for _ in range(count)]


def test_before_is_left_of_the_line_and_after_right() -> None:
    before, after = frames(2)
    both = side_by_side(before, after)
    assert both.shape == (48, 64 + DIVIDER + 64, 3)
    assert np.array_equal(both[:, :64], before)
    assert np.array_equal(both[:, -64:], after)
    assert (both[:, 64:-64] == 255).all()


def test_pairs_of_different_sizes_stand_one_under_the_other() -> None:
    wide, tall = np.zeros((20, 60, 3), np.uint8), np.zeros((40, 20, 3), np.uint8)
    picture = stack([(wide, wide), (tall, tall)], 20)
    assert picture.shape == (2 * (20 + DIVIDER), 60 + DIVIDER + 60, 3)


def test_a_clip_with_a_frame_missing_is_refused(tmp_path: Path) -> None:
    images = frames(4)
    before, after = write_video(tmp_path / "a.mkv", images), write_video(tmp_path / "b.mkv", images[:3])
    with pytest.raises(JobFailed, match="3 in the shorter one"):
        write_clip(str(before), str(after), tmp_path / "both.avi")


def test_the_demo_leaves_clip_pictures_table_and_reports(
    bundle_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clip, out = write_video(tmp_path / "clip.mkv", frames(6)), tmp_path / "out"
    words = ["--out", str(out), "--clip", str(clip), "--frames", "5", "--model", str(bundle_path)]
    assert demo.main(words) == 0
    assert json.loads((out / "run.json").read_text())["accounting"]["enhanced"] == 6
    assert json.loads((out / "bench.json").read_text())["frames"]["count"] == 5
    assert "| onnxruntime | fp32" in (out / "bench.md").read_text()
    both = open_source(out / "before-after.mp4")
    assert (both.size, both.length) == ((132, 48), 6)
    both.close()
    assert {path.name for path in out.iterdir()} >= {"before-after.png", "before-after-golden.png", "enhanced.mp4"}
    assert str(out / "before-after.mp4") in capfd.readouterr().out


def test_the_demo_stops_with_the_exit_code_of_the_command_that_failed(
    bundle_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--out", str(tmp_path / "out"), "--clip", str(tmp_path / "missing.mp4"), "--model", str(bundle_path)]
    assert demo.main(words) == 2
    assert "ended with exit code 2; the demo stops here" in capfd.readouterr().err
