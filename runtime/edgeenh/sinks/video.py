"""A video file: through PyAV with the extra `video`, otherwise through OpenCV, which then is told."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path

from edgeenh.errors import EdgeenhError, OutputFailed, UsageError
from edgeenh.files import make_folder, replacing
from edgeenh.frames import EnhancedFrame
from edgeenh.notices import Notice
from edgeenh.sinks.base import BaseSink

RESERVE = 32 << 20
"""Bytes left free on the disk, so that the index of the video can still be written when space runs out."""


def open_video(path: Path, fps: float, *, live: bool = False) -> VideoFile:
    """The video sink that this installation has.

    Args:
        path: Where to; the suffix chooses the codec.
        fps: Frames per second, where frames have no times of their own.
        live: Frames have times of their own.

    Raises:
        UsageError, OutputFailed: As `VideoFile`.
    """
    if find_spec("av") is not None:
        from edgeenh.sinks.video_av import AvVideoSink

        return AvVideoSink(path, fps, live=live)
    from edgeenh.sinks.video_opencv import VideoSink

    sink = VideoSink(path, fps)
    times = f", at {fps:g} fps whatever the times of the frames" if live else ""
    detail = f"{path} is written by OpenCV ({sink.codec}{times}): pip install 'edgeenh[video]' for H.264 and real times"
    sink.notices.append(Notice("video_by_opencv", detail))
    return sink


class VideoFile(BaseSink):
    """Writes a video beside its final name and renames it in `close`; the size comes from the first frame.

    The free space is watched, so that the index can still be written; and the finished file is opened again and its
    frames are counted before it takes its name.

    Args:
        path: Where to.
        codecs: What is known, by suffix.

    Raises:
        UsageError: The suffix is not known, or the place cannot be written to.
        OutputFailed: The disk is full.
    """

    def __init__(self, path: Path, codecs: dict[str, str]) -> None:
        super().__init__(str(path))
        if path.suffix.lower() not in codecs:
            raise UsageError(
                f"{path} has the suffix {path.suffix!r}, expected {', '.join(codecs)} or a folder: choose another --out"
            )
        if path.is_dir():
            raise UsageError(f"{path} is a folder, expected the name of a video: choose another --out")
        make_folder(path.parent)
        self._path, self.codec = path, codecs[path.suffix.lower()]
        self._replacement = ExitStack()  # holds `replacing(path)` from the first frame to the last
        self._temporary: Path | None = None
        self._size: tuple[int, int] | None = None
        self._written = 0

    def write(self, frame: EnhancedFrame) -> None:
        """Append the frame's picture; see `Sink.write`."""
        height, width = frame.image.shape[:2]
        self._check(frame)
        if self._size is None:
            self._check_space()
            self._begin(frame)
        elif (width, height) != self._size:
            was, found = "{}×{}".format(*self._size), f"frame {frame.original.sequence} is {width}×{height}"
            raise OutputFailed(f"{found}, the video {self._path} is {was}: use --out FOLDER")
        else:
            self._check_space()
        self._append(frame)
        self._written += 1

    def close(self) -> None:
        """Finish the file, prove that it holds every frame, and give it its name; makes nothing without a frame."""
        temporary, self._temporary = self._temporary, None
        if temporary is None:
            return
        with self._replacement.pop_all():
            self._finish()
            self._prove(temporary)

    def abort(self) -> None:
        """Keep the frames that were written, if they make a video that can be read."""
        with suppress(EdgeenhError):
            self.close()

    def _begin(self, frame: EnhancedFrame) -> None:
        height, width = frame.image.shape[:2]
        temporary = self._replacement.enter_context(replacing(self._path))
        try:
            self._open(temporary, frame)
        except EdgeenhError:
            with suppress(EdgeenhError), self._replacement.pop_all():
                raise  # the temporary file goes
            raise
        self._size, self._temporary = (width, height), temporary

    def _check_space(self) -> None:
        stat = os.statvfs(self._path.parent)
        if stat.f_bavail * stat.f_frsize < RESERVE:
            free = f"less than {RESERVE >> 20} MiB left to write {self._path}"
            raise OutputFailed(
                f"{free} after {self._written} frames: free some space there, or choose another place with --out"
            )

    def _prove(self, temporary: Path) -> None:
        """Open the finished file and compare its number of frames with what was written."""
        found = self._count(temporary)
        if found < max(1, self._written):
            problem = f"{self._path} could not be finished: {found} of {self._written} frames are in the file"
            raise OutputFailed(f"{problem}; the disk or a limit on file sizes is full: choose another place with --out")

    def _check(self, frame: EnhancedFrame) -> None:
        """Refuse a frame that no video of this kind can hold."""
        raise NotImplementedError

    def _open(self, temporary: Path, frame: EnhancedFrame) -> None:
        """Open the encoder for frames like this one."""
        raise NotImplementedError

    def _append(self, frame: EnhancedFrame) -> None:
        """Encode one frame."""
        raise NotImplementedError

    def _finish(self) -> None:
        """Write what is left and the index."""
        raise NotImplementedError

    def _count(self, temporary: Path) -> int:
        """Frames in the finished file; 0 when it cannot be read."""
        raise NotImplementedError


def refuse_deep(frame: EnhancedFrame, path: Path) -> None:
    """Raise `UsageError` for values of more than 8 bits."""
    if frame.image.dtype != "uint8":
        found = f"frame {frame.original.sequence} is {frame.original.bits}-bit {frame.original.photometric}"
        raise UsageError(
            f"{found}, and a video such as {path} holds 8 bits: use --out FOLDER, or .mkv with the extra video"
        )


def refuse_odd(frame: EnhancedFrame) -> None:
    """Raise `UsageError` for a width or height that is odd: encoders that halve the colours cannot hold it."""
    height, width = frame.image.shape[:2]
    if width % 2 or height % 2:
        raise UsageError(f"a video cannot hold frames of an odd size, found {width}×{height}: use --out FOLDER")
