"""Two libraries that decode a recording: PyAV, which says what was wrong with it, and OpenCV, which the base install has.

Both are FFmpeg inside, and give the same values: they follow the matrix and range that the recording declares, take BT.601
in limited range where it declares none, and turn the picture as it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from edgeenh.errors import MissingExtra, SourceError
from edgeenh.sources.colour import to_rgb
from edgeenh.sources.v4l2_formats import jpeg_is_whole

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

TAINTED = 300
"""So many frames behind a damaged one are not used at most, if no key frame comes: some encoders never send another."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One frame of a recording, or the certainty that one is damaged.

    Attributes:
        image: uint8 [H,W,3] RGB in memory of its own; None where it is damaged.
        position_s: Where it lies in the recording; None where nobody knows.
        detail: What is wrong with it, for people.
    """

    image: NDArray[np.uint8] | None
    position_s: float | None = None
    detail: str = ""


class Decoder(Protocol):
    """An opened recording or network stream.

    Attributes:
        size: (width, height) of its frames as they are shown; None where nobody knows.
        fps: Its rate; None where it declares none.
        declared: How many frames it says it has; None where it does not say.
    """

    size: tuple[int, int] | None
    fps: float | None
    declared: int | None

    def read(self) -> Decoded | None:
        """The next frame; None at the end.

        Raises:
            SourceError: A network stream broke off.
        """
        ...

    def close(self) -> None:
        """Give the file back; twice is allowed."""
        ...


class OpenCvDecoder:
    """A recording through OpenCV. Damaged frames are skipped or shown as they come: it does not tell.

    Raises:
        SourceError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise SourceError(f"{path} cannot be opened")
        width, height = (int(self._capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.size = (width, height) if width > 0 and height > 0 else None
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps < 1000 else None
        declared = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.declared = declared if declared > 0 else None
        self._bgr: MatLike | None = None

    def read(self) -> Decoded | None:
        """See `Decoder.read`."""
        found, bgr = self._capture.read(self._bgr)
        if not found:
            return None
        self._bgr = bgr  # decoded into again next time; what goes out is converted into memory of its own
        return Decoded(to_rgb(bgr))

    def close(self) -> None:
        """See `Decoder.close`."""
        self._capture.release()


class AvDecoder:
    """A recording or a network stream through PyAV.

    A damaged packet costs its frame, and every frame behind it up to the next key frame: those are made of the damaged
    one, though the decoder shows them as if nothing were.

    Args:
        where: A file or a URL.
        options: FFmpeg's options for opening it.
        timeout_s: So long opening may take, and the wait for the next bytes; None = for ever (a file).

    Raises:
        MissingExtra: PyAV is not installed.
        SourceError: It cannot be opened, or holds no video.
    """

    def __init__(
        self, where: Path | str, options: dict[str, str] | None = None, timeout_s: tuple[float, float] | None = None
    ) -> None:
        self._av = load_av()
        # Absolute, so that no part of a file's name is taken for a protocol.
        name = str(where.absolute()) if isinstance(where, Path) else where
        try:
            self._container: Any = self._av.open(name, options=options or {}, timeout=timeout_s)
        except (self._av.FFmpegError, OSError, ValueError) as exc:
            raise SourceError(f"{where} cannot be opened ({_words(exc)})") from exc
        if not self._container.streams.video:
            self._container.close()
            raise SourceError(f"{where} holds no video")
        stream = self._container.streams.video[0]
        # Threads that decode several frames at once hold them back, which a live stream must not.
        stream.thread_type = "AUTO" if timeout_s is None else "SLICE"
        self._jpeg = stream.codec_context.name == "mjpeg"
        self.size = _shown_size(stream)
        self.fps = _rate(stream)
        self.duration: int | None = self._container.duration
        self.declared = self._declared(stream)
        self._tainted = 0
        self._start: float | None = None
        self._found = self._decode(stream)

    def read(self) -> Decoded | None:
        """See `Decoder.read`."""
        return next(self._found, None)

    def close(self) -> None:
        """See `Decoder.close`."""
        self._found.close()
        self._container.close()

    def _declared(self, stream: Any) -> int | None:
        """As many frames as the header counts, or as its duration and rate make."""
        if stream.frames or self.duration is None or self.fps is None:
            return stream.frames or None
        return round(self.duration / self._av.time_base * self.fps) or None

    def _decode(self, stream: Any) -> Any:
        """Every frame, and a fault for every damaged packet."""
        try:
            for packet in self._container.demux(stream):
                yield from self._decode_packet(stream, packet)
        except self._av.FFmpegError as exc:
            if self.duration is None:
                raise SourceError(f"the stream broke off ({_words(exc)})") from exc
            yield self._damaged(f"what follows cannot be read ({_words(exc)})")

    def _decode_packet(self, stream: Any, packet: Any) -> Any:
        whole = not self._jpeg or packet.size == 0 or jpeg_is_whole(bytes(packet))
        if packet.is_corrupt or not whole:
            yield self._damaged("a packet is cut short")
            return
        try:
            frames = stream.codec_context.decode(packet)
        except self._av.FFmpegError as exc:
            yield self._damaged(f"a packet cannot be decoded ({_words(exc)})")
            return
        for frame in frames:
            yield self._judge(frame)

    def _judge(self, frame: Any) -> Decoded:
        if frame.is_corrupt:
            return self._damaged("a frame is damaged")
        if self._tainted and not frame.key_frame:
            self._tainted -= 1
            return Decoded(None, None, "a frame is made of a damaged one")
        self._tainted = 0
        position = frame.time
        if position is not None:
            self._start = position if self._start is None else self._start
            position -= self._start
        # One thread: with more for every frame, a whole recording took 1.4 times as long as with OpenCV; so, 0.9.
        return Decoded(_upright(frame.to_ndarray(format="rgb24", threads=1), frame.rotation), position)

    def _damaged(self, detail: str) -> Decoded:
        self._tainted = 0 if self._jpeg else TAINTED
        return Decoded(None, None, detail)


def load_av() -> Any:
    """PyAV.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        import av
    except ImportError as exc:
        raise MissingExtra("a network stream", "video") from exc
    return av


def _words(exc: Exception) -> str:
    return getattr(exc, "strerror", None) or str(exc) or type(exc).__name__


def _rate(stream: Any) -> float | None:
    rate: Fraction | None = stream.average_rate
    return float(rate) if rate and 0 < rate < 1000 else None


def _shown_size(stream: Any) -> tuple[int, int] | None:
    """Width and height; those of a recording that says that it lies on its side are only known from the first frame."""
    width, height = stream.codec_context.width, stream.codec_context.height
    return (width, height) if width and height else None


def _upright(image: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """Turned as the recording says: degrees against the clock, whole quarters only."""
    quarters = round(rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarters)) if quarters else image
