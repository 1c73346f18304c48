"""Convolution and deconvolution blocks: the two bricks of encoder and decoder.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAKY_SLOPE = 0.2
"""Negative slope of every LeakyReLU (UEGAN, arXiv 2012.15020, uses the same)."""


class ConvBlock(nn.Module):
    """Convolution + batch norm + LeakyReLU, zero padding, output `ceil(size / stride)`.

    The convolution has no bias: the norm's shift is the bias, and every backend makes one convolution of both.
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


class BilinearDeconv(nn.Module):
    """Depthwise transposed convolution with a fixed bilinear kernel: size × `factor`, channels unchanged.

    A learned transposed convolution prints its stride as a grid over flat regions, unless training happens to balance its
    kernel (Odena et al., Distill 2016, "Deconvolution and Checkerboard Artifacts"); on a picture that a clinician reads, "happens to" is
    not enough. This kernel is balanced by construction. Zero padding: values fall off by up to half at the outer edge unless the caller pads.
    """

    kernel: Tensor

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        ramp = 1.0 - (torch.arange(2 * factor) + 0.5 - factor).abs() / factor
        kernel = torch.outer(ramp, ramp).expand(channels, 1, -1, -1).contiguous()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, features_BCHW: Tensor, margin: int = 0) -> Tensor:
        """Float [B,C,H,W] to float [B,C,H·factor − 2·margin·factor, …]: `margin` input pixels are cut off on each side."""
        padding = self.factor // 2 + margin * self.factor
        return functional.conv_transpose2d(
            features_BCHW, self.kernel, None, self.factor, padding, groups=features_BCHW.shape[1]
        )


class DeconvBlock(nn.Module):
    """Transposed convolution ×2 + batch norm + LeakyReLU.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        learned: True for one learned transposed convolution (kernel 4, divisible by its stride); False for a 1×1 convolution
            followed by `BilinearDeconv`, which can print no grid.
    """

    def __init__(self, inputs: int, outputs: int, *, learned: bool) -> None:
        super().__init__()
        self.conv: nn.Conv2d | nn.ConvTranspose2d
        if learned:
            self.conv = nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False)
        else:
            self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.up: nn.Module = nn.Identity() if learned else BilinearDeconv(outputs, 2)
        self.act = nn.LeakyReLU(LEAKY_SLOPE)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,inputs,H,W] to float [B,outputs,2H,2W]."""
        result: Tensor = self.act(self.up(self.norm(self.conv(features_BCHW))))
        return result
