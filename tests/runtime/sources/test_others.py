from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeenh.errors import SourceError, UsageError
from edgeenh.sources import Notice, open_source
from edgeenh.sources.camera import CameraSource, camera_path
from edgeenh.sources.frames import FramesSource
from edgeenh.sources.pace import PacedSource
from edgeenh.sources.synthetic import STEP, pattern
from edgeenh.stream import ManualClock


def test_synthetic_frames_move_and_repeat_exactly(clock: ManualClock) -> None:
    runs = []
    for _ in range(2):
        source = open_source("synthetic:64x48@30", clock=clock)
        runs.append([source.read(), source.read()])
    (first, second), (again, _) = runs
    assert first is not None
    assert second is not None
    assert again is not None
    assert (first.image == again.image).all()
    assert (np.roll(first.image, -STEP, axis=1) == second.image).all()
    assert first.image.std() > 10
    assert first.image.flags.c_contiguous


def test_the_pattern_fits_its_range() -> None:
    assert pattern(8192, 16).shape == (16, 8192, 3)
    assert pattern(1280, 720).max() < 255


@pytest.mark.parametrize(
    "spec", ["synthetic:", "synthetic:64x48", "synthetic:15x48@30", "synthetic:9000x48@30", "synthetic:64x48@0"]
)
def test_a_bad_synthetic_source_says_what_was_expected(spec: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        open_source(spec)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "dvb://7",
            "is of no known kind, expected camera:0, gige:SERIAL, rtsp://HOST/PATH, watch:FOLDER, dicom-listen:PORT, -,",
        ),
    ],
)
def test_a_kind_that_is_not_read_names_those_that_are(spec: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        open_source(spec)


@given(st.text(max_size=12))
def test_only_a_camera_is_a_camera(rest: str) -> None:
    path = camera_path(f"camera:{rest}")
    assert path == (Path(f"/dev/video{int(rest)}") if re.fullmatch(r"[0-9]{1,3}", rest) else None)


def test_a_camera_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(SourceError, match=r"/dev/video999 is not there; cameras on this machine: "):
        open_source("/dev/video999")
    with pytest.raises(UsageError, match="expected camera:NUMBER"):
        open_source("camera:front")


class _Device:
    """What `CameraSource` needs of a `cv2.VideoCapture`; gives `frames` red pictures."""

    def __init__(self, frames: int, clock: ManualClock) -> None:
        self.frames, self.clock, self.released = frames, clock, False

    def isOpened(self) -> bool:  # noqa: N802 (OpenCV's name)
        return True

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 8.0, cv2.CAP_PROP_FRAME_HEIGHT: 6.0, cv2.CAP_PROP_FPS: 30.0}[what]

    def grab(self) -> bool:
        self.frames -= 1
        return self.frames >= 0

    def retrieve(self) -> tuple[bool, Any]:
        self.clock.advance(5)  # decoding takes time
        return True, np.full((6, 8, 3), (0, 0, 255), np.uint8)

    def release(self) -> None:
        self.released = True


def test_a_camera_stamps_at_the_grab_and_tells_its_end(clock: ManualClock) -> None:
    device = _Device(1, clock)
    source = CameraSource(3, clock, open_capture=lambda _index, _api: device)  # type: ignore[arg-type,return-value]
    frame = source.read()
    assert frame is not None
    assert (frame.source, frame.captured_ns, source.live, source.size) == ("camera:3", 1_000, True, (8, 6))
    assert tuple(frame.image[0, 0]) == (255, 0, 0)
    with pytest.raises(SourceError, match=r"camera:3 gives no more frames after 1: check its cable"):
        source.read()
    source.close()
    assert device.released


def test_arrays_become_frames(clock: ManualClock, image: NDArray[np.uint8]) -> None:
    source = open_source([image, image[:, ::-1]], clock=clock)
    first, second = source.read(), source.read()
    assert first is not None
    assert second is not None
    assert first.image is image  # not copied
    assert second.image.flags.c_contiguous
    assert (source.read(), source.length) == (None, 2)


def test_an_iterable_that_fails_is_translated(clock: ManualClock) -> None:
    source = FramesSource((1 // 0 for _ in range(1)), clock)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="ZeroDivisionError"):
        source.read()
    with pytest.raises(SourceError, match="gave str as frame 0, expected an array"):
        FramesSource(["x"], clock).read()  # type: ignore[list-item]
    with pytest.raises(UsageError, match="int is not a source"):
        open_source(3)  # type: ignore[arg-type]


def test_a_paced_source_shows_each_frame_at_its_moment(image: NDArray[np.uint8]) -> None:
    clock = ManualClock(500, jump=True)
    source = PacedSource(FramesSource([image] * 4, clock, fps=100.0), clock)
    stamps = []
    while (frame := source.read()) is not None:
        stamps.append(frame.captured_ns)
        if frame.sequence == 1:
            clock.advance(15)  # the reader is late for the third
    assert stamps == [500, 10_000_500, 25_000_500, 30_000_500]


def test_pacing_needs_a_rate_and_can_be_interrupted(clock: ManualClock, image: NDArray[np.uint8]) -> None:
    with pytest.raises(UsageError, match="has no frame rate"):
        open_source([image], clock=clock, pace=True)
    source = PacedSource(FramesSource([image] * 2, clock, fps=1.0), clock)
    assert source.read() is not None
    source.interrupt()
    assert source.read() is None
    source.notices.append(Notice("kind", "detail"))
    assert source.lost_upstream == {}
