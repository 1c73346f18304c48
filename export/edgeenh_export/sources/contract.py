"""The contract of a model from elsewhere: what it takes, what it gives, and how that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeenh.pixels import GREY, RGB, Pixels
from edgeenh_export.options import Size
from edgeenh_export.sources.reading import Reading


@dataclass(frozen=True, slots=True)
class Contract:
    """What a model takes and gives.

    Attributes:
        reading: What its tensors mean.
        channels: 3, or 1 for grey.
        scale: How many times wider and higher the output is.
        fixed: The only (width, height) that it takes; None = any of the following.
        multiple: Width and height are multiples of this.
        smallest: Smallest side.
        likeness: Of its pictures to the frames, as `edgeenh_export.sources.likeness` has it.
        known: Property → how it is known: `stated`, `the shape`, `tried`, `assumed`, …
    """

    reading: Reading
    channels: int
    scale: int
    fixed: Size | None
    multiple: int
    smallest: int
    likeness: float
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def pixels(self) -> Pixels:
        """What its pictures are for the runtime."""
        return RGB if self.channels == RGB.channels else GREY

    def to_json(self) -> dict[str, Any]:
        """The contract as the report writes it."""
        return {
            "layout": str(self.reading.layout),
            "range": str(self.reading.range),
            "colour": str(self.reading.colour),
            "scale": self.scale,
            "fixed_size": list(self.fixed) if self.fixed else None,
            "size_multiple": self.multiple,
            "output": self.reading.output,
            "likeness": round(self.likeness, 4),
            "known_by": dict(self.known),
        }

    def line(self) -> str:
        """The contract for people."""
        size = f"{self.fixed[0]}x{self.fixed[1]} only" if self.fixed else f"any multiple of {self.multiple}"
        values = {
            "layout": str(self.reading.layout),
            "range": str(self.reading.range),
            "colour": str(self.reading.colour),
            "scale": f"×{self.scale}",
            "size": size,
        }
        return ", ".join(f"{name} {value} ({self.known[name]})" for name, value in values.items())
