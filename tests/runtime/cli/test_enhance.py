from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.pictures import read_picture, write_picture

Run = Callable[..., Any]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three pictures of different sizes."""
    folder = tmp_path / "photos"
    for index, name in enumerate(("a.png", "b.jpg", "c.webp")):
        write_picture(folder / name, _picture(40 + index, 60 + index))
    return folder


def _picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height).integers(0, 200, (height, width, 3), np.uint8)


def test_a_folder_is_enhanced_picture_by_picture(
    edgeenh: Run, photos: Path, tmp_path: Path, fake: list[object]
) -> None:
    done = edgeenh("enhance", photos, *fake, "--out", tmp_path / "out", "--json", tmp_path / "r.json")
    assert (done.code, done.err) == (0, "")
    assert "pictures: 3 found, 3 enhanced, 0 failed, 0 not begun" in done.out
    assert "next: edgeenh bench --model" in done.out
    for name in ("a.png", "b.jpg", "c.webp"):
        before = read_picture(photos / name)
        after = read_picture(tmp_path / "out" / f"{Path(name).stem}.png")
        assert np.array_equal(after, np.clip(before.astype(int) + 40, 0, 255))
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["schema"] == "edgeenh.enhance/1"
    assert [entry["size"] for entry in report["pictures"]] == [[60, 40], [61, 41], [62, 42]]
    assert report["backend"]["name"] == "fake"


def test_strength_zero_gives_the_picture_back(edgeenh: Run, photos: Path, tmp_path: Path, fake: list[object]) -> None:
    done = edgeenh("enhance", photos / "a.png", *fake, "--out", tmp_path / "out", "--strength", "0")
    assert done.code == 0
    assert np.array_equal(read_picture(tmp_path / "out" / "a.png"), read_picture(photos / "a.png"))


def test_one_bad_picture_among_many_is_named_and_the_others_are_done(
    edgeenh: Run, photos: Path, tmp_path: Path, fake: list[object]
) -> None:
    cv2.imwrite(str(photos / "grey.png"), _picture(40, 60)[..., 0])
    (photos / "half.jpg").write_bytes((photos / "b.jpg").read_bytes()[:800])
    cv2.imwrite(str(photos / "small.png"), _picture(1, 1))
    done = edgeenh("enhance", photos, tmp_path / "none.png", *fake, "--out", tmp_path / "out", "--json", "-")
    assert done.code == 1
    assert done.document["counts"] == {"found": 7, "enhanced": 3, "done_before": 0, "failed": 4, "not_begun": 0}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "c.png", "enhanced.jsonl"]
    for words in ("grey.png is 8-bit grey", "half.jpg", "small.png is 1×1", "none.png cannot be read"):
        assert words in done.err


def test_when_nothing_can_be_used_the_exit_is_2(edgeenh: Run, tmp_path: Path, fake: list[object]) -> None:
    (tmp_path / "empty").mkdir()
    for words, expected in (
        ((tmp_path / "none.png",), "none.png cannot be read"),
        ((tmp_path / "empty", f"{tmp_path}/*.jpg"), "holds no picture"),
        ((tmp_path / "clip.mp4",), "is a video, expected pictures: use `edgeenh run"),
    ):
        done = edgeenh("enhance", *words, *fake, "--out", tmp_path / "out")
        assert done.code == 2
        assert expected in done.err


def test_originals_are_never_overwritten(edgeenh: Run, photos: Path, tmp_path: Path, fake: list[object]) -> None:
    before = (photos / "a.png").read_bytes()
    done = edgeenh("enhance", photos, *fake, "--out", photos)
    assert (done.code, (photos / "a.png").read_bytes()) == (2, before)
    assert "a.png is one of the inputs" in done.err
    write_picture(tmp_path / "more" / "a.png", _picture(40, 60))
    done = edgeenh("enhance", photos, tmp_path / "more", *fake, "--out", tmp_path / "out")
    assert done.code == 2
    assert "would both be written to" in done.err
    assert not (tmp_path / "out").exists()


def test_wrong_options_and_places_are_refused_before_the_work(
    edgeenh: Run, edgeenh_without_rights: Run, photos: Path, tmp_path: Path, fake: list[object]
) -> None:
    assert edgeenh("enhance", photos, *fake).code == 2  # --out is missing
    assert "strength is 2" in edgeenh("enhance", photos, *fake, "--out", tmp_path / "o", "--strength", "2").err
    (tmp_path / "locked").mkdir(mode=0o500)
    done = edgeenh_without_rights("enhance", photos, *fake, "--out", tmp_path / "locked" / "out")
    assert done.code == 2
    assert "cannot be written (Permission denied)" in done.err


def test_a_disk_that_became_read_only_is_not_tried_with_every_picture(
    edgeenh: Run, photos: Path, tmp_path: Path, fake: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def read_only(path: Path, target: Path) -> Path:
        if target.name == "b.png":
            raise OSError(errno.EROFS, "Read-only file system", str(target))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", read_only)
    done = edgeenh("enhance", photos, *fake, "--out", tmp_path / "out", "--json", "-")
    assert done.code == 1
    assert done.document["counts"] == {"found": 3, "enhanced": 1, "done_before": 0, "failed": 1, "not_begun": 1}


def test_a_full_disk_keeps_what_is_done(
    edgeenh: Run, photos: Path, tmp_path: Path, fake: list[object], file_limit: Run
) -> None:
    write_picture(photos / "d.png", _picture(200, 300))
    write_picture(photos / "e.png", _picture(40, 60))
    with file_limit(30_000):
        done = edgeenh("enhance", photos, *fake, "--out", tmp_path / "out", "--json", "-")
    assert done.code == 1
    assert done.document["counts"] == {"found": 5, "enhanced": 3, "done_before": 0, "failed": 1, "not_begun": 1}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "c.png", "enhanced.jsonl"]
    assert "d.png" in done.err
