"""A checkpoint of ours as a source, written through torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh.bundle import Generator
from edgeenh.errors import GateFailed
from edgeenh_export import options
from edgeenh_export.cost import macs_per_pixel
from edgeenh_export.execute import pixels_of, run_generator, run_unclamped
from edgeenh_export.golden import GoldenFrame, golden_frames, shipped_frames
from edgeenh_export.graph import FrameGraph
from edgeenh_export.manifest import check_info, describe_generator, onnx_metadata
from edgeenh_export.model_card import model_card
from edgeenh_export.onnx_writer import write_onnx
from edgeenh_export.options import Size
from edgeenh_train.checkpoint import load_generator

if TYPE_CHECKING:
    from edgeenh_export.sources.source import Picture


PROOF_SIZE = (256, 320)
"""Rows and columns of the crop that must come out finite; multiples of every variant's size."""


class OwnCheckpoint:
    """See `edgeenh_export.sources.source.Source`.

    Args:
        path: The .safetensors file of a training run.
        sizes: The frame sizes that are asked for.

    Raises:
        CheckpointError: It cannot be used.
    """

    reference = "the checkpoint in PyTorch"
    step = ("frames", "reading the golden frames")
    scale = 1

    def __init__(self, path: Path, sizes: Sequence[Size]) -> None:
        self._path = path
        self._generator, self.info = load_generator(path)
        check_info(path, self.info)
        self.bounds = options.bounds(sizes)
        self.macs, self.pixels = macs_per_pixel(self._generator), pixels_of(self._generator)

    @property
    def test_size(self) -> Size | None:
        """The fixed size."""
        return self.bounds.fixed

    def prove(self) -> None:
        """Finite weights can give what is not finite; an exporter that meets it speaks in riddles.

        Raises:
            GateFailed: The generator gives values that are not finite.
        """
        given = golden_frames(shipped_frames(self.pixels), self.bounds)[0]
        height, width = PROOF_SIZE
        crop = GoldenFrame(given.name, given.image[:height, :width])
        if not np.isfinite(run_generator(self._generator, [crop])[0]).all():
            raise GateFailed(
                f"{self._path} gives values that are not finite for a crop of {given.name}: take an earlier checkpoint of the run"
            )

    def write(self) -> bytes:
        """The graph in FP32."""
        return self._written("fp32")

    def half(self) -> bytes:
        """The FP16 network with FP32 islands."""
        return self._written("fp16")

    def _written(self, precision: str) -> bytes:
        graph, info = FrameGraph(self._generator, precision), self.info
        metadata = onnx_metadata(info, precision)
        return write_onnx(graph, self.bounds.fixed, metadata, name=info.name, version=info.version)

    def exact(self, frames: Sequence[GoldenFrame]) -> list[Picture]:
        """The checkpoint's own generator in PyTorch."""
        return run_generator(self._generator, frames)

    def in_half(self, frames: Sequence[GoldenFrame]) -> Iterable[Picture]:
        """The FP16 network in torch."""
        return run_unclamped(FrameGraph(self._generator, "fp16"), frames)

    def describe(self) -> Generator:
        """The network as the manifest names it."""
        return describe_generator(self._generator, self.info, self.bounds)

    def card(self) -> bytes:
        """The card beside the checkpoint, or one made from what it says."""
        return model_card(self._path, self.info)

    def found(self) -> Mapping[str, Any]:
        """Nothing beside what every export measures."""
        return {}
