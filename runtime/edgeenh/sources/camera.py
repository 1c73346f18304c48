"""Frames from a camera, by index or device file: through the kernel's Video4Linux, or through OpenCV where asked."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from edgeenh.errors import SourceError, UsageError
from edgeenh.frames import Frame
from edgeenh.pixels import RGB
from edgeenh.sources.base import BaseSource, Source
from edgeenh.sources.colour import to_rgb
from edgeenh.sources.grammar import rate_of, size_of, split_options
from edgeenh.sources.recovery import RecoveringSource

if TYPE_CHECKING:
    from edgeenh.sources.v4l2 import V4l2Device
    from edgeenh.stream.clock import Clock

OpenCapture = Callable[[int, int], cv2.VideoCapture]

OPTIONS = {"format": "mjpeg", "size": "1280x720", "fps": "30", "api": "opencv"}


class CameraSource(BaseSource):
    """A camera through OpenCV, for other systems than Linux and for cameras that `V4l2Device` does not manage.

    OpenCV hides the device's own sequence, so numbers are counted here from 0; and a lost camera ends the source.

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


def camera_path(spec: str) -> Path | None:
    """The device file of `camera:N`, `/dev/videoN` or `/dev/v4l/by-id/…`; None when `spec` is none of them."""
    if spec.startswith("/dev/v4l/"):
        return Path(spec)
    match = re.fullmatch(r"(?:camera:|/dev/video)([0-9]{1,3})", spec)
    return Path(f"/dev/video{int(match[1])}") if match else None


def open_camera(spec: str, clock: Clock, photometric: str, bits: int | None) -> Source:
    """Open `camera:N`, `/dev/videoN` or `/dev/v4l/by-id/…`, with options as in `OPTIONS`.

    Raises:
        UsageError: `spec` is not of this form, or OpenCV is asked for grey.
        SourceError: There is no such camera, it is in use, or it refuses a setting.
    """
    body, options = split_options(spec, OPTIONS)
    path, api = camera_path(body), options.get("api", "v4l2" if sys.platform == "linux" else "opencv")
    if path is None:
        raise UsageError(f"{spec!r} is not a camera, expected camera:NUMBER, e.g. camera:0")
    if api not in ("v4l2", "opencv") or (api == "opencv" and len(options) > ("api" in options)):
        raise UsageError(f"{spec!r}: expected api=v4l2, or api=opencv without other options")
    if api == "v4l2":
        return _open_v4l2(body, path, options, clock, photometric, bits)
    if photometric != RGB.photometric:
        raise UsageError(f"{spec} gives frames in colour and the model takes grey pictures: leave out api=opencv")
    return CameraSource(int(path.name.removeprefix("video")), clock)


def _open_v4l2(
    body: str, path: Path, options: dict[str, str], clock: Clock, photometric: str, bits: int | None
) -> Source:
    from edgeenh.sources.v4l2 import CameraSettings, System, V4l2Device, find_again
    from edgeenh.sources.v4l2_formats import FORMATS
    from edgeenh.sources.v4l2_identity import cameras

    words = [entry.word for entry in FORMATS.values()]
    if options.get("format", words[0]) not in words:
        raise UsageError(f"{body}: there is no format {options['format']!r}, expected one of {', '.join(words)}")
    size = size_of(body, options["size"]) if "size" in options else None
    fps = rate_of(body, options["fps"]) if "fps" in options else None
    settings = CameraSettings(photometric, options.get("format", ""), size, fps, bits)
    system = System()
    if not path.exists():
        raise SourceError(_not_there(body, cameras()))

    def open_device(serial: str | None) -> V4l2Device:
        where = path if serial is None else find_again(path, serial, system, cameras())
        return V4l2Device(where, settings, clock, system)

    return RecoveringSource(body, open_device, clock)


def _not_there(name: str, present: list[Path]) -> str:
    there = ", ".join(f"camera:{path.name.removeprefix('video')}" for path in present) or "none"
    return f"{name} is not there; cameras on this machine: {there}. Plug it in, or name another source"


def _cannot_open(index: int) -> str:
    from edgeenh.sources.v4l2_identity import cameras

    if sys.platform == "linux" and not Path(f"/dev/video{index}").exists():
        return _not_there(f"camera:{index}", cameras())
    reason = "another program uses it, or you may not (then: sudo usermod -aG video $USER, and log in again)"
    return f"camera:{index} cannot be opened: {reason}"
