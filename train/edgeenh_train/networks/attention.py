"""Global Attention Module and Local Feature Enhancement: the seed's two attention parts, under the seed's words.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeenh_train.networks.blocks import LEAKY_SLOPE


class GlobalAttentionModule(nn.Module):
    """Parallel 7×7 and 5×5 convolutions → concatenation → LeakyReLU → fusing 1×1 convolution → residual.

    Not UEGAN's module of the same name (that one mixes in per-channel mean and deviation): this is what the seed's text
    asks for. Both convolutions could become one 7×7 at export; measured, that is no faster for `n` and slower for `seed` (docs/log.md).

    Args:
        channels: C of input and output.
        branch: Channels of each of the two parallel convolutions.
    """

    def __init__(self, channels: int, branch: int) -> None:
        super().__init__()
        self.conv7 = nn.Conv2d(channels, branch, 7, padding=3)
        self.conv5 = nn.Conv2d(channels, branch, 5, padding=2)
        self.act = nn.LeakyReLU(LEAKY_SLOPE)
        self.fuse = nn.Conv2d(2 * branch, channels, 1)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W] to the same shape."""
        both = torch.cat([self.conv7(features_BCHW), self.conv5(features_BCHW)], dim=1)
        result: Tensor = features_BCHW + self.fuse(self.act(both))
        return result


class ChannelAttention(nn.Module):
    """One MLP shared by the average-pooled and the max-pooled features; their sum gates the channels.

    CBAM (Woo et al., ECCV 2018), equation 2: `sigmoid(MLP(avgpool(F)) + MLP(maxpool(F)))`.

    Args:
        channels: C of input and output.
        reduction: Factor by which the hidden layer is narrower than C.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(4, channels // reduction)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.LeakyReLU(LEAKY_SLOPE),
            nn.Conv2d(hidden, channels, 1, bias=False),
        )

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W] to gates in (0,1), float [B,C,1,1]."""
        # FP32 island: the sum behind a mean over a whole frame leaves fp16's range at 4K.
        mean = features_BCHW.float().mean(dim=(2, 3), keepdim=True).to(features_BCHW.dtype)
        peak = features_BCHW.amax(dim=(2, 3), keepdim=True)
        return torch.sigmoid(self.mlp(mean) + self.mlp(peak))


class SpatialAttention(nn.Module):
    """A 7×7 convolution over the channels' mean and maximum gates the places.

    CBAM (Woo et al., ECCV 2018), equation 3: `sigmoid(conv7×7([avg(F); max(F)]))`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W] to gates in (0,1), float [B,1,H,W]."""
        mean = features_BCHW.mean(dim=1, keepdim=True)
        peak = features_BCHW.amax(dim=1, keepdim=True)
        return torch.sigmoid(self.conv(torch.cat([mean, peak], dim=1)))


class LocalFeatureEnhancement(nn.Module):
    """Channel attention, then spatial attention, each multiplied onto the features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel = ChannelAttention(channels)
        self.spatial = SpatialAttention()

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W] to the same shape."""
        features_BCHW = features_BCHW * self.channel(features_BCHW)
        result: Tensor = features_BCHW * self.spatial(features_BCHW)
        return result
