"""CycleGAN's generator: ResNet-9.

Zhu, Park, Isola and Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", ICCV 2017
(arXiv 1703.10593), appendix 7.2, in the notation there: `c7s1-64, d128, d256, R256 × 9, u128, u64, c7s1-3`.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from torch import Tensor, nn

WIDTH = 64
BLOCKS = 9
SIZE_MULTIPLE = 4
"""Of height and width, each at least 8: instance norm needs more than one pixel behind the second halving."""

INIT_DEVIATION = 0.02


class ResnetGenerator(nn.Module):
    """Two halvings, nine residual blocks, two doublings; instance norm without weights, reflection padding.

    Args:
        width: Channels of the first convolution; 64 in the paper, which makes 11,378,179 parameters for RGB.
        channels: Of the picture: 3 RGB, 1 grey.
    """

    def __init__(self, width: int = WIDTH, channels: int = 3) -> None:
        super().__init__()
        wide, wider = 2 * width, 4 * width
        self.layers = nn.Sequential(
            *_convolution(nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect")),
            *_convolution(nn.Conv2d(width, wide, 3, stride=2, padding=1)),
            *_convolution(nn.Conv2d(wide, wider, 3, stride=2, padding=1)),
            *(ResidualBlock(wider) for _ in range(BLOCKS)),
            *_convolution(nn.ConvTranspose2d(wider, wide, 3, stride=2, padding=1, output_padding=1)),
            *_convolution(nn.ConvTranspose2d(wide, width, 3, stride=2, padding=1, output_padding=1)),
            nn.Conv2d(width, channels, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )
        self.apply(start_normal)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W], 0…1, H and W multiples of `SIZE_MULTIPLE`, to the same; inside, −1…1 as in the paper."""
        result: Tensor = self.layers(image_BCHW * 2.0 - 1.0) * 0.5 + 0.5
        return result


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with instance norm, ReLU between them, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect") for _ in range(2))
        self.layers = nn.Sequential(*_convolution(first), second, nn.InstanceNorm2d(channels))

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W] to the same."""
        result: Tensor = features_BCHW + self.layers(features_BCHW)
        return result


def _convolution(conv: nn.Conv2d | nn.ConvTranspose2d) -> tuple[nn.Module, ...]:
    return conv, nn.InstanceNorm2d(conv.out_channels), nn.ReLU(inplace=True)


def start_normal(module: nn.Module) -> None:
    """Weights from N(0, 0.02), no bias, as the paper's section 7.1 starts; for `nn.Module.apply`."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, std=INIT_DEVIATION)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
