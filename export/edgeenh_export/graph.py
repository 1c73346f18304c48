"""The graph around the generator: frames in, frames out. The network itself knows nothing of it.

    colour   image uint8 [1,H,W,3] ─ Cast ─┬─ /255 ─ NCHW ─ generator.cells ─ columns ─ · 255·strength ─ rows ─ generator.change ─┐
                                           └─────────────────────────────────────────────────────────── [H/8,8,W·3] ──────────── + ─ clamp ─ round ─ Cast
    seed     the coefficients come at the picture's size: … generator.coefficients ─ NHWC ─ generator.change ─ · 255·strength ─ + …
    grey     image float32 [1,H,W,1], 0…1: as `seed`, without the casts, the division and the rounding

An edge variant's coefficients are brought to the picture's size in the layout of frames (`edgeenh_train.networks.carry`), block by block of
eight rows, so that all of the picture's size is one elementwise loop from bytes to bytes: on a CPU more than twice as fast (docs/log.md).

Cast is the first and the last node, because a uint8 tensor may touch nothing else in TensorRT. The sum stands in FP32 in both
precisions, and on the image's own scale: its values are exact there, so strength 0 gives them back bit for bit, and FP16
rounding touches only the change, not the picture. Measured against a sum in FP16 (variant `n`, golden frames) this is
worth 2 to 11 dB of PSNR, and costs nothing that could be measured.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from edgeenh.pixels import GREY, RGB
from edgeenh_train.networks import EdgeGenerator, Generator
from edgeenh_train.networks.carry import FrameCarry
from edgeenh_train.networks.edge import STEM_STRIDE

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}
"""Precision → dtype of weights and features."""


class FrameGraph(nn.Module):
    """The graph contract in torch.

    FP16 islands of FP32: the global means (in the network itself), and everything from the coefficients on.

    Args:
        generator: In `eval` mode, float32; copied, not changed.
        precision: `fp32` or `fp16`.
    """

    def __init__(self, generator: Generator, precision: str) -> None:
        super().__init__()
        self.precision = precision
        self.pixels = RGB if generator.channels == RGB.channels else GREY
        self.dtype = DTYPES[precision]
        self.generator = copy.deepcopy(generator).eval().to(self.dtype)
        self.carry: FrameCarry | None = None
        if isinstance(generator, EdgeGenerator) and generator.curve.degree:
            self.carry = FrameCarry(generator.channels, STEM_STRIDE)
            self.carry.kernel = self.carry.kernel.to(self.dtype)  # sixteenths: exact in FP16
        self.eval()

    def unclamped(self, image: Tensor, strength: Tensor) -> Tensor:
        """Image and change, before clamp and rounding.

        Args:
            image: Float32 [1,H,W,C], RGB in 0…255 or grey in 0…1.
            strength: Float32 [1], 0…1.

        Returns:
            Float32 [1,H,W,C] on the same scale; finite unless the network overflowed.
        """
        return self._summed(image, strength).reshape(image.shape)

    def _summed(self, image: Tensor, strength: Tensor) -> Tensor:
        """As `unclamped`; of an edge variant for colour as [H/8,8,W·C]."""
        scale = self.pixels.scale
        unit = image / float(scale) if scale != 1 else image
        share = strength * scale if scale != 1 else strength
        planes = unit.permute(0, 3, 1, 2).to(self.dtype)
        if self.carry is None or not isinstance(self.generator, EdgeGenerator):
            coefficients = tuple(part.float().permute(0, 2, 3, 1) for part in self.generator.coefficients(planes))
            return image + share * self.generator.change(unit, coefficients)
        # The curve's change is proportional to its coefficients, which are few before they are carried up: so they take the share.
        columns = (self.carry.columns(part).float() * share for part in self.generator.cells(planes))
        rows = tuple(self.carry.rows(part) for part in columns)
        blocks = image.reshape(rows[0].shape)
        return blocks + self.generator.change(blocks / float(scale), rows)

    def forward(self, image: Tensor, strength: Tensor) -> Tensor:
        """Enhance.

        Args:
            image: Uint8 [1,H,W,3] RGB, or float32 [1,H,W,1] grey in 0…1; H and W multiples of `SIZE_MULTIPLE`.
            strength: Float32 [1], 0…1.

        Returns:
            The same kind, a new tensor.
        """
        enhanced = self._summed(image.to(torch.float32), strength).clamp(0.0, float(self.pixels.scale))
        return torch.round(enhanced).reshape(image.shape).to(torch.uint8) if self.pixels == RGB else enhanced

    def example(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Black image and full strength, as `forward` takes them."""
        dtype: torch.dtype = getattr(torch, self.pixels.dtype)
        return torch.zeros(1, *self.pixels.shape(height, width), dtype=dtype), torch.ones(1)
