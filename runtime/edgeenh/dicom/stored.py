"""Stored pixel values to the levels that a model takes, and back, exactly (DICOM PS3.3 C.7.6.3.1).

A model for grey takes 0 = black and 2ⁿ − 1 = full brightness. A stored value of n bits is brought there by shifting
what is signed by 2ⁿ⁻¹, and by turning MONOCHROME1 (0 = white) over; both ways are exact for every value. Windows and
lookup tables are not applied: they stay in the object and mean the same as before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import PictureError
from edgeenh.pixels import top_of

if TYPE_CHECKING:
    from edgeenh.pixels import Levels


@dataclass(frozen=True, slots=True)
class Stored:
    """How one-channel pixels are stored.

    Attributes:
        bits: Bits Stored, 8 to 16.
        signed: Pixel Representation 1: two's complement.
        inverted: MONOCHROME1: 0 is white.
        padding: The lowest and highest stored value that is no picture (Pixel Padding Value, Range Limit); None = there is none.
    """

    bits: int
    signed: bool = False
    inverted: bool = False
    padding: tuple[int, int] | None = None

    @property
    def lowest(self) -> int:
        """The lowest value that can be stored."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    def to_levels(self, values: NDArray[Any], name: str) -> Levels:
        """The picture as a model takes it.

        Args:
            values: Stored values, integers of any type [H,W]; only read.
            name: What a message calls the picture.

        Returns:
            A new array, uint8 (8 bits) or uint16 [H,W], 0 = black, C-contiguous.

        Raises:
            PictureError: A value needs more than `bits` bits.
        """
        shifted = values.astype(np.int32) - self.lowest
        top = top_of(self.bits)
        low, high = int(shifted.min()), int(shifted.max())
        if low < 0 or high > top:
            raise PictureError(
                f"{name} holds the value {(low if low < 0 else high) + self.lowest}, expected {self.lowest} to "
                f"{top + self.lowest} (Bits Stored {self.bits}): the object contradicts itself; get it again from its source"
            )
        levels = np.subtract(top, shifted, dtype=np.int32) if self.inverted else shifted
        return np.ascontiguousarray(levels.astype(np.uint8 if self.bits == 8 else np.uint16))

    def from_levels(self, levels: Levels, original: Levels) -> NDArray[Any]:
        """Stored values of an enhanced picture; what was padding in the original stays padding.

        Args:
            levels: As `to_levels` gives them, [H,W]; only read.
            original: The picture before enhancement, likewise.

        Returns:
            A new array of the type in which the values are stored, [H,W].
        """
        values = self._values(levels)
        if self.padding is not None:
            before = self._values(original)
            low, high = self.padding
            is_padding = (before >= low) & (before <= high)
            values[is_padding] = before[is_padding]
        kind = "i" if self.signed else "u"
        return values.astype(f"<{kind}{1 if self.bits == 8 else 2}")

    def _values(self, levels: Levels) -> NDArray[np.int32]:
        wide = levels.astype(np.int32)
        return (top_of(self.bits) - wide if self.inverted else wide) + self.lowest
