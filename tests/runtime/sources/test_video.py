from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeenh.errors import SourceError
from edgeenh.sources import Source, open_source
from edgeenh.stream import ManualClock

WriteVideo = Callable[..., Path]


def _count(source: Source) -> int:
    frames = 0
    while source.read() is not None:
        frames += 1
    return frames


def _cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def test_a_video_gives_every_frame_in_rgb(write_video: WriteVideo, clock: ManualClock) -> None:
    source = open_source(write_video(), clock=clock)
    frame = source.read()
    assert frame is not None
    assert (source.size, source.fps, source.length, source.live) == ((96, 64), 25.0, 20, False)
    assert frame.image.shape == (64, 96, 3)
    assert frame.image.flags.c_contiguous
    assert frame.image[40, 20, 0] > 120 > frame.image[40, 20, 2]  # left is red
    assert frame.image[40, 80, 2] > 120 > frame.image[40, 80, 0]  # right is blue
    assert (frame.sequence, frame.captured_ns) == (0, 1_000)
    assert _count(source) == 19
    assert not source.lost_upstream
    assert not source.notices


def test_frames_own_their_memory(write_video: WriteVideo, clock: ManualClock) -> None:
    source = open_source(write_video(), clock=clock)
    first = source.read()
    assert first is not None
    before = first.image.copy()
    _count(source)
    source.close()
    assert (first.image == before).all()


@pytest.mark.parametrize(("name", "codec"), [("c.avi", "MJPG"), ("c.mkv", "FFV1"), ("c.webm", "VP80")])
def test_a_truncated_video_gives_what_is_there_and_counts_the_rest(
    write_video: WriteVideo, clock: ManualClock, name: str, codec: str
) -> None:
    source = open_source(_cut(write_video(name, codec=codec), 0.6), clock=clock)
    frames = _count(source)
    assert 0 < frames < 20
    assert set(source.lost_upstream) <= {"truncated", "corrupt"}  # the packet at the cut is one or the other
    assert source.lost_upstream.total() == 20 - frames
    assert f"{frames} frames came, it declares 20" in source.notices[-1].detail
    assert source.read() is None
    assert source.lost_upstream.total() == 20 - frames  # told once


def test_a_video_cut_before_its_index_is_refused(write_video: WriteVideo) -> None:
    with pytest.raises(SourceError, match=r"cut short and its index is missing: get the file again"):
        open_source(_cut(write_video(), 0.6))


def test_a_complete_video_is_not_called_cut(write_video: WriteVideo, clock: ManualClock) -> None:
    for name, codec in (("c.mp4", "mp4v"), ("c.avi", "MJPG"), ("c.mkv", "FFV1"), ("c.webm", "VP80")):
        source = open_source(write_video(name, codec=codec), clock=clock)
        assert _count(source) == 20
        assert not source.lost_upstream


def test_looping_goes_on_with_higher_numbers(write_video: WriteVideo, clock: ManualClock) -> None:
    source = open_source(write_video(frames=3), clock=clock, loop=True)
    frames = [source.read() for _ in range(7)]
    assert [frame.sequence for frame in frames if frame] == list(range(7))
    assert source.length is None


def test_an_interrupt_ends_a_video(write_video: WriteVideo, clock: ManualClock) -> None:
    source = open_source(write_video(), clock=clock)
    source.interrupt()
    assert source.read() is None
    source.close()
    source.close()


def test_what_is_not_a_video_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video at all, only words " * 50)
    for name, expected in (("none.mp4", "does not exist"), ("empty.mp4", "is empty"), ("text.mp4", "cannot be opened")):
        with pytest.raises(SourceError, match=expected) as error:
            open_source(tmp_path / name)
        assert name in str(error.value)
