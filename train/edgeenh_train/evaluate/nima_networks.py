"""The two networks behind NIMA, with their weights named as the published files name them.

MobileNet v1: Howard et al., arXiv 1704.04861. MobileNet v2: Sandler et al., CVPR 2018. Both end in a softmax over ten
ratings.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

RATINGS = 10
_V1_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
"""Channels and stride of the thirteen depthwise separable blocks."""
_V2_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks and first stride of the seven stages."""
_KERAS_EPSILON = 1e-3


def mobilenet_v1() -> nn.Sequential:
    """MobileNet v1, average pooling and a dense head, layers named as in Keras; −1…1 in, a distribution out.

    The image is padded by one pixel on every side before a stride of 2, as Keras 2.1 did, with which the weights were
    trained (`keras==2.1.*` in their repository); newer releases of Keras pad only right and below.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()

    def add(name: str, convolution: nn.Conv2d) -> None:
        layers[name] = convolution
        layers[f"{name}_bn"] = nn.BatchNorm2d(convolution.out_channels, eps=_KERAS_EPSILON)
        layers[f"{name}_relu"] = nn.ReLU6()

    add("conv1", nn.Conv2d(3, 32, 3, 2, 1, bias=False))
    width = 32
    for index, (channels, stride) in enumerate(_V1_BLOCKS, start=1):
        add(f"conv_dw_{index}", nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False))
        add(f"conv_pw_{index}", nn.Conv2d(width, channels, 1, bias=False))
        width = channels
    layers["pool"], layers["flat"] = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    layers["dense"], layers["softmax"] = nn.Linear(width, RATINGS), nn.Softmax(dim=1)
    return nn.Sequential(layers)


def mobilenet_v2() -> nn.Sequential:
    """MobileNet v2 as nima.pytorch names it: `base_model.0` features, `head.2` ratings; 0…1 in, a distribution out.

    It differs from torchvision's: plain ReLU after the first and the last convolution, and an expansion even in the
    first block.
    """
    features: list[nn.Module] = [_with_norm(3, 32, 3, 2)]
    width = 32
    for expansion, channels, blocks, first in _V2_STAGES:
        for index in range(blocks):
            features.append(_InvertedResidual(width, channels, first if index == 0 else 1, expansion))
            width = channels
    features += [_with_norm(width, 1280, 1, 1), nn.AvgPool2d(7)]
    head = nn.Sequential(nn.ReLU(), nn.Dropout(0.75), nn.Linear(1280, RATINGS), nn.Softmax(dim=1))
    base = nn.Sequential(nn.Sequential(*features))
    return nn.Sequential(OrderedDict(base_model=base, flat=nn.Flatten(), head=head))


def _with_norm(width: int, channels: int, kernel: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(width, channels, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU())


class _InvertedResidual(nn.Module):
    """Expand, filter each channel, project; added to the input where shapes allow."""

    def __init__(self, width: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = width * expansion
        self.residual = stride == 1 and width == channels
        self.conv = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(),
            nn.Conv2d(inner, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.conv(image)
        return image + result if self.residual else result
