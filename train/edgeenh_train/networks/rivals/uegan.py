"""UEGAN's generator and discriminator.

Ni, Yang, Wang, Ma and Kwong, "Towards Unsupervised Deep Image Enhancement with Generative Adversarial Network", IEEE TIP 29, 2020
(arXiv 2012.15020), section III. Kernels, widths and the start of the weights are those of the authors' published settings; the parameter
counts agree with theirs. The heads' padding (zeros) is ours: neither source that we used states it.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from edgeenh_train.networks.blocks import LEAKY_SLOPE

WIDTH = 32
LEVELS = 5
SIZE_MULTIPLE = 16
"""Of height and width, each at least 32: the statistics at 1/16 of the size need more than one pixel."""

SQUEEZE = 8
EPSILON = 1e-5
INIT_GAIN = 0.02


class GlobalAttention(nn.Module):
    """Tells every pixel of the whole picture's mean and deviation, per channel; section III-B, figure 3.

    Statistics → two 1×1 convolutions → spread over all pixels → concatenated → 1×1 convolution → instance norm.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(1, channels // SQUEEZE)
        self.squeeze = nn.Conv2d(2 * channels, narrow, 1, bias=False)
        self.widen = nn.Conv2d(narrow, channels, 1, bias=False)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W], H·W > 1, to the same."""
        variance, mean = torch.var_mean(features_BCHW, dim=(2, 3), keepdim=True)
        statistics = torch.cat([mean, (variance + EPSILON).sqrt()], dim=1)
        whole = self.widen(functional.relu(self.squeeze(statistics))).expand_as(features_BCHW)
        result: Tensor = self.norm(self.fuse(torch.cat([features_BCHW, whole], dim=1)))
        return result


class UpBlock(nn.Module):
    """Bilinear ×2 with a 1×1 convolution that halves the channels, beside the skip, then 3×3 + LeakyReLU."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.halve = nn.Conv2d(inputs, inputs // 2, 1)
        self.conv = _padded(inputs, inputs // 2, 3)

    def forward(self, features_BCHW: Tensor, skip_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W] and skip [B,C/2,2H,2W] to float [B,C/2,2H,2W]."""
        larger = functional.interpolate(features_BCHW, scale_factor=2, mode="bilinear", align_corners=True)
        joined = torch.cat([self.halve(larger), skip_BCHW], dim=1)
        return functional.leaky_relu(self.conv(joined), LEAKY_SLOPE)


class UeganGenerator(nn.Module):
    """Encoder of five convolutions, global attention at each, decoder of four; the result is added to the picture.

    Args:
        width: Channels of the first convolution; 32 as published, which makes 4,158,435 parameters for RGB.
        channels: Of the picture: 3 RGB, 1 grey.
    """

    def __init__(self, width: int = WIDTH, channels: int = 3) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(LEVELS)]
        self.stem = _padded(channels, width, 7)
        self.encoder = nn.ModuleList(_padded(a, b, 3, stride=2) for a, b in pairwise(widths))
        self.attention = nn.ModuleList(GlobalAttention(channels) for channels in widths)
        self.decoder = nn.ModuleList(UpBlock(channels) for channels in reversed(widths[1:]))
        self.head = nn.Sequential(_padded(width, width, 3), _padded(width, channels, 7), nn.Tanh())
        self.apply(start_orthogonal)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W], 0…1, H and W multiples of `SIZE_MULTIPLE`, to the same; inside, −1…1 as published."""
        image = image_BCHW * 2.0 - 1.0
        features = [functional.leaky_relu(self.stem(image), LEAKY_SLOPE)]
        for conv in self.encoder:
            features.append(functional.leaky_relu(conv(features[-1]), LEAKY_SLOPE))
        skips = [attend(level) for attend, level in zip(self.attention, features, strict=True)]
        result = skips.pop()
        for up in self.decoder:
            result = up(result, skips.pop())
        residual = self.head(result * features[0])
        enhanced: Tensor = (image + residual).clamp(-1.0, 1.0) * 0.5 + 0.5
        return enhanced


class UeganDiscriminator(nn.Module):
    """Five strided convolutions with spectral norm; a tanh-bounded judgement at each depth.

    Args:
        width: Channels of the first convolution; 32 as published, which makes 4,633,632 parameters for RGB.
        channels: Of the picture: 3 RGB, 1 grey.
    """

    def __init__(self, width: int = WIDTH, channels: int = 3) -> None:
        super().__init__()
        sizes = [channels, *(width * 2**level for level in range(LEVELS))]
        self.stages, self.heads = nn.ModuleList(), nn.ModuleList()
        for (inputs, outputs), kernel in zip(pairwise(sizes), (7, 7, 7, 5, 5), strict=True):
            stage = _padded(inputs, outputs, kernel, stride=2)
            head = nn.Conv2d(outputs, 1, kernel, padding=kernel // 2, bias=False)
            nn.Sequential(stage, head).apply(start_orthogonal)  # before spectral norm hides the weight
            self.stages.append(spectral_norm(stage))
            self.heads.append(head)

    def forward(self, image_BCHW: Tensor) -> list[Tensor]:
        """Float [B,C,H,W], 0…1, H and W at least 64, to one map [B,1,H/2ᵏ,W/2ᵏ] in (−1,1) per depth k = 1…5."""
        features = image_BCHW * 2.0 - 1.0
        judgements = []
        for stage, head in zip(self.stages, self.heads, strict=True):
            features = functional.leaky_relu(stage(features), LEAKY_SLOPE)
            judgements.append(torch.tanh(head(features)))
        return judgements


def _padded(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Conv2d:
    """A convolution whose picture goes on beyond its borders as a mirror shows it."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, padding_mode="reflect")


def start_orthogonal(module: nn.Module) -> None:
    """Orthogonal weights of gain 0.02, no bias; for `nn.Module.apply`."""
    if isinstance(module, nn.Conv2d):
        nn.init.orthogonal_(module.weight, gain=INIT_GAIN)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
