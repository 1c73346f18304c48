"""Frames that a program already has: any iterable of arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import SourceError
from edgeenh.frames import Frame
from edgeenh.pixels import RGB, photometric_of
from edgeenh.sources.base import BaseSource

if TYPE_CHECKING:
    from edgeenh.stream.clock import Clock


class FramesSource(BaseSource):
    """Arrays from an iterable, one frame each; the iterable is its own pace.

    Args:
        arrays: uint8 [H,W,3] RGB each, or uint8 or uint16 [H,W] grey with all the bits of its type; not copied when
            C-contiguous, so nobody may write to one after it was yielded.
        clock: What stamps the frames.
        name: What the source is called.
        fps: The rate at which the frames were made, where there is one; a live stream then shows them at that rate.

    Raises:
        SourceError: From `read`, when the iterable raises or yields something that is not an array.
    """

    def __init__(
        self, arrays: Iterable[NDArray[Any]], clock: Clock, *, name: str = "frames", fps: float | None = None
    ) -> None:
        super().__init__(name, clock)
        self._arrays = iter(arrays)
        self.fps = fps
        self.length = len(arrays) if isinstance(arrays, Sized) else None

    def read(self) -> Frame | None:
        """The next array as a frame; None when the iterable ends or after `interrupt`."""
        if self._interrupted.is_set():
            return None
        try:
            array = next(self._arrays, None)
        except Exception as exc:
            raise SourceError(
                f"{self.id} raised {type(exc).__name__}: {exc}; expected uint8 [H,W,3] RGB arrays"
            ) from exc
        if array is None:
            return None
        if not isinstance(array, np.ndarray):
            raise SourceError(
                f"{self.id} gave {type(array).__name__} as frame {self._sequence}, expected an array: uint8 [H,W,3] RGB"
            )
        photometric = (
            photometric_of(array) or RGB.photometric
        )  # of another kind: the enhancer says what is wrong with it
        bits = 8 * array.dtype.itemsize
        return self._frame(np.ascontiguousarray(array), self._clock.now_ns(), "", photometric, bits)
