"""Stages of encoder and decoder: what all generators are put together from.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeenh_train.networks.attention import GlobalAttentionModule
from edgeenh_train.networks.blocks import ConvBlock, DeconvBlock


def conv_blocks(channels: int, count: int) -> nn.Sequential:
    """`count` 3×3 blocks that keep size and channels; none is the identity."""
    return nn.Sequential(*(ConvBlock(channels, channels) for _ in range(count)))


class Stage(nn.Module):
    """Strided convolution, further convolutions, Global Attention Module where the variant has one."""

    def __init__(self, inputs: int, outputs: int, convs: int, attention: int) -> None:
        super().__init__()
        self.down = ConvBlock(inputs, outputs, stride=2)
        self.convs = conv_blocks(outputs, convs)
        self.attention = GlobalAttentionModule(outputs, attention) if attention else nn.Identity()

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,inputs,H,W] to float [B,outputs,H/2,W/2]."""
        result: Tensor = self.attention(self.convs(self.down(features_BCHW)))
        return result


class UpStage(nn.Module):
    """Deconvolution, skip added, further convolutions."""

    def __init__(self, inputs: int, outputs: int, convs: int, *, learned: bool) -> None:
        super().__init__()
        self.deconv = DeconvBlock(inputs, outputs, learned=learned)
        self.convs = conv_blocks(outputs, convs)

    def forward(self, features_BCHW: Tensor, skip_BCHW: Tensor) -> Tensor:
        """Float [B,inputs,H,W] and skip [B,outputs,2H,2W] to float [B,outputs,2H,2W]."""
        result: Tensor = self.convs(self.deconv(features_BCHW) + skip_BCHW)
        return result
