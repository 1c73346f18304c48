"""Frames from a camera, by index or device file."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from edgeenh.errors import SourceError
from edgeenh.frames import Frame
from edgeenh.sources.base import BaseSource
from edgeenh.sources.colour import to_rgb

if TYPE_CHECKING:
    from edgeenh.stream.clock import Clock

OpenCapture = Callable[[int, int], cv2.VideoCapture]


class CameraSource(BaseSource):
    """A camera through OpenCV (Video4Linux on Linux).

    OpenCV hides the device's own sequence, so numbers are counted here from 0.

    Args:
        index: The camera's number: 0 is /dev/video0.
        clock: What stamps the frames, at the moment the driver hands one over and before it is decoded.
        open_capture: Opens the device; another one in tests.

    Raises:
        SourceError: There is no such camera, it is in use, or it may not be opened.
    """

    def __init__(self, index: int, clock: Clock, *, open_capture: OpenCapture = cv2.VideoCapture) -> None:
        super().__init__(f"camera:{index}", clock)
        self.live = True
        self._capture = open_capture(index, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(_cannot_open(index))
        width, height = (int(self._capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.size = (width, height) if width > 0 and height > 0 else None
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps < 1000 else None

    def read(self) -> Frame | None:
        """The next frame: uint8 [H,W,3] RGB in memory of its own; None only after `interrupt`.

        Raises:
            SourceError: The camera gives no more frames.
        """
        if self._interrupted.is_set():
            return None
        grabbed = self._capture.grab()
        captured_ns = self._clock.now_ns()
        found, image = self._capture.retrieve() if grabbed else (False, None)
        if self._interrupted.is_set():
            return None
        if not found or image is None:
            raise SourceError(
                f"{self.id} gives no more frames after {self._sequence}: check its cable, then start again"
            )
        return self._frame(to_rgb(image), captured_ns)

    def close(self) -> None:
        """See `Source.close`."""
        self._capture.release()


def camera_index(spec: str) -> int | None:
    """The number in `camera:N` or `/dev/videoN`; None when `spec` is neither."""
    match = re.fullmatch(r"(?:camera:|/dev/video)([0-9]{1,3})", spec)
    return int(match[1]) if match else None


def _cannot_open(index: int) -> str:
    device = Path(f"/dev/video{index}")
    present = sorted(Path("/dev").glob("video[0-9]*"))
    there = ", ".join(f"camera:{path.name.removeprefix('video')}" for path in present) or "none"
    if sys.platform == "linux" and not device.exists():
        return f"camera:{index} is not there; cameras on this machine: {there}. Plug it in, or name another source"
    reason = "another program uses it, or you may not (then: sudo usermod -aG video $USER, and log in again)"
    return f"camera:{index} cannot be opened: {reason}"
