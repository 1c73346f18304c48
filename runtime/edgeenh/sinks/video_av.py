"""A video file through PyAV: H.264, or lossless FFV1, with the time at which each frame was taken."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from edgeenh.errors import OutputFailed
from edgeenh.files import translate_write_error
from edgeenh.frames import EnhancedFrame
from edgeenh.pixels import GREY
from edgeenh.sinks.video import VideoFile, refuse_deep, refuse_odd

CODECS = {".mp4": "libx264", ".mov": "libx264", ".avi": "mjpeg", ".mkv": "ffv1"}
"""Codec by suffix. FFV1 gives back every value as it was enhanced: RGB, and grey of 8 and 16 bits, of any size."""

TICKS = 90_000
"""Of a second: the clock of MPEG. A Matroska file rounds to its own, milliseconds."""

_OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "18", "preset": "veryfast"},
    "ffv1": {"level": "3", "slicecrc": "1"},  # with check sums, so that damage is found
    "mjpeg": {"qmin": "2", "qmax": "3"},
}
_LOSSY = {"libx264": "yuv420p", "mjpeg": "yuvj420p"}


class AvVideoSink(VideoFile):
    """As `VideoFile`, with times.

    `live`: a frame is shown when it was captured, so that frames that were dropped leave their time. Otherwise frames
    are as far apart as their numbers say, at `fps`: a number that is missing leaves its time, too. Where numbers go back
    (the source began anew) the next frame follows at once.

    Colours of a lossy video are BT.709 in limited range, and the file says so.

    Args:
        path: Where to; the suffix chooses the codec (see `CODECS`).
        fps: Frames per second, above 0.
        live: See above.

    Raises:
        UsageError, OutputFailed: As `VideoFile`.
    """

    def __init__(self, path: Path, fps: float, *, live: bool = False) -> None:
        super().__init__(path, CODECS)
        self._fps, self._live = Fraction(fps).limit_denominator(1001), live
        # AVI has no times, only a rate: there frames are put on the nearest step of it
        self._tick = 1 / self._fps if self.codec == "mjpeg" else Fraction(1, TICKS)
        self._container: Any = None
        self._stream: Any = None
        self._first: EnhancedFrame | None = None
        self._ticks = -1

    def _check(self, frame: EnhancedFrame) -> None:
        if self.codec != "ffv1":
            refuse_deep(frame, self._path)
            refuse_odd(frame)

    def _open(self, temporary: Path, frame: EnhancedFrame) -> None:
        import av

        height, width = frame.image.shape[:2]
        try:
            self._container = av.open(str(temporary), "w")
            stream = self._container.add_stream(self.codec, rate=self._fps, options=_OPTIONS[self.codec])
            stream.width, stream.height = width, height
            stream.pix_fmt = _LOSSY.get(self.codec) or _exact_format(frame)
            stream.codec_context.time_base = self._tick
            stream.time_base = self._tick
            stream.thread_count = 1 if width * height < 1 << 16 else 0
            if self.codec == "libx264":
                stream.codec_context.colorspace = stream.codec_context.color_primaries = (
                    stream.codec_context.color_trc
                ) = 1
                stream.codec_context.color_range = 1
            stream.codec_context.open()
        except (OSError, ValueError, NotImplementedError) as exc:  # errors of FFmpeg are several
            raise OutputFailed(f"{self._path} cannot be written as {self.codec} of {width}×{height}: {exc}") from exc
        self._stream, self._first = stream, frame

    def _append(self, frame: EnhancedFrame) -> None:
        picture = _picture(frame, self._stream.pix_fmt)
        self._ticks = max(self._ticks + 1, self._time_of(frame))
        picture.pts, picture.time_base = self._ticks, self._tick
        self._mux(picture)

    def _time_of(self, frame: EnhancedFrame) -> int:
        """When the frame is shown, in ticks after the first."""
        first = (self._first or frame).original
        if self._live:
            return round(Fraction(frame.original.captured_ns - first.captured_ns, 1_000_000_000) / self._tick)
        return round((frame.original.sequence - first.sequence) / self._fps / self._tick)

    def _finish(self) -> None:
        container, self._container = self._container, None
        try:
            self._mux(None, container)
        finally:
            try:
                container.close()
            except OSError as exc:
                raise translate_write_error(self._path, exc) from exc

    def _mux(self, picture: Any, container: Any = None) -> None:
        try:
            for packet in self._stream.encode(picture):
                (container or self._container).mux(packet)
        except OSError as exc:
            raise translate_write_error(self._path, exc) from exc

    def _count(self, temporary: Path) -> int:
        import av

        try:
            with av.open(str(temporary)) as container:
                return sum(1 for packet in container.demux(video=0) if packet.size)
        except (OSError, ValueError):
            return 0


def _exact_format(frame: EnhancedFrame) -> str:
    """How FFV1 stores the frame without changing a value."""
    if frame.original.photometric != GREY.photometric:
        return "bgr0"
    return "gray" if frame.image.dtype == "uint8" else "gray16le"


def _picture(frame: EnhancedFrame, pixel_format: str) -> Any:
    """The frame for the encoder; RGB to YCbCr by BT.709 where it is lossy."""
    from av import VideoFrame
    from av.video.reformatter import ColorRange, Colorspace

    image = np.ascontiguousarray(frame.image.reshape(frame.image.shape[:2]) if _flat(frame) else frame.image)
    given = "rgb24" if image.ndim == 3 else "gray" if image.dtype == "uint8" else "gray16le"
    picture = VideoFrame.from_ndarray(image, format=given)
    if given == pixel_format:
        return picture
    if pixel_format == "bgr0":
        return picture.reformat(format="bgr0")
    full = ColorRange.JPEG
    if pixel_format.startswith("yuvj"):
        return picture.reformat(format=pixel_format, src_color_range=full, dst_color_range=full)
    return picture.reformat(
        format=pixel_format, src_color_range=full, dst_color_range=ColorRange.MPEG, dst_colorspace=Colorspace.ITU709
    )


def _flat(frame: EnhancedFrame) -> bool:
    return frame.image.ndim == 3 and frame.image.shape[2] == 1
