"""Raw frames from a pipe: `ffmpeg … -f rawvideo -pix_fmt rgb24 - | edgeenh run - --raw 1280x720:rgb24@30`."""

from __future__ import annotations

import os
import re
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import numpy as np

from edgeenh.errors import SourceError, UsageError
from edgeenh.frames import Frame
from edgeenh.notices import Notice
from edgeenh.pixels import GREY, RGB
from edgeenh.sources.base import BaseSource
from edgeenh.sources.grammar import rate_of, size_of
from edgeenh.sources.packed import PACKINGS, unpack
from edgeenh.sources.wake import Wake

if TYPE_CHECKING:
    from edgeenh.pixels import Levels
    from edgeenh.stream.clock import Clock

FORMATS: dict[str, tuple[str, int, Callable[[int], int]]] = {
    "rgb24": (RGB.photometric, 8, lambda count: 3 * count),
    "gray8": (GREY.photometric, 8, lambda count: count),
    "gray16le": (GREY.photometric, 16, lambda count: 2 * count),
    **{name: (GREY.photometric, packing.bits, packing.length) for name, packing in PACKINGS.items()},
}
"""Photometric, bits per value and bytes of so many pixels: by FFmpeg's names, and by GenICam's what it has no name for."""

_CHUNK = 1 << 20


class RawSource(BaseSource):
    """Frames without any header, one behind the other.

    The writer waits for us, so nothing is lost; bytes at the end that make no whole frame are counted as one frame in
    `lost_upstream["truncated"]`. A packed frame begins with a byte of its own: the last bits of the one before are filled up.

    Args:
        spec: `WIDTHxHEIGHT:FORMAT@FPS`, `@FPS` may be left out.
        clock: What stamps the frames, when their last byte was read.
        photometric: What the frames must be: `RGB` or `grey`.
        bits: Bits per value of grey frames, where they have fewer than their format holds.
        descriptor: Where to read from; not closed.

    Raises:
        UsageError: `spec` is not of this form, or of the wrong kind for the model.
        SourceError: There is no stdin. From `read`: the pipe cannot be read, or ended before one whole frame.
    """

    def __init__(
        self,
        spec: str,
        clock: Clock,
        *,
        photometric: str = RGB.photometric,
        bits: int | None = None,
        descriptor: int = 0,
    ) -> None:
        match = re.fullmatch(r"([^:@]+):([^:@]+)(?:@([^:@]+))?", spec)
        if match is None or match[2] not in FORMATS:
            names = ", ".join(FORMATS)
            raise UsageError(
                f"--raw {spec!r}: expected WIDTHxHEIGHT:FORMAT@FPS with one of {names}, e.g. 1280x720:rgb24@30"
            )
        if descriptor == 0 and sys.stdin is None:  # then number 0 belongs to whatever was opened first
            raise SourceError("stdin is closed: pipe raw frames into this command")
        super().__init__("-", clock)
        self.ends = True
        found, self._full, length = FORMATS[match[2]]
        if found != photometric:
            raise UsageError(
                f"--raw {spec!r} gives {found} frames and the model takes {photometric} ones: choose another format or model"
            )
        self.size = size_of(spec, match[1])
        self.fps = rate_of(spec, match[3]) if match[3] else None
        self._photometric, self._bits, self._descriptor = photometric, bits, descriptor
        self._packing = match[2] if match[2] in PACKINGS else ""
        self._length = length(self.size[0] * self.size[1])
        self._wake = Wake()

    def read(self) -> Frame | None:
        """The next frame, in memory of its own; None at the end of the pipe."""
        data = bytearray(self._length)
        filled = self._fill(memoryview(data))
        if filled < self._length:
            if not self._interrupted.is_set():
                self._tell_rest(filled)
            return None
        assert self.size is not None
        width, height = self.size
        if self._photometric == RGB.photometric:
            return self._frame(np.frombuffer(data, np.uint8).reshape(height, width, 3), self._clock.now_ns())
        return self._frame(
            self._grey(data, width, height), self._clock.now_ns(), "", self._photometric, self._bits or self._full
        )

    def _grey(self, data: bytearray, width: int, height: int) -> Levels:
        if self._packing:
            return unpack(data, self._packing, width, height)
        kind = np.dtype("u1" if self._full == 8 else "<u2")
        return cast("Levels", np.frombuffer(data, kind).reshape(height, width))

    def interrupt(self) -> None:
        """See `Source.interrupt`."""
        super().interrupt()
        self._wake.set()

    def close(self) -> None:
        """See `Source.close`."""
        self._wake.close()

    def _fill(self, target: memoryview) -> int:
        """Read until `target` is full, the pipe ends or we are interrupted; returns the bytes read."""
        filled = 0
        while filled < len(target) and self._wait():
            try:
                count = os.readv(self._descriptor, [target[filled : filled + _CHUNK]])
            except BlockingIOError:
                continue
            except OSError as exc:
                raise SourceError(f"stdin cannot be read ({exc.strerror}): pipe raw frames into this command") from exc
            if not count:
                break
            filled += count
        return filled

    def _wait(self) -> bool:
        """Wait for bytes or the end of the pipe; False when interrupted."""
        poll = select.poll()
        for descriptor in (self._descriptor, self._wake.descriptor):
            poll.register(descriptor, select.POLLIN)
        while not self._interrupted.is_set():
            if any(found == self._descriptor for found, _ in poll.poll()):
                return True
        return False

    def _tell_rest(self, filled: int) -> None:
        """The pipe has ended: in the middle of a frame, or with nothing that could be one."""
        if filled:
            self.lost_upstream["truncated"] += 1
        found = f"stdin ended {filled} bytes into frame {self._sequence}, expected {self._length}"
        if not self._sequence:
            raise SourceError(f"{found}: there is no frame; check --raw and the writer")
        if filled:
            self.notices.append(Notice("truncated", f"{found}: that frame is left out; check --raw and the writer"))
