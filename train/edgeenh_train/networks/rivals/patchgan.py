"""CycleGAN's discriminator: every output value judges a patch of 70×70 pixels.

Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017 (arXiv 1611.07004),
appendix 6.1.2: `C64-C128-C256-C512`, 4×4 convolutions, as CycleGAN (arXiv 1703.10593, appendix 7.2) uses it.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from edgeenh_train.networks.blocks import LEAKY_SLOPE
from edgeenh_train.networks.rivals.resnet9 import start_normal

WIDTH = 64


class PatchDiscriminator(nn.Module):
    """Three halvings, two convolutions at that size, instance norm on all but the first and the last.

    Args:
        width: Channels of the first convolution; 64 in the paper, which makes 2,764,737 parameters for RGB.
        channels: Of the picture: 3 RGB, 1 grey.
    """

    def __init__(self, width: int = WIDTH, channels: int = 3) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 8 * width)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(LEAKY_SLOPE)]
        for (inputs, outputs), stride in zip(pairwise(widths), (2, 2, 1), strict=True):
            conv = nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1)
            layers += [conv, nn.InstanceNorm2d(outputs), nn.LeakyReLU(LEAKY_SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.apply(start_normal)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W], 0…1, H and W at least 32, to unbounded judgements, float [B,1,H/8 − 2,W/8 − 2]."""
        result: Tensor = self.layers(image_BCHW * 2.0 - 1.0)
        return result
