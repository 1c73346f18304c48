"""What the enhancer does around a session, inside the timed run: frames padded and cropped, grey brought to 0…1 and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.backends.base import Session, SessionInfo
from edgeenh.padding import crop_into, pad_into
from edgeenh.pixels import MAX_BITS, from_unit, to_unit


class PaddedSession:
    """A session for smaller frames: mirrored at the right and the bottom, and cropped after, as the enhancer does.

    Args:
        session: Opened for `height` × `width`; owned and closed by this one.
        like: A frame of the unpadded size, for type and channels.
        height: Rows of the padded frame.
        width: Columns of the padded frame.
    """

    def __init__(self, session: Session, like: NDArray[Any], height: int, width: int) -> None:
        self._session = session
        self._padded = np.empty((height, width, like.shape[2]), like.dtype)
        self._enhanced = np.empty_like(self._padded)

    @property
    def info(self) -> SessionInfo:
        """What the inner session really uses."""
        return self._session.info

    def run(self, image: NDArray[Any], strength: float, out: NDArray[Any]) -> None:
        """As `Session.run`, for frames of the unpadded size."""
        pad_into(image, self._padded)
        self._session.run(self._padded, strength, self._enhanced)
        crop_into(self._enhanced, out)

    def close(self) -> None:
        """Close the inner session."""
        self._session.close()


class GreySession:
    """A session of a bundle for grey for frames in whole numbers: uint16 [H,W,1], 16 bits.

    Args:
        session: Opened for `height` × `width`; owned and closed by this one.
        height, width: Of the frames.
    """

    def __init__(self, session: Session, height: int, width: int) -> None:
        self._session = session
        self._enhanced = np.empty((height, width, 1), np.float32)

    @property
    def info(self) -> SessionInfo:
        """What the inner session really uses."""
        return self._session.info

    def run(self, image: NDArray[Any], strength: float, out: NDArray[Any]) -> None:
        """As `Session.run`, in whole numbers."""
        self._session.run(to_unit(image, MAX_BITS), strength, self._enhanced)
        from_unit(self._enhanced, MAX_BITS, out)

    def close(self) -> None:
        """Close the inner session."""
        self._session.close()
