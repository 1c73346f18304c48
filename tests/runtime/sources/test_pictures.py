from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.errors import PictureError, SourceError, UsageError
from edgeenh.pictures import write_grey, write_picture
from edgeenh.sources import open_source
from edgeenh.stream import ManualClock


def test_a_folder_gives_its_pictures_sorted_and_leaves_others_out(
    tmp_path: Path, image: NDArray[np.uint8], clock: ManualClock
) -> None:
    for name in ("b.png", "a.png", "C.PNG"):
        write_picture(tmp_path / name, image)
    write_picture(tmp_path / ".hidden.png", image)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder.png").mkdir()
    source = open_source(tmp_path, clock=clock)
    frames = [source.read(), source.read(), source.read()]
    assert [frame.label for frame in frames if frame] == ["C.PNG", "a.png", "b.png"]
    assert all((frame.image == image).all() for frame in frames if frame)
    assert source.read() is None
    assert (source.length, source.size, source.fps) == (3, (48, 32), None)


def test_an_unreadable_picture_among_many_is_counted_and_named(
    tmp_path: Path, image: NDArray[np.uint8], clock: ManualClock
) -> None:
    write_picture(tmp_path / "a.png", image)
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff no picture")
    cv2.imwrite(str(tmp_path / "c.png"), image[..., 0])  # grey
    write_picture(tmp_path / "d.png", image)
    source = open_source(tmp_path, clock=clock)
    labels = []
    while (frame := source.read()) is not None:
        labels.append((frame.sequence, frame.label))
    assert labels == [(0, "a.png"), (1, "d.png")]
    assert source.lost_upstream == {"unreadable": 2}
    assert [notice.kind for notice in source.notices] == ["unreadable", "unreadable"]
    assert "b.jpg" in source.notices[0].detail
    assert "c.png is 8-bit grey" in source.notices[1].detail


def test_a_folder_without_a_usable_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no picture, expected"):
        open_source(tmp_path)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(SourceError, match=r"none of the 2 pictures in .* can be used; the first: .*a\.png"):
        open_source(tmp_path)


def test_one_picture_that_cannot_be_used_says_why(tmp_path: Path, image: NDArray[np.uint8]) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), image.astype(np.uint16) * 257)
    with pytest.raises(PictureError, match="16-bit RGB, expected 8-bit RGB"):
        open_source(tmp_path / "deep.png")
    with pytest.raises(SourceError, match="does not exist"):
        open_source(tmp_path / "none.png")


def test_a_glob_matches_and_says_when_it_does_not(tmp_path: Path, image: NDArray[np.uint8]) -> None:
    write_picture(tmp_path / "a1.png", image)
    write_picture(tmp_path / "b1.png", image)
    assert open_source(f"{tmp_path}/a*.png").length == 1
    with pytest.raises(SourceError, match="matches no file"):
        open_source(f"{tmp_path}/z*.png")
    literal = tmp_path / "a[1].png"
    write_picture(literal, image)
    assert open_source(literal).length == 1  # a file of that very name is no glob


def test_looping_over_pictures_counts_a_bad_one_once(
    tmp_path: Path, image: NDArray[np.uint8], clock: ManualClock
) -> None:
    write_picture(tmp_path / "a.png", image)
    (tmp_path / "b.png").write_bytes(b"nothing")
    source = open_source(tmp_path, clock=clock, loop=True)
    frames = [source.read() for _ in range(5)]
    assert [frame.sequence for frame in frames if frame] == [0, 1, 2, 3, 4]
    assert source.lost_upstream == {"unreadable": 1}


def test_a_folder_of_grey_pictures_keeps_their_depths(tmp_path: Path, clock: ManualClock) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (32, 48), np.uint16)
    write_grey(tmp_path / "a.png", deep)
    write_grey(tmp_path / "b.tif", deep.astype(np.uint8))
    cv2.imwrite(str(tmp_path / "c.png"), np.zeros((32, 48, 3), np.uint8))
    source = open_source(tmp_path, clock=clock, photometric="grey")
    frames = [frame for _ in range(3) if (frame := source.read())]
    assert [(frame.label, frame.photometric, frame.bits) for frame in frames] == [
        ("a.png", "grey", 16),
        ("b.tif", "grey", 8),
    ]
    assert np.array_equal(frames[0].image, deep)
    assert "c.png is 8-bit RGB, expected 8- or 16-bit grey" in source.notices[0].detail


def test_bits_are_the_frames(tmp_path: Path, clock: ManualClock) -> None:
    write_grey(tmp_path / "a.png", np.full((32, 48), 4095, np.uint16))
    frame = open_source(tmp_path / "a.png", clock=clock, photometric="grey", bits=12).read()
    assert frame is not None
    assert frame.bits == 12


@pytest.mark.parametrize("spec", ["synthetic:64x48@30", "rtsp://127.0.0.1/x"])
def test_what_is_never_grey_is_refused_where_grey_is_wanted(spec: str) -> None:
    with pytest.raises(UsageError, match=f"{spec} gives frames in colour and the model takes grey"):
        open_source(spec, photometric="grey")


def test_a_video_is_refused_where_grey_is_wanted_and_a_missing_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"whatever")
    with pytest.raises(UsageError, match="gives frames in colour"):
        open_source(tmp_path / "clip.mp4", photometric="grey")
    with pytest.raises(SourceError, match="does not exist"):
        open_source(tmp_path / "none.mp4", photometric="grey")


def test_arrays_say_themselves_what_they_are(clock: ManualClock) -> None:
    arrays = [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint16)]
    source = open_source(arrays, clock=clock)
    frames = [frame for _ in arrays if (frame := source.read())]
    assert [(f.photometric, f.bits) for f in frames] == [("RGB", 8), ("grey", 8), ("grey", 16)]
