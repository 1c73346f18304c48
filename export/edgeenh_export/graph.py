"""The graph around the generator: frames in, frames out. The network itself knows nothing of it.

    colour   image uint8 [1,H,W,3] ─ Cast ─┬─ /255 ─ NCHW ─ generator.coefficients ─ NHWC ─ generator.change ─ · 255·strength ─┐
                                           └──────────────────────────────────────────────────────────────────────────────── + ─ clamp ─ round ─ Cast
    grey     image float32 [1,H,W,1], 0…1: the same without the casts, the division and the rounding

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
from edgeenh_train.networks import Generator

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
        self.eval()

    def unclamped(self, image: Tensor, strength: Tensor) -> Tensor:
        """Image and change, before clamp and rounding.

        Args:
            image: Float32 [1,H,W,C], RGB in 0…255 or grey in 0…1.
            strength: Float32 [1], 0…1.

        Returns:
            Float32 [1,H,W,C] on the same scale; finite unless the network overflowed.
        """
        scale = self.pixels.scale
        unit = image / float(scale) if scale != 1 else image
        coefficients = self.generator.coefficients(unit.permute(0, 3, 1, 2).to(self.dtype))
        change = self.generator.change(unit, tuple(part.float().permute(0, 2, 3, 1) for part in coefficients))
        return image + (strength * scale if scale != 1 else strength) * change

    def forward(self, image: Tensor, strength: Tensor) -> Tensor:
        """Enhance.

        Args:
            image: Uint8 [1,H,W,3] RGB, or float32 [1,H,W,1] grey in 0…1; H and W multiples of `SIZE_MULTIPLE`.
            strength: Float32 [1], 0…1.

        Returns:
            The same kind, a new tensor.
        """
        enhanced = self.unclamped(image.to(torch.float32), strength).clamp(0.0, float(self.pixels.scale))
        return torch.round(enhanced).to(torch.uint8) if self.pixels == RGB else enhanced

    def example(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Black image and full strength, as `forward` takes them."""
        dtype: torch.dtype = getattr(torch, self.pixels.dtype)
        return torch.zeros(1, *self.pixels.shape(height, width), dtype=dtype), torch.ones(1)
