"""What stands between a frame of any size and a session of one: the padding, and for grey frames the way to 0…1 and back.

RGB     frame ── mirrored to the multiple ── session ── cropped
grey    frame ── 0…1 ── mirrored to the multiple ── session ── proven to lie in 0…1 ── whole numbers, cropped
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh.backends.contract import prove_identity
from edgeenh.backends.laps import COMPUTE, CONVERT, CONVERT_BACK, Lap, Lapped, no_lap
from edgeenh.errors import InferenceFailed
from edgeenh.padding import crop_into, pad_into
from edgeenh.pixels import RGB, Pixels, from_unit, scaled_shape, to_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.backends import Session
    from edgeenh.pixels import Levels

WARM_UP = 2
"""Black frames that make a session ready."""

_GRID = 61
"""Every so many rows and columns of a grey result are marked before the session writes it: an odd number, so that it
meets every place of a vector register in time."""


class Slot:
    """An open session for colour, and the padded frames it needs where a frame is no multiple. Used by one thread.

    Args:
        session: For frames of `size`.
        size: (height, width) of what it takes.
        pixels: What its pictures are.
        scale: How many times that size it gives.
    """

    def __init__(self, session: Session, size: tuple[int, int], pixels: Pixels, scale: int = 1) -> None:
        self.session, self._size, self._pixels, self._scale = session, size, pixels, scale
        self._padded: tuple[NDArray[Any], NDArray[Any]] | None = None
        self._warm = False
        self._lap: Lap = no_lap

    def tell(self, lap: Lap) -> None:
        """Have `lap` told the parts of every run from now on, the session's own where it tells them; see `edgeenh.backends.laps`."""
        self._lap = lap
        if isinstance(self.session, Lapped):
            self.session.lap = lap

    def warm_up(self) -> None:
        """Run black frames, once in the slot's life."""
        if self._warm:
            return
        black, out = self._pair(np.zeros)
        for _ in range(WARM_UP):
            self.session.run(black, 1.0, out)
        self._warm = True

    def run(self, image: Levels, strength: float, out: Levels, bits: int) -> None:  # noqa: ARG002
        """Enhance one frame into `out`.

        Args:
            image: Checked by `edgeenh.arguments.check_frame`, and of a size that pads to the session's; only read.
            strength: 0…1.
            out: Of the type of `image` and its shape, scaled; C-contiguous, overwritten whole.
            bits: Bits per value; of no account to colour.

        Raises:
            InferenceFailed: The session failed, or what it gave is no picture.
        """
        if image.shape[:2] == self._size:
            self._run(np.ascontiguousarray(image), strength, out)
            return
        if self._padded is None:
            self._padded = self._pair(np.empty)
        padded, enhanced = self._padded
        pad_into(np.ascontiguousarray(image), padded)
        self._run(padded, strength, enhanced)
        crop_into(enhanced, out)
        self._lap(CONVERT_BACK)

    def close(self) -> None:
        """Close the session; closing twice is allowed."""
        self.session.close()

    def _run(self, image: NDArray[Any], strength: float, out: NDArray[Any]) -> None:
        """Run the session; what came before it was conversion."""
        self._lap(CONVERT)
        self.session.run(image, strength, out)
        self._lap(COMPUTE)

    def _pair(self, make: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Memory for a frame and a result, as `numpy.empty` and `numpy.zeros` make it."""
        shape = self._pixels.shape(*self._size)
        return make(shape, self._pixels.dtype), make(scaled_shape(shape, self._scale), self._pixels.dtype)


class GreySlot(Slot):
    """An open session for grey, and the memory of its results."""

    def run(self, image: Levels, strength: float, out: Levels, bits: int) -> None:
        """See `Slot.run`; `bits` says what full brightness is."""
        if self._padded is None:
            self._padded = self._pair(np.empty)
        padded, enhanced = self._padded
        unit = to_unit(image, bits)
        if unit.shape != padded.shape:
            pad_into(unit, padded)
            unit = padded
        enhanced[::_GRID, ::_GRID] = np.nan
        self._run(unit, strength, enhanced)
        low, high = float(enhanced.min()), float(enhanced.max())
        if not (low >= 0.0 and high <= 1.0):  # so written that NaN fails
            raise InferenceFailed(
                f"{self.session.info.backend} gave values from {low:g} to {high:g}, expected 0 to 1: "
                "the model or the backend is broken, or did not write its output"
            )
        from_unit(enhanced[: out.shape[0], : out.shape[1]], bits, out)
        self._lap(CONVERT_BACK)


def open_slot(session: Session, size: tuple[int, int], pixels: Pixels, scale: int = 1) -> Slot:
    """The slot of a session for frames of `size` (height, width); a grey session is proven not to round first.

    Raises:
        BackendUnavailable: It rounds; the session is then closed.
        InferenceFailed: It failed; likewise.
    """
    if pixels == RGB:
        return Slot(session, size, pixels, scale)
    try:
        prove_identity(session, pixels, *size, scale)
    except BaseException:
        session.close()
        raise
    return GreySlot(session, size, pixels, scale)
