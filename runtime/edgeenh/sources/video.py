"""Frames from a video file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import SourceError
from edgeenh.frames import Frame
from edgeenh.notices import Notice
from edgeenh.sources.base import BaseSource
from edgeenh.sources.containers import Container, read_container
from edgeenh.sources.decoders import OpenCvDecoder

if TYPE_CHECKING:
    from edgeenh.sources.decoders import Decoded, Decoder
    from edgeenh.stream.clock import Clock


class VideoSource(BaseSource):
    """The frames of one video file, in order.

    A file that was cut gives the frames that are there; the others are counted in `lost_upstream["truncated"]` and
    named in a notice. Damaged frames are left out and counted in `lost_upstream["corrupt"]`.

    Args:
        path: The file.
        clock: What stamps the frames.
        loop: Begin again at the end, for ever; numbers go on.
        decoder: Opens the file: `AvDecoder` or `OpenCvDecoder`.

    Raises:
        SourceError: The file is missing, unreadable, not a video, or holds no frame.
    """

    def __init__(
        self, path: Path, clock: Clock, *, loop: bool = False, decoder: Callable[[Path], Decoder] = OpenCvDecoder
    ) -> None:
        super().__init__(str(path), clock)
        self._path, self._loop, self._open_decoder = path, loop, decoder
        self._container = _inspect(path)
        self._decoder = self._open()
        self.fps, self._declared = self._decoder.fps, self._decoder.declared
        self._decoded = self._damaged = 0  # since the file was last begun
        self._begun_s = 0.0  # where that was, on the time line of the whole run
        self._compared = False
        self._ahead = self._next_good()  # also says how large the frames are once they are upright
        self.size = self._decoder.size
        if self._ahead is not None and self._ahead.image is not None:
            self.size = (self._ahead.image.shape[1], self._ahead.image.shape[0])
        self.length = None if loop else self._declared

    def read(self) -> Frame | None:
        """The next frame: uint8 [H,W,3] RGB in memory of its own; None at the end of what can be decoded."""
        if self._interrupted.is_set():
            return None
        ahead, self._ahead = self._ahead, None
        decoded = ahead or self._next_good()
        if decoded is None:
            self._compare()
            if not self._loop:
                return None
            self._begin_again()
            decoded = self._next_good()
        if decoded is None or decoded.image is None:
            return None
        self._decoded += 1
        if decoded.position_s is None:
            self.position_s = None
        else:
            self.position_s = self._begun_s + decoded.position_s
        return self._frame(decoded.image, self._clock.now_ns())

    def close(self) -> None:
        """See `Source.close`."""
        self._decoder.close()

    def _next_good(self) -> Decoded | None:
        """The next frame that is whole; the damaged ones before it are counted."""
        while not self._interrupted.is_set():
            decoded = self._decoder.read()
            if decoded is None or decoded.image is not None:
                return decoded
            self._damaged += 1
            self.lost_upstream["corrupt"] += 1
            if self._damaged == 1 and not self._compared:
                place = f"{self._path}, near frame {self._sequence}"
                self.notices.append(
                    Notice("corrupt", f"{place}: {decoded.detail}; damaged frames are left out and counted")
                )
        return None

    def _begin_again(self) -> None:
        self._decoder.close()
        self._decoder = self._open()
        self._begun_s = (self.position_s or 0.0) + 1 / (self.fps or 25.0)
        self._decoded = self._damaged = 0

    def _compare(self) -> None:
        """At the end, compare what came with what the file declares; once."""
        if self._compared:
            return
        self._compared = True
        declared = self._declared
        if not self._decoded:
            remedy = "get it again from its source, or save it as MP4 (H.264)"
            raise SourceError(f"{self._path} holds no frame that can be decoded: {remedy}")
        missing = (declared or 0) - self._decoded - self._damaged
        if self._container.cut:
            self.lost_upstream["truncated"] += max(missing, 0 if self._damaged else 1)
            expected = f"{declared} frames" if declared else "more"
            found = f"{self._path} is cut short: {self._decoded} frames came, it declares {expected}"
            detail = f"{found}; get the file again from its source"
            self.notices.append(Notice("truncated", detail))
        elif missing > 0 and self._container.exact:
            found = f"{self._path} declares {declared} frames, {self._decoded} came"
            detail = f"{found}: the others are outside its edit list or cannot be decoded"
            self.notices.append(Notice("fewer_frames", detail))

    def _open(self) -> Decoder:
        if self._container.bytes == 0:
            raise SourceError(f"{self._path} is empty, expected a video: get it again from its source")
        try:
            return self._open_decoder(self._path)
        except SourceError as exc:
            if self._container.cut:
                remedy = "get the file again from its source"
                raise SourceError(f"{self._path} is cut short and its index is missing: {remedy}") from exc
            expected = "expected e.g. MP4, MKV, AVI, WebM, PNG or JPEG"
            raise SourceError(
                f"{self._path} cannot be opened as a video or a picture, {expected}: convert it first"
            ) from exc


def _inspect(path: Path) -> Container:
    try:
        return read_container(path)
    except FileNotFoundError as exc:
        expected = "a video, a picture, a folder of pictures, camera:0 or synthetic:1280x720@30"
        raise SourceError(f"{path} does not exist: give {expected}") from exc
    except OSError as exc:
        raise SourceError(f"{path} cannot be read ({exc.strerror or exc}): give a file that you may read") from exc
