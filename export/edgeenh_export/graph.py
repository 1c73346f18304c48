"""The graph around the generator: 8-bit frames in, 8-bit frames out. The network itself knows nothing of it.

    image uint8 [1,H,W,3] ─ Cast ─ NCHW ─┬─ /255 ─ generator.residual ─ tanh ─ · 255·cap·strength ─┐
                                         └───────────────────────────────────────────────────────── + ─ clamp ─ round ─ NHWC ─ Cast

Cast is the first and the last node, because a uint8 tensor may touch nothing else in TensorRT. The sum stands on the scale
0…255 and in FP32 in both precisions: the image's own values are exact there, so strength 0 gives them back bit for bit, and
FP16 rounding touches only the change, not the picture. Measured against a sum in FP16 (variant `n`, golden frames) this is
worth 2 to 11 dB of PSNR, and costs nothing that could be measured.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from edgeenh_train.networks import Generator

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}
"""Precision → dtype of weights and features."""


class FrameGraph(nn.Module):
    """The graph contract in torch.

    FP16 islands of FP32: the global means (in the network itself), and everything from the residual on.

    Args:
        generator: Folded, in `eval` mode, float32; copied, not changed.
        precision: `fp32` or `fp16`.
    """

    def __init__(self, generator: Generator, precision: str) -> None:
        super().__init__()
        self.precision = precision
        self.dtype = DTYPES[precision]
        self.generator = copy.deepcopy(generator).eval().to(self.dtype)
        self.reach = 255.0 * generator.cap
        self.eval()

    def unclamped(self, planes: Tensor, strength: Tensor) -> Tensor:
        """Image and change, before clamp and rounding.

        Args:
            planes: Float32 [B,3,H,W], RGB, 0…255.
            strength: Float32 [1], 0…1.

        Returns:
            Float32 [B,3,H,W] on the same scale; finite unless the network overflowed.
        """
        residual = self.generator.residual((planes / 255.0).to(self.dtype)).float()
        return planes + (strength * self.reach) * torch.tanh(residual)

    def forward(self, image: Tensor, strength: Tensor) -> Tensor:
        """Enhance.

        Args:
            image: Uint8 [1,H,W,3] RGB; H and W multiples of 16.
            strength: Float32 [1], 0…1.

        Returns:
            Uint8 [1,H,W,3] RGB, a new tensor.
        """
        enhanced = self.unclamped(image.to(torch.float32).permute(0, 3, 1, 2), strength)
        return torch.round(enhanced.clamp(0.0, 255.0)).permute(0, 2, 3, 1).to(torch.uint8)
