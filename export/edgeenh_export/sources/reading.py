"""A reading of a model: what its numbers mean. Pictures to its tensors and back, in NumPy.

This is the reference that the exported graph is compared with; `edgeenh_export.sources.wrapper` says the same in ONNX.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeenh_export.sources.overrides import RANGES, Ends

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

_RGB = Ends("RGB", "RGB")
_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model's tensors mean.

    Attributes:
        layout: `NCHW` or `NHWC`, in and out.
        range: A key of `RANGES`, in and out.
        output: The tensor that holds the picture.
        colour: Order of the channels, in and out: `RGB`, `BGR`, or `grey`.
    """

    layout: Ends
    range: Ends
    output: str
    colour: Ends = _RGB

    def encode(self, image: Levels, top: int) -> NDArray[np.float32]:
        """A picture as the model takes it.

        Args:
            image: uint8 or uint16 [H,W,C], RGB or grey; only read.
            top: What full brightness is in it.

        Returns:
            float32, a new array: [1,C,H,W] or [1,H,W,C], C-contiguous.
        """
        low, high = RANGES[self.range.given]
        unit = image[..., ::-1] if self.colour.given == "BGR" else image
        values = unit.astype(np.float32) / np.float32(top) * np.float32(high - low) + np.float32(low)
        batch = values[None]
        return np.ascontiguousarray(batch.transpose(_TO_NCHW) if self.layout.given == "NCHW" else batch)

    def decode(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """What the model gave as a picture: float32 [H,W,C], RGB or grey, 0…1 where it keeps to its range; a new array."""
        low, high = RANGES[self.range.back]
        picture = (batch.transpose(_TO_NHWC) if self.layout.back == "NCHW" else batch)[0].astype(np.float32)
        unit = (picture - np.float32(low)) / np.float32(high - low)
        return np.ascontiguousarray(unit[..., ::-1] if self.colour.back == "BGR" else unit)
