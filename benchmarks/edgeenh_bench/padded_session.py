"""Frames whose sides are no multiples of what the model takes: padded and cropped, inside the timed run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeenh.backends.base import Session, SessionInfo
from edgeenh.padding import crop_into, pad_into


class PaddedSession:
    """A session for smaller frames: mirrored at the right and the bottom, and cropped after, as the enhancer does.

    Args:
        session: Opened for `height` × `width`; owned and closed by this one.
        height: Rows of the padded frame.
        width: Columns of the padded frame.
    """

    def __init__(self, session: Session, height: int, width: int) -> None:
        self._session = session
        self._padded = np.empty((height, width, 3), np.uint8)
        self._enhanced = np.empty((height, width, 3), np.uint8)

    @property
    def info(self) -> SessionInfo:
        """What the inner session really uses."""
        return self._session.info

    def run(self, image: NDArray[np.uint8], strength: float, out: NDArray[np.uint8]) -> None:
        """As `Session.run`, for frames of the unpadded size."""
        pad_into(image, self._padded)
        self._session.run(self._padded, strength, self._enhanced)
        crop_into(self._enhanced, out)

    def close(self) -> None:
        """Close the inner session."""
        self._session.close()
