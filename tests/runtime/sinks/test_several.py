"""Raw frames on a pipe, and several sinks as one."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeenh.errors import OutputFailed, ReaderGone, UsageError
from edgeenh.frames import EnhancedFrame, Frame, Status
from edgeenh.sinks import BaseSink, open_sinks
from edgeenh.sinks.fan_out import FanOut
from edgeenh.sinks.raw import RawSink

MakeFrame = Callable[..., EnhancedFrame]


class Scripted(BaseSink):
    """Fails on command."""

    def __init__(self, name: str, script: str = "", *, durable: bool = False, keeps: bool = True) -> None:
        super().__init__(name)
        self.durable, self.keeps, self.script = durable, keeps, list(script)
        self.taken: list[int] = []
        self.ends: list[str] = []

    def write(self, frame: EnhancedFrame) -> None:
        if self.script and self.script.pop(0) == "x":
            raise OutputFailed(f"{self.id} is full")
        self.taken.append(frame.original.sequence)

    def close(self) -> None:
        self.ends.append("close")

    def abort(self) -> None:
        self.ends.append("abort")


def grey(dtype: type) -> EnhancedFrame:
    image = np.arange(12, dtype=dtype).reshape(3, 4) * 20
    frame = Frame(image, "x", 0, 0, "", "grey", 8 * image.dtype.itemsize)
    return EnhancedFrame(image, frame, Status.ENHANCED, None, "", 0, 0, None)


@pytest.mark.parametrize(
    ("frame", "chosen", "name", "expected"),
    [
        (grey(np.uint8), None, "gray8", grey(np.uint8).image.tobytes()),
        (grey(np.uint16), None, "gray16le", grey(np.uint16).image.astype("<u2").tobytes()),
        (grey(np.uint8), "gray16le", "gray16le", grey(np.uint8).image.astype("<u2").tobytes()),
    ],
)
def test_raw_frames_are_the_bytes_and_one_line_says_what_they_are(
    frame: EnhancedFrame, chosen: str | None, name: str, expected: bytes
) -> None:
    read, write = os.pipe()
    remarks = io.StringIO()
    sink = RawSink(write, 30, chosen, remarks=remarks)
    sink.write(frame)
    sink.write(frame)
    os.close(write)
    with os.fdopen(read, "rb") as reader:
        assert reader.read() == 2 * expected
    assert remarks.getvalue().startswith(
        f"edgeenh: raw frames on stdout: 4x3 {name} at 30 fps; for ffmpeg: -f rawvideo"
    )
    assert remarks.getvalue().count("\n") == 1


def test_raw_frames_of_another_kind_or_size_are_refused(make_frame: MakeFrame) -> None:
    with open(os.devnull, "wb") as null:  # noqa: PTH123
        with pytest.raises(UsageError, match="frame 0 is rgb24, expected gray8: nothing is converted"):
            RawSink(null.fileno(), None, "gray8", remarks=io.StringIO()).write(make_frame(0))
        with pytest.raises(UsageError, match="'yuv420p' are not written"):
            RawSink(null.fileno(), None, "yuv420p")
        sink = RawSink(null.fileno(), remarks=io.StringIO())
        sink.write(make_frame(0))
        with pytest.raises(OutputFailed, match="frame 1 is 64×64, raw frames before were 96×64"):
            sink.write(make_frame(1, size=(64, 64)))


def test_a_reader_that_goes_away_is_told(make_frame: MakeFrame) -> None:
    read, write = os.pipe()
    sink = RawSink(write, remarks=io.StringIO())
    os.close(read)
    with pytest.raises(ReaderGone, match="the reader of stdout went away after 0 frames"):
        sink.write(make_frame(0))
    os.close(write)


def kinds(sink: FanOut) -> list[str]:
    return [notice.kind for notice in sink.take_notices()]


def test_live_goes_on_without_a_sink_that_fails_and_comes_back_to_one_that_can(make_frame: MakeFrame) -> None:
    video, folder, preview = Scripted("v", "-x"), Scripted("f", "-xx", durable=True), Scripted("p", keeps=False)
    sink = FanOut([video, folder, preview], strict=False)
    for sequence in range(5):
        sink.write(make_frame(sequence))
    assert (video.taken, folder.taken, preview.taken) == ([0], [0, 3, 4], [0, 1, 2, 3, 4])
    assert kinds(sink) == ["sink_failed", "sink_failed", "sink_back"]
    assert video.ends == ["abort"]
    sink.close()
    assert (video.ends, folder.ends, preview.ends) == (["abort"], ["close"], ["close"])
    told = [(entry["id"], entry["written"], entry["missed"], bool(entry["failure"])) for entry in sink.to_json()]
    assert told == [("v", 1, 4, True), ("f", 3, 2, False), ("p", 5, 0, False)]


def test_live_fails_only_when_nobody_takes_a_frame(make_frame: MakeFrame) -> None:
    sink = FanOut([Scripted("a", "x"), Scripted("b", "-x")], strict=False)
    sink.write(make_frame(0))
    with pytest.raises(OutputFailed, match="b is full"):
        sink.write(make_frame(1))
    with pytest.raises(OutputFailed):
        sink.write(make_frame(2))


def test_a_contract_that_loses_nothing_fails_with_a_sink_that_keeps(make_frame: MakeFrame) -> None:
    folder, preview = Scripted("f", "-x", durable=True), Scripted("p", "x", keeps=False)
    sink = FanOut([folder, preview, second := Scripted("g")], strict=True)
    sink.write(make_frame(0))  # only the preview failed
    assert kinds(sink) == ["sink_failed"]
    with pytest.raises(OutputFailed, match="f is full"):
        sink.write(make_frame(1))
    assert second.taken == [0, 1]  # the others got it all the same
    assert sink.durable


def test_opening_one_that_cannot_be_closes_the_others(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"frames cannot be written to x\.xyz"):
        open_sinks([str(tmp_path / "a/"), "preview:0", "x.xyz"], strict=True)
    with pytest.raises(UsageError, match="more than once"):
        open_sinks([str(tmp_path / "a"), str(tmp_path / "a")], strict=True)
    assert open_sinks([], strict=True).id == "null"
    assert open_sinks([str(tmp_path / "a")], strict=True).id == str(tmp_path / "a")
