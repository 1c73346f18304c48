"""A video file, encoded by FFmpeg inside OpenCV."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from pathlib import Path

import cv2

from edgeenh.errors import EdgeenhError, OutputFailed, UsageError
from edgeenh.files import make_folder, replacing
from edgeenh.frames import EnhancedFrame
from edgeenh.pixels import GREY
from edgeenh.sinks.base import BaseSink

CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "FFV1"}
"""Codec by suffix. MKV with FFV1 is lossless: it gives back every pixel as it was enhanced."""

RESERVE = 32 << 20
"""Bytes left free on the disk, so that the index of the video can still be written when space runs out."""


class VideoSink(BaseSink):
    """Writes a video beside its final name and renames it in `close`; size comes from the first frame.

    OpenCV reports no error while it writes. So the free space is watched, and the finished file is opened again and
    its frames are counted before it takes its name.

    Args:
        path: Where to; the suffix chooses the codec (see `CODECS`).
        fps: Frames per second in the file, above 0.

    Raises:
        UsageError: The suffix is not one of `CODECS`, or the place cannot be written to.
        OutputFailed: The disk is full.
    """

    def __init__(self, path: Path, fps: float) -> None:
        super().__init__(str(path))
        if path.suffix.lower() not in CODECS:
            raise UsageError(
                f"{path} has the suffix {path.suffix!r}, expected {', '.join(CODECS)} or a folder: choose another --out"
            )
        if path.is_dir():
            raise UsageError(f"{path} is a folder, expected the name of a video: choose another --out")
        make_folder(path.parent)
        self._path, self._fps = path, fps
        self._writer: cv2.VideoWriter | None = None
        self._replacement = ExitStack()  # holds `replacing(path)` from the first frame to the last
        self._temporary: Path | None = None
        self._size: tuple[int, int] | None = None
        self._written = 0

    def write(self, frame: EnhancedFrame) -> None:
        """Append the frame's picture; see `Sink.write`."""
        _refuse_deep(frame, self._path)
        height, width = frame.image.shape[:2]
        if self._writer is None:
            self._check_space()
            self._open(width, height)
        if (width, height) != self._size:
            was = "{}×{}".format(*self._size or (0, 0))
            found = f"frame {frame.original.sequence} is {width}×{height}"
            raise OutputFailed(f"{found}, the video {self._path} is {was}: use --out FOLDER")
        self._check_space()
        if self._writer is not None:
            grey = frame.original.photometric == GREY.photometric
            self._writer.write(cv2.cvtColor(frame.image, cv2.COLOR_GRAY2BGR if grey else cv2.COLOR_RGB2BGR))
        self._written += 1

    def close(self) -> None:
        """Finish the file, prove that it holds every frame, and give it its name; makes nothing without a frame."""
        writer, self._writer = self._writer, None
        if writer is None or self._temporary is None:
            return
        with self._replacement.pop_all():
            writer.release()
            self._prove(self._temporary)

    def abort(self) -> None:
        """Keep the frames that were written, if they make a video that can be read."""
        with suppress(EdgeenhError):
            self.close()

    def _open(self, width: int, height: int) -> None:
        if width % 2 or height % 2:
            # OpenCV would cut the last column or row off without a word.
            raise UsageError(f"a video cannot hold frames of an odd size, found {width}×{height}: use --out FOLDER")
        self._temporary = self._replacement.enter_context(replacing(self._path))
        codec = cv2.VideoWriter.fourcc(*CODECS[self._path.suffix.lower()])
        self._writer = cv2.VideoWriter(
            str(self._temporary.absolute()), cv2.CAP_FFMPEG, codec, self._fps, (width, height)
        )
        self._size = (width, height)
        if not self._writer.isOpened():
            self._writer = None
            with self._replacement.pop_all():
                what = f"a video of {width}×{height} at {self._fps:g} fps"
                raise OutputFailed(f"{self._path} cannot be written as {what}: use --out FOLDER")

    def _check_space(self) -> None:
        stat = os.statvfs(self._path.parent)
        if stat.f_bavail * stat.f_frsize < RESERVE:
            free = f"less than {RESERVE >> 20} MiB left to write {self._path}"
            raise OutputFailed(
                f"{free} after {self._written} frames: free some space there, or choose another place with --out"
            )

    def _prove(self, temporary: Path) -> None:
        """Open the finished file and compare its number of frames with what was written."""
        capture = cv2.VideoCapture(str(temporary.absolute()), cv2.CAP_FFMPEG)
        found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if found < max(1, self._written):
            problem = f"{self._path} could not be finished: {found} of {self._written} frames are in the file"
            raise OutputFailed(f"{problem}; the disk or a limit on file sizes is full: choose another place with --out")


def _refuse_deep(frame: EnhancedFrame, path: Path) -> None:
    if frame.image.dtype != "uint8":
        found = f"frame {frame.original.sequence} is {frame.original.bits}-bit {frame.original.photometric}"
        raise UsageError(f"{found}, and a video such as {path} holds 8 bits: use --out FOLDER")
