from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from edgeenh.errors import OutputFailed, UsageError
from edgeenh.frames import EnhancedFrame, Frame, Status
from edgeenh.sinks import open_sink
from edgeenh.sinks.video_av import AvVideoSink
from edgeenh.sinks.video_opencv import VideoSink
from edgeenh.sources import open_source

MakeFrame = Callable[..., EnhancedFrame]


@pytest.fixture
def small_files_only() -> Iterator[None]:
    """No file may grow beyond 256 KiB, as on a full disk; OpenCV says nothing of it."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 10, former[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, former)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".avi", ".mkv"])
def test_a_video_appears_whole_and_only_at_the_end(tmp_path: Path, make_frame: MakeFrame, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    sink = open_sink(path, fps=30.0)
    for sequence in range(5):
        sink.write(make_frame(sequence))
    assert not path.exists()
    sink.close()
    sink.close()
    source = open_source(path)
    assert (source.size, source.fps, source.length) == ((96, 64), 30.0, 5)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_mkv_is_lossless_and_in_the_right_colours(tmp_path: Path, make_frame: MakeFrame) -> None:
    sink = open_sink(tmp_path / "out.mkv")
    frames = [make_frame(sequence) for sequence in range(3)]
    for frame in frames:
        sink.write(frame)
    sink.close()
    source = open_source(tmp_path / "out.mkv")
    for frame in frames:
        read = source.read()
        assert read is not None
        assert np.array_equal(read.image, frame.image)


def test_an_aborted_video_keeps_what_was_written(tmp_path: Path, make_frame: MakeFrame) -> None:
    sink = open_sink(tmp_path / "out.mp4")
    sink.write(make_frame(0))
    sink.write(make_frame(1))
    sink.abort()
    assert open_source(tmp_path / "out.mp4").length == 2


def test_without_a_frame_there_is_no_video(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "out.mp4")
    sink.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("small_files_only")
def test_a_full_disk_is_found_out_and_leaves_nothing(tmp_path: Path, make_frame: MakeFrame) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"the former video")
    sink = VideoSink(path, 25)
    for sequence in range(20):
        sink.write(make_frame(sequence, size=(320, 240)))
    with pytest.raises(OutputFailed, match=r"out\.mp4 could not be finished: .* of 20 frames .*choose another place"):
        sink.close()
    sink = open_sink(path)
    with pytest.raises(OutputFailed, match=r"out\.mp4 could not be written: a file of that size is not allowed there"):
        [sink.write(make_frame(sequence, size=(320, 240))) for sequence in range(20)]
    sink.abort()
    assert path.read_bytes() == b"the former video"
    assert len(list(tmp_path.iterdir())) == 1


def test_little_space_ends_the_video_while_it_can_still_be_finished(
    tmp_path: Path, make_frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = open_sink(tmp_path / "out.mp4")
    sink.write(make_frame(0))
    monkeypatch.setattr("edgeenh.sinks.video.RESERVE", 1 << 60)
    with pytest.raises(OutputFailed, match=r"left to write .* after 1 frames: free some space"):
        sink.write(make_frame(1))
    sink.abort()
    assert open_source(tmp_path / "out.mp4").length == 1


def test_too_little_space_for_a_first_frame_leaves_the_former_video(
    tmp_path: Path, make_frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"the former video")
    monkeypatch.setattr("edgeenh.sinks.video.RESERVE", 1 << 60)
    sink = open_sink(path)
    with pytest.raises(OutputFailed, match="after 0 frames: free some space"):
        sink.write(make_frame(0))
    sink.abort()
    assert path.read_bytes() == b"the former video"
    assert len(list(tmp_path.iterdir())) == 1


def test_frames_that_do_not_fit_are_refused(tmp_path: Path, make_frame: MakeFrame) -> None:
    sink = open_sink(tmp_path / "out.mp4")
    sink.write(make_frame(0))
    with pytest.raises(OutputFailed, match=r"frame 1 is 64×64, the video .* is 96×64: use --out FOLDER"):
        sink.write(make_frame(1, size=(64, 64)))
    sink.abort()
    with pytest.raises(UsageError, match="odd size, found 95×64: use --out FOLDER"):
        open_sink(tmp_path / "odd.mp4").write(make_frame(0, size=(95, 64)))
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]


def test_places_that_cannot_be_written_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    places = (
        (tmp_path / "file" / "out.mp4", "cannot be written"),
        (Path("/proc/out.mp4"), "/proc cannot be written"),
    )
    for path, expected in places:
        with pytest.raises((UsageError, OutputFailed), match=expected):
            open_sink(path)
    for name in ("out.xyz", "out.png", "out.webm"):
        with pytest.raises(UsageError, match=r"frames cannot be written to .*expected a folder"):
            open_sink(tmp_path / name)


def test_16_bit_grey_is_refused_by_name_and_8_bit_grey_is_written(tmp_path: Path) -> None:
    def frame(dtype: type) -> EnhancedFrame:
        image = np.random.default_rng(0).integers(0, 256, (32, 48), dtype)
        captured = Frame(image, "test", 4, 0, "", "grey", 8 * image.dtype.itemsize)
        return EnhancedFrame(image, captured, Status.ENHANCED, None, "", 0, 0, None)

    with pytest.raises(UsageError, match=r"frame 4 is 16-bit grey, and a video such as .*deep\.mkv holds 8 bits"):
        VideoSink(tmp_path / "deep.mkv", fps=25).write(frame(np.uint16))
    with pytest.raises(UsageError, match=r"frame 4 is 16-bit grey, and a video such as .*deep\.mp4 holds 8 bits"):
        open_sink(tmp_path / "deep.mp4", fps=25).write(frame(np.uint16))
    assert not (tmp_path / "deep.mkv").exists()
    assert not (tmp_path / "deep.mp4").exists()
    shallow = frame(np.uint8)
    with open_sink(tmp_path / "p.mkv", fps=25) as sink:  # type: ignore[attr-defined]
        sink.write(shallow)
    read = open_source(tmp_path / "p.mkv").read()
    assert read is not None
    assert all(np.array_equal(read.image[..., channel], shallow.image) for channel in range(3))


def decoded(path: Path, pixel_format: str) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=pixel_format) for frame in container.decode(video=0)]


def times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [round(float(frame.time), 3) for frame in container.decode(video=0)]


@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=8, max_side=40).map(lambda side: (*side, 3)))
    | hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, min_side=8, max_side=40))
    | hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=8, max_side=40))
)
@settings(max_examples=40)
def test_ffv1_gives_every_value_back(tmp_path_factory: pytest.TempPathFactory, image: np.ndarray) -> None:
    path = tmp_path_factory.getbasetemp() / "exact.mkv"
    grey = image.ndim == 2
    original = Frame(image, "test", 0, 0, "", "grey" if grey else "RGB", 8 * image.dtype.itemsize)
    with AvVideoSink(path, 25) as sink:
        sink.write(EnhancedFrame(image, original, Status.ENHANCED, None, "", 0, 0, None))
        sink.write(EnhancedFrame(255 - image, original, Status.ENHANCED, None, "", 0, 0, None))
    [first, second] = decoded(path, ("gray" if image.dtype == np.uint8 else "gray16le") if grey else "rgb24")
    assert np.array_equal(first, image)
    assert np.array_equal(second, 255 - image)


@pytest.mark.parametrize(("suffix", "grid_ms"), [(".mp4", 1), (".mov", 1), (".mkv", 1)])
def test_live_frames_are_shown_when_they_were_taken(tmp_path: Path, suffix: str, grid_ms: int) -> None:
    path = tmp_path / f"times{suffix}"
    taken_ms = [0, 33, 67, 400, 433, 433, 5000]
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    with open_sink(path, fps=30, live=True) as sink:  # type: ignore[attr-defined]
        for sequence, at in enumerate(taken_ms):
            frame = Frame(image, "camera:0", sequence, 10**15 + at * 1_000_000)
            sink.write(EnhancedFrame(image, frame, Status.ENHANCED, None, "", 0, 0, None))
    shown = times(path)
    assert len(shown) == len(taken_ms)
    assert [round(at * 1000) for at in shown] == pytest.approx(taken_ms, abs=grid_ms)


def test_recorded_frames_are_shown_at_their_rate_and_a_gap_leaves_its_time(
    tmp_path: Path, make_frame: MakeFrame
) -> None:
    with open_sink(tmp_path / "rate.mp4", fps=25) as sink:  # type: ignore[attr-defined]
        for sequence in (10, 11, 14, 3):
            sink.write(make_frame(sequence))
    assert times(tmp_path / "rate.mp4")[:3] == [0.0, 0.04, 0.16]
    assert len(times(tmp_path / "rate.mp4")) == 4


def test_a_lossy_video_keeps_the_colours_and_says_what_they_are(tmp_path: Path) -> None:
    for suffix in (".mp4", ".avi"):
        for colour in ((200, 30, 30), (30, 200, 30), (30, 30, 200), (0, 0, 0), (255, 255, 255)):
            image = np.full((64, 96, 3), colour, np.uint8)
            path = tmp_path / f"colour{suffix}"
            with open_sink(path, fps=25) as sink:  # type: ignore[attr-defined]
                sink.write(EnhancedFrame(image, Frame(image, "x", 0, 0), Status.ENHANCED, None, "", 0, 0, None))
            read = open_source(path).read()
            assert read is not None
            assert np.abs(read.image.astype(int) - image).max() <= 6, (suffix, colour, read.image[32, 48])
    with av.open(str(tmp_path / "colour.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.colorspace, context.color_range) == ("h264", 1, 1)


def test_without_pyav_opencv_writes_and_an_event_says_so(
    tmp_path: Path, make_frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeenh.sinks.video.find_spec", lambda _: None)
    sink = open_sink(tmp_path / "out.mp4", live=True)
    [notice] = sink.take_notices()  # type: ignore[attr-defined]
    assert notice.kind == "video_by_opencv"
    assert "at 25 fps whatever the times" in notice.detail
    assert "pip install 'edgeenh[video]'" in notice.detail
    sink.write(make_frame(0))
    sink.close()
    assert open_source(tmp_path / "out.mp4").length == 1
