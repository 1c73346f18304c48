"""The multi-scale discriminator: one trunk, a prediction at each of its depths.

After UEGAN (arXiv 2012.15020, section III-C): "multi-scale" means several depths of one spectrally normalised trunk, each
judged by its own one-channel map, not a pyramid of images. Re-implemented from the text with a width of our choice.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from edgeenh_train.networks.blocks import LEAKY_SLOPE

DEPTHS = 5


class MultiScaleDiscriminator(nn.Module):
    """Five strided stages with spectral norm; a tanh-bounded prediction map from each.

    Args:
        width: Channels of the first stage; each further stage doubles them up to 16 × width.
        channels: Channels of the picture: 3 RGB, 1 grey.
    """

    def __init__(self, width: int = 16, channels: int = 3) -> None:
        super().__init__()
        sizes = [channels, *(width * 2**depth for depth in range(DEPTHS))]
        kernels = (7, 5, 3, 3, 3)
        self.stages = nn.ModuleList()
        self.heads = nn.ModuleList()
        for (inputs, outputs), kernel in zip(pairwise(sizes), kernels, strict=True):
            conv = nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2, padding_mode="reflect")
            self.stages.append(nn.Sequential(spectral_norm(conv), nn.LeakyReLU(LEAKY_SLOPE)))
            self.heads.append(nn.Conv2d(outputs, 1, 3, padding=1, bias=False))

    def forward(self, image_BCHW: Tensor) -> list[Tensor]:
        """Judge.

        Args:
            image_BCHW: Float [B,C,H,W], RGB or grey, 0…1; H and W at least 64.

        Returns:
            One float map [B,1,H/2ᵏ,W/2ᵏ] in (−1,1) per depth k = 1…5, the finest first.
        """
        features = image_BCHW * 2.0 - 1.0
        predictions = []
        for stage, head in zip(self.stages, self.heads, strict=True):
            features = stage(features)
            predictions.append(torch.tanh(head(features)))
        return predictions
