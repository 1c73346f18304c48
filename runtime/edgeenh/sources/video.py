"""Frames from a video file, decoded by FFmpeg inside OpenCV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from edgeenh.errors import SourceError
from edgeenh.frames import Frame
from edgeenh.sources.base import BaseSource, Notice
from edgeenh.sources.colour import to_rgb
from edgeenh.sources.containers import Container, read_container

if TYPE_CHECKING:
    import numpy as np
    from cv2.typing import MatLike
    from numpy.typing import NDArray

    from edgeenh.stream.clock import Clock


class VideoSource(BaseSource):
    """The frames of one video file, in order.

    A file that was cut gives the frames that are there; the others are counted in `lost_upstream["truncated"]` and
    named in a notice.

    Args:
        path: The file.
        clock: What stamps the frames.
        loop: Begin again at the end, for ever; numbers go on.

    Raises:
        SourceError: The file is missing, unreadable, not a video, or holds no frame.
    """

    def __init__(self, path: Path, clock: Clock, *, loop: bool = False) -> None:
        super().__init__(str(path), clock)
        self._path, self._loop = path, loop
        self._container = _inspect(path)
        self._capture = _open(path, self._container)
        width, height = (int(self._capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.size = (width, height) if width > 0 and height > 0 else None
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps < 1000 else None
        declared = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._declared = declared if declared > 0 else None
        self.length = None if loop else self._declared
        self._bgr: MatLike | None = None
        self._decoded = 0  # since the file was last begun
        self._compared = False

    def read(self) -> Frame | None:
        """The next frame: uint8 [H,W,3] RGB in memory of its own; None at the end of what can be decoded."""
        if self._interrupted.is_set():
            return None
        image = self._decode()
        if image is None:
            self._compare()
            if not self._loop:
                return None
            self._begin_again()
            image = self._decode()
            if image is None:
                return None
        return self._frame(image, self._clock.now_ns())

    def close(self) -> None:
        """See `Source.close`."""
        self._capture.release()

    def _decode(self) -> NDArray[np.uint8] | None:
        found, bgr = self._capture.read(self._bgr)
        if not found:
            return None
        self._bgr = bgr  # decoded into again next time; what goes out is converted into memory of its own
        self._decoded += 1
        return to_rgb(bgr)

    def _begin_again(self) -> None:
        self._capture.release()
        self._capture = _open(self._path, self._container)
        self._decoded = 0

    def _compare(self) -> None:
        """At the end, compare what came with what the file declares; once."""
        if self._compared:
            return
        self._compared = True
        declared = self._declared
        if not self._decoded:
            remedy = "get it again from its source, or save it as MP4 (H.264)"
            raise SourceError(f"{self._path} holds no frame that can be decoded: {remedy}")
        missing = (declared or 0) - self._decoded
        if self._container.cut:
            self.lost_upstream["truncated"] += max(missing, 1)
            expected = f"{declared} frames" if declared else "more"
            found = f"{self._path} is cut short: {self._decoded} frames came, it declares {expected}"
            detail = f"{found}; get the file again from its source"
            self.notices.append(Notice("truncated", detail))
        elif missing > 0 and self._container.exact:
            found = f"{self._path} declares {declared} frames, {self._decoded} came"
            detail = f"{found}: the others are outside its edit list or cannot be decoded"
            self.notices.append(Notice("fewer_frames", detail))


def _inspect(path: Path) -> Container:
    try:
        return read_container(path)
    except FileNotFoundError as exc:
        expected = "a video, a picture, a folder of pictures, camera:0 or synthetic:1280x720@30"
        raise SourceError(f"{path} does not exist: give {expected}") from exc
    except OSError as exc:
        raise SourceError(f"{path} cannot be read ({exc.strerror or exc}): give a file that you may read") from exc


def _open(path: Path, container: Container) -> cv2.VideoCapture:
    if container.bytes == 0:
        raise SourceError(f"{path} is empty, expected a video: get it again from its source")
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    if capture.isOpened():
        return capture
    if container.cut:
        raise SourceError(f"{path} is cut short and its index is missing: get the file again from its source")
    expected = "expected e.g. MP4, MKV, AVI, WebM, PNG or JPEG"
    raise SourceError(f"{path} cannot be opened as a video or a picture, {expected}: convert it first")
