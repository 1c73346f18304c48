from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeenh.errors import OutputFailed, UsageError
from edgeenh.frames import EnhancedFrame, Frame, PassthroughReason, Status
from edgeenh.pictures import read_grey, read_picture
from edgeenh.sinks import open_sink
from edgeenh.sinks.folder import LIST

MakeFrame = Callable[..., EnhancedFrame]


def _list(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / LIST).read_text().splitlines()]


def test_a_folder_holds_every_frame_exactly_and_what_became_of_it(tmp_path: Path, make_frame: MakeFrame) -> None:
    frames = [make_frame(0, label="tooth.jpg"), make_frame(1, reason=PassthroughReason.BACKEND_ERROR)]
    with open_sink(tmp_path / "out") as sink:  # type: ignore[attr-defined]
        for frame in frames:
            sink.write(frame)
    first, second = _list(tmp_path / "out")
    assert (first["file"], first["label"], first["status"], first["reason"]) == (
        "000000_tooth.png", "tooth.jpg", "enhanced", None,
    )  # fmt: skip
    assert first["provenance"]["backend"] == "fake"
    assert (second["file"], second["status"], second["reason"]) == ("000001.png", "passthrough", "backend_error")
    assert (second["provenance"], second["detail"], second["age_ms"]) == (None, "it broke", 2.5)
    for entry, frame in zip((first, second), frames, strict=True):
        assert np.array_equal(read_picture(tmp_path / "out" / entry["file"]), frame.image)


def test_a_full_disk_keeps_whole_pictures_and_whole_lines(tmp_path: Path, make_frame: MakeFrame) -> None:
    sink = open_sink(tmp_path / "out/")
    sink.write(make_frame(0))
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, former[1]))
    try:
        with pytest.raises(OutputFailed, match=r"000001\.png could not be written|no space left"):
            sink.write(make_frame(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    sink.abort()
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == ["000000.png", LIST]
    assert len(_list(tmp_path / "out")) == 1


def test_a_line_that_does_not_fit_is_taken_back(tmp_path: Path, make_frame: MakeFrame) -> None:
    small = make_frame(0, size=(16, 16))
    sink = open_sink(tmp_path / "out/")
    sink.write(small)
    line = (tmp_path / "out" / LIST).stat().st_size
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (line * 5 // 2, former[1]))  # room for two lines and a half
    try:
        sink.write(small)
        with pytest.raises(OutputFailed):
            sink.write(small)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    sink.abort()
    assert (tmp_path / "out" / LIST).stat().st_size == 2 * line
    assert len(_list(tmp_path / "out")) == 2


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        open_sink(tmp_path / "file" / "out")


def test_null_takes_everything(make_frame: MakeFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for spec in ("null", None):
        sink = open_sink(spec)
        sink.write(make_frame())
        sink.close()
        sink.abort()
    assert not list(tmp_path.iterdir())


def test_a_callback_gets_every_frame_and_its_failure_is_translated(make_frame: MakeFrame) -> None:
    seen: list[EnhancedFrame] = []
    sink = open_sink(seen.append)
    frame = make_frame()
    sink.write(frame)
    assert seen == [frame]

    def fail(_frame: EnhancedFrame) -> None:
        raise ValueError("no room")

    with pytest.raises(OutputFailed, match="fail raised ValueError on frame 0: no room"):
        open_sink(fail).write(frame)
    assert open_sink(sink) is sink


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_folder_keeps_the_depth_of_grey(tmp_path: Path, dtype: type) -> None:
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (32, 48), dtype)
    bits = 8 * image.dtype.itemsize
    frame = Frame(image, "test", 0, 0, "tooth.tif", "grey", bits)
    with open_sink(tmp_path / "out") as sink:  # type: ignore[attr-defined]
        sink.write(EnhancedFrame(image, frame, Status.ENHANCED, None, "", 0, 0, None))
    [entry] = _list(tmp_path / "out")
    assert (entry["file"], entry["photometric"], entry["bits"]) == ("000000_tooth.png", "grey", bits)
    written = read_grey(tmp_path / "out" / entry["file"])
    assert written.dtype == dtype
    assert np.array_equal(written, image)
