"""DnCNN, a denoiser that predicts the noise.

Zhang, Zuo, Chen, Meng and Zhang, "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising", IEEE TIP 26(7), 2017
(arXiv 1608.03981), section III-A. 17 layers for noise of known strength, 20 for unknown.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from torch import Tensor, nn

WIDTH = 64
DEPTH = 17
MOMENTUM = 0.05
"""Share of the latest batch in the running statistics; the authors' own settings say 0.95 for the share of the past."""


class DnCnn(nn.Module):
    """Conv + ReLU, then Conv + batch norm + ReLU, then Conv, all 3×3 with zero padding; restored = picture − result.

    Only the first convolution has a bias. As published: 558,400 parameters for colour and 17 layers, 669,376 for colour and 20,
    556,096 for grey and 17.

    Args:
        depth: Convolutions in all, at least 3.
        width: Channels between them.
        channels: Of the picture: 3 RGB, 1 grey.
    """

    def __init__(self, depth: int = DEPTH, width: int = WIDTH, channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(width, momentum=MOMENTUM), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, channels, 3, padding=1, bias=False))
        self.apply(_start)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Float [B,C,H,W], 0…1, of any size, to the same; while training not held to 0…1, so that the loss sees every error."""
        result: Tensor = image_BCHW - self.layers(image_BCHW)
        return result if self.training else result.clamp(0.0, 1.0)


def _start(module: nn.Module) -> None:
    """Orthogonal weights, as the authors start; no bias."""
    if isinstance(module, nn.Conv2d):
        nn.init.orthogonal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
