"""Frames whose sides are no multiples of what the model takes: padded and cropped, inside the timed run."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.backends.base import Session, SessionInfo


def padded_size(width: int, height: int, multiple: int) -> tuple[int, int]:
    """The next (width, height) that are multiples of `multiple`."""
    return -(-width // multiple) * multiple, -(-height // multiple) * multiple


class PaddedSession:
    """A session for smaller frames: reflected at the right and the bottom, and cropped after, as the enhancer does.

    Args:
        session: Opened for `height` × `width`.
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
        rows, columns = image.shape[:2]
        below, right = self._padded.shape[0] - rows, self._padded.shape[1] - columns
        cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REFLECT_101, dst=self._padded)
        self._session.run(self._padded, strength, self._enhanced)
        np.copyto(out, self._enhanced[:rows, :columns])

    def close(self) -> None:
        """Close the inner session."""
        self._session.close()
