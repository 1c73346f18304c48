"""Convolution and deconvolution blocks: the two bricks of encoder and decoder.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from torch import Tensor, nn

LEAKY_SLOPE = 0.2
"""Negative slope of every LeakyReLU (UEGAN, arXiv 2012.15020, uses the same)."""


class ConvBlock(nn.Module):
    """Convolution + batch norm + LeakyReLU, zero padding, output `ceil(size / stride)`.

    The convolution has no bias: the norm's shift is the bias, and both fold into one convolution at export.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        padding = (kernel - stride + 1) // 2 if kernel >= stride else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.act = nn.LeakyReLU(LEAKY_SLOPE)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,inputs,H,W] to float [B,outputs,H/stride,W/stride]."""
        result: Tensor = self.act(self.norm(self.conv(features_BCHW)))
        return result


class DeconvBlock(nn.Module):
    """Transposed convolution ×2 + batch norm + LeakyReLU.

    Kernel 4 at stride 2: a kernel divisible by its stride covers every output pixel equally often, which is what keeps
    the checkerboard away (Odena et al., Distill 2016, "Deconvolution and Checkerboard Artifacts").
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.act = nn.LeakyReLU(LEAKY_SLOPE)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,inputs,H,W] to float [B,outputs,2H,2W]."""
        result: Tensor = self.act(self.norm(self.conv(features_BCHW)))
        return result
