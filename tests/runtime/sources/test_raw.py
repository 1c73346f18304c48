from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeenh.errors import SourceError, UsageError
from edgeenh.sources import open_source
from edgeenh.sources.packed import PACKINGS
from edgeenh.sources.raw import RawSource
from edgeenh.stream import ManualClock

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # a test closed it


def _write(end: int, data: bytes) -> threading.Thread:
    """Write all of it in odd pieces, in a thread, and close the pipe."""

    def work() -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(end, view[:1237]) :]
        os.close(end)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("form", "photometric", "dtype", "shape", "bits"),
    [
        ("rgb24", "RGB", np.uint8, (60, 80, 3), 8),
        ("gray8", "grey", np.uint8, (60, 80), 8),
        ("gray16le", "grey", np.uint16, (60, 80), 16),
    ],
)
def test_frames_come_exactly_and_the_rest_is_reported(
    pipe: Pipe, clock: ManualClock, form: str, photometric: str, dtype: type, shape: tuple[int, ...], bits: int
) -> None:
    pictures = np.random.default_rng(0).integers(0, 1 << bits, (3, *shape), dtype)
    writer = _write(pipe[1], pictures.tobytes() + b"rest")
    source = RawSource(f"80x60:{form}@25", clock, photometric=photometric, descriptor=pipe[0])
    assert (source.size, source.fps, source.live, source.length) == ((80, 60), 25.0, False, None)
    for index in range(3):
        frame = source.read()
        assert frame is not None
        assert (frame.image == pictures[index]).all()
        assert (frame.image.dtype, frame.photometric, frame.bits, frame.sequence) == (dtype, photometric, bits, index)
    assert source.read() is None
    writer.join()
    source.close()
    assert source.lost_upstream == {"truncated": 1}
    assert source.notices[0].detail.startswith(f"stdin ended 4 bytes into frame 3, expected {pictures[0].nbytes}")


@pytest.mark.parametrize("form", sorted(PACKINGS))
@pytest.mark.parametrize("size", [(80, 60), (9, 7)])
def test_packed_frames_come_exactly(
    pipe: Pipe, clock: ManualClock, pack: Callable[[list[int], str], bytes], form: str, size: tuple[int, int]
) -> None:
    width, height = size
    bits = PACKINGS[form].bits
    pictures = np.random.default_rng(1).integers(0, 1 << bits, (3, height, width), np.uint16)
    writer = _write(pipe[1], b"".join(pack(picture.reshape(-1).tolist(), form) for picture in pictures))
    source = RawSource(f"{width}x{height}:{form}", clock, photometric="grey", descriptor=pipe[0])
    for picture in pictures:
        frame = source.read()
        assert frame is not None
        assert (frame.image == picture).all()
        assert (frame.image.dtype, frame.bits) == (np.uint16, bits)
    assert source.read() is None
    writer.join()
    assert (source.notices, source.lost_upstream) == ([], {})
    with pytest.raises(UsageError, match="gives grey frames and the model takes RGB ones"):
        RawSource(f"{width}x{height}:{form}", clock, descriptor=pipe[0])


def test_a_pipe_that_ends_between_frames_lost_nothing(pipe: Pipe, clock: ManualClock) -> None:
    _write(pipe[1], bytes(2 * 16 * 16)).join()
    source = RawSource("16x16:gray8", clock, photometric="grey", bits=8, descriptor=pipe[0])
    assert [source.read() is None for _ in range(3)] == [False, False, True]
    assert (source.fps, source.notices, source.lost_upstream) == (None, [], {})


@pytest.mark.parametrize("sent", [0, 5])
def test_a_pipe_without_one_whole_frame_is_bad_input(pipe: Pipe, clock: ManualClock, sent: int) -> None:
    _write(pipe[1], bytes(sent)).join()
    source = RawSource("16x16:rgb24", clock, descriptor=pipe[0])
    with pytest.raises(SourceError, match=f"stdin ended {sent} bytes into frame 0, expected 768: there is no frame"):
        source.read()
    assert source.lost_upstream == ({"truncated": 1} if sent else {})


def test_a_closed_stdin_is_told_and_nobody_elses_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)  # as Python has it then; the number 0 goes to the next file that is opened
    with pytest.raises(SourceError, match="stdin is closed"):
        open_source("-", raw="80x60:rgb24")


def test_an_interrupt_ends_the_wait_for_a_silent_pipe(pipe: Pipe, clock: ManualClock) -> None:
    source = RawSource("16x16:gray8", clock, photometric="grey", descriptor=pipe[0])
    os.write(pipe[1], b"half")
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(source.read()))
    thread.start()
    source.interrupt()
    thread.join(10)
    assert results == [None]
    assert not source.lost_upstream  # nobody knows what would have come
    source.close()
    source.close()
    source.interrupt()


@pytest.mark.parametrize(
    ("spec", "photometric", "expected"),
    [
        ("80x60", "RGB", "expected WIDTHxHEIGHT:FORMAT@FPS with one of rgb24, gray8, gray16le"),
        ("80x60:yuv420p", "RGB", "expected WIDTHxHEIGHT:FORMAT@FPS"),
        ("0x60:rgb24", "RGB", "has the size '0x60'"),
        ("80x60:rgb24@0", "RGB", "has the rate '0'"),
        ("80x60:gray8", "RGB", "gives grey frames and the model takes RGB ones"),
        ("80x60:rgb24", "grey", "gives RGB frames and the model takes grey ones"),
    ],
)
def test_a_bad_description_says_what_was_expected(spec: str, photometric: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        open_source("-", raw=spec, photometric=photometric)


def test_the_description_and_stdin_go_together() -> None:
    with pytest.raises(UsageError, match=r"say what they are, e\.g\. --raw 1280x720:rgb24@30"):
        open_source("-")
    with pytest.raises(UsageError, match="give - as source, or leave out --raw"):
        open_source("clip.mp4", raw="80x60:rgb24")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_what_ffmpeg_pipes_is_what_it_decodes(tmp_path: Path, clock: ManualClock) -> None:
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=96x64:rate=25", "-frames:v", "5"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    source = RawSource("96x64:rgb24@25", clock, descriptor=process.stdout.fileno())
    frames = [frame.image for frame in iter(source.read, None)]
    process.stdout.close()
    assert process.wait() == 0
    assert len(frames) == 5
    assert frames[0].std() > 50
