"""What an export needs of a source, whichever it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeenh.bundle import Generator
from edgeenh.pixels import Pixels
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.options import Bounds, Size
from edgeenh_train.checkpoint import CheckpointInfo

if TYPE_CHECKING:
    Picture = NDArray[np.float32]


class Source(Protocol):
    """A model on its way into a bundle. `prove` comes first; until then only `info`, `step` and `title` are known.

    Attributes:
        info: Name, version, cap, data, licence, and the digest of the file.
        step: Key and title of the step in which it is proven and the golden frames are read.
        reference: What the exported graph is compared with, in words.
        pixels: What its pictures are.
        scale: How many times the frame's size it gives.
        bounds: The frame sizes that it takes.
        macs: Multiply-accumulates per pixel, where torch computes the reference; 0 where it does not.
    """

    info: CheckpointInfo
    step: tuple[str, str]
    reference: str
    pixels: Pixels
    scale: int
    bounds: Bounds
    macs: float

    @property
    def test_size(self) -> Size | None:
        """(width, height) for the gate's self-test; None = any."""
        ...

    def prove(self) -> None:
        """Prove that what is exported is what was given; for a model from elsewhere, find out what it is."""
        ...

    def write(self) -> bytes:
        """The graph in FP32, as ONNX by the graph contract, every node named."""
        ...

    def half(self) -> bytes | None:
        """The graph in FP16 where the source can write it by itself; None where it is searched for."""
        ...

    def exact(self, frames: Sequence[GoldenFrame]) -> list[Picture]:
        """What the source itself makes of frames at strength 1: float32 [H,W,C] each, on the frames' scale, not rounded."""
        ...

    def in_half(self, frames: Sequence[GoldenFrame]) -> Iterable[Picture] | None:
        """The same with every feature of `half` really stored in FP16; None where there is no `half`."""
        ...

    def describe(self) -> Generator:
        """The network as the manifest names it."""
        ...

    def card(self) -> bytes:
        """The model card."""
        ...

    def found(self) -> Mapping[str, Any]:
        """What was proven or found out, for the report."""
        ...
