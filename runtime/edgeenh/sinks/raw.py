"""Raw frames on stdout, for GStreamer, FFmpeg, or any program that reads bytes."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import numpy as np

from edgeenh.errors import OutputFailed, ReaderGone, UsageError
from edgeenh.frames import EnhancedFrame
from edgeenh.sinks.base import BaseSink

FORMATS = ("rgb24", "gray8", "gray16le")
"""The same words as `--raw` of the source; FFmpeg calls gray8 `gray`."""

_BITS = {"gray8": 8, "gray16le": 16}


class RawSink(BaseSink):
    """Writes the bytes of each picture, row after row, without anything between; waits for the reader.

    The first frame decides the size, and the format unless one is given; both are told on stderr in one line. The stream
    of bytes has no place for PASSTHROUGH: that is told by events, and by the report.

    Args:
        fd: An open file descriptor; not closed.
        fps: Told on stderr; None = unknown.
        pixel_format: One of `FORMATS`; None = as the first frame. Grey of 8 bits is taken as gray16le (times 257 is not
            done: the values stay); colour is never turned into grey.
        remarks: Where the line goes; None = stderr.

    Raises:
        UsageError: The format is not known, or the descriptor is a terminal.
    """

    def __init__(
        self, fd: int, fps: float | None = None, pixel_format: str | None = None, *, remarks: TextIO | None = None
    ) -> None:
        super().__init__("stdout")
        if pixel_format is not None and pixel_format not in FORMATS:
            raise UsageError(f"raw frames of {pixel_format!r} are not written, expected {', '.join(FORMATS)}")
        if os.isatty(fd):
            raise UsageError("raw frames are not for a terminal: pipe them, e.g. edgeenh run … --out - | ffplay …")
        self._fd, self._fps, self._format, self._remarks = fd, fps, pixel_format, remarks
        self._size: tuple[int, int] | None = None
        self._written = 0

    def write(self, frame: EnhancedFrame) -> None:
        """Write the picture.

        Raises:
            ReaderGone: The other end of the pipe is closed.
            OutputFailed: It could not be written, or the size changed.
            UsageError: The picture is not of the format.
        """
        picture = self._converted(frame)
        size = (picture.shape[1], picture.shape[0])
        if self._size is None:
            self._size = size
            self._describe()
        if size != self._size:
            was, found = "{}×{}".format(*self._size), "{}×{}".format(*size)
            raise OutputFailed(
                f"frame {frame.original.sequence} is {found}, raw frames before were {was}: use --out FOLDER"
            )
        data = np.ascontiguousarray(picture).data.cast("B")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except BrokenPipeError as exc:
            raise ReaderGone(f"the reader of stdout went away after {self._written} frames") from exc
        except OSError as exc:
            raise OutputFailed(f"raw frames could not be written to stdout: {exc.strerror}") from exc
        self._written += 1

    def _converted(self, frame: EnhancedFrame) -> np.ndarray:
        """The picture in the format, which the first frame chooses where nobody did."""
        image = frame.image
        own = (
            "rgb24"
            if image.ndim == 3 and image.shape[2] == 3
            else f"gray{8 * image.dtype.itemsize}".replace("16", "16le")
        )
        self._format = self._format or own
        if own == self._format:
            return image
        if own == "gray8" and self._format == "gray16le":
            return image.astype("<u2")
        found = f"frame {frame.original.sequence} is {own}, expected {self._format}"
        raise UsageError(f"{found}: nothing is converted that would lose values; use --out -?format={own}")

    def _describe(self) -> None:
        width, height = self._size or (0, 0)
        rate = f" at {self._fps:g} fps" if self._fps else ""
        name = {"gray8": "gray"}.get(self._format or "", self._format)
        reader = f"-f rawvideo -pix_fmt {name} -video_size {width}x{height}"
        reader += f" -framerate {self._fps:g}" if self._fps else ""
        line = f"edgeenh: raw frames on stdout: {width}x{height} {self._format}{rate}; for ffmpeg: {reader} -i -\n"
        remarks = self._remarks or sys.stderr
        remarks.write(line)
        remarks.flush()
