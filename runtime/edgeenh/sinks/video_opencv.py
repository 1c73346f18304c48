"""A video file, encoded by FFmpeg inside OpenCV: what the base install can do."""

from __future__ import annotations

from pathlib import Path

import cv2

from edgeenh.errors import OutputFailed
from edgeenh.frames import EnhancedFrame
from edgeenh.pixels import GREY
from edgeenh.sinks.video import VideoFile, refuse_deep, refuse_odd

CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "FFV1"}
"""Codec by suffix. MKV with FFV1 is lossless: it gives back every pixel as it was enhanced."""


class VideoSink(VideoFile):
    """As `VideoFile`; frames have one rate, whatever their times.

    OpenCV reports no error while it writes, so what is proven in `close` is all that is known.

    Args:
        path: Where to; the suffix chooses the codec (see `CODECS`).
        fps: Frames per second in the file, above 0.

    Raises:
        UsageError, OutputFailed: As `VideoFile`.
    """

    def __init__(self, path: Path, fps: float) -> None:
        super().__init__(path, CODECS)
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None

    def _check(self, frame: EnhancedFrame) -> None:
        refuse_deep(frame, self._path)
        refuse_odd(frame)  # OpenCV would cut the last column or row off without a word

    def _open(self, temporary: Path, frame: EnhancedFrame) -> None:
        height, width = frame.image.shape[:2]
        codec = cv2.VideoWriter.fourcc(*self.codec)
        writer = cv2.VideoWriter(str(temporary.absolute()), cv2.CAP_FFMPEG, codec, self._fps, (width, height))
        if not writer.isOpened():
            what = f"a video of {width}×{height} at {self._fps:g} fps"
            raise OutputFailed(f"{self._path} cannot be written as {what}: use --out FOLDER")
        self._writer = writer

    def _append(self, frame: EnhancedFrame) -> None:
        grey = frame.original.photometric == GREY.photometric
        if self._writer is not None:
            self._writer.write(cv2.cvtColor(frame.image, cv2.COLOR_GRAY2BGR if grey else cv2.COLOR_RGB2BGR))

    def _finish(self) -> None:
        if self._writer is not None:
            self._writer.release()

    def _count(self, temporary: Path) -> int:
        capture = cv2.VideoCapture(str(temporary.absolute()), cv2.CAP_FFMPEG)
        found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        return found
