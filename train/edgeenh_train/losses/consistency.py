"""Consistency loss: structure must stay, tone may change.

UEGAN (arXiv 2012.15020), fidelity loss of section III-D: the squared difference between features of the enhanced picture and
of its own input, each feature map normalised to mean 0 and deviation 1 over its picture. That normalisation forgives a
change of brightness and contrast and nothing else. Where UEGAN takes VGG19 features, this release takes a Laplacian
pyramid (Burt and Adelson, IEEE Trans. Communications 31, 1983): no weights to carry, and its bands are what "structure" means here.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, mse_loss

LEVELS = 5
EPSILON = 1e-3
"""Floor of a band's deviation, in units of the full range: a band below it is noise, not structure."""


def laplacian_pyramid(image_BCHW: Tensor, levels: int = LEVELS) -> list[Tensor]:
    """Band-pass layers, finest first, and the low-pass rest as the last.

    Args:
        image_BCHW: Float [B,C,H,W]; H and W at least 2**levels.
        levels: Number of bands.

    Returns:
        levels + 1 tensors; band k is [B,C,H/2ᵏ,W/2ᵏ].
    """
    layers = []
    for _ in range(levels):
        smaller = avg_pool2d(image_BCHW, 2, ceil_mode=True)
        larger = interpolate(smaller, size=image_BCHW.shape[-2:], mode="bilinear", align_corners=False)
        layers.append(image_BCHW - larger)
        image_BCHW = smaller
    return [*layers, image_BCHW]


def _normalised(layer_BCHW: Tensor) -> Tensor:
    variance, mean = torch.var_mean(layer_BCHW, dim=(2, 3), keepdim=True, correction=0)
    normalised: Tensor = (layer_BCHW - mean) * torch.rsqrt(variance + EPSILON**2)
    return normalised


def consistency_loss(enhanced_BCHW: Tensor, image_BCHW: Tensor) -> Tensor:
    """Mean over the pyramid's layers of the squared difference of normalised layers.

    Args:
        enhanced_BCHW: Float [B,3,H,W], 0…1.
        image_BCHW: The generator's input, likewise; not the good picture.

    Returns:
        A scalar tensor, 0 for a change of gain and offset per picture and channel.
    """
    pairs = zip(laplacian_pyramid(enhanced_BCHW), laplacian_pyramid(image_BCHW), strict=True)
    return torch.stack([mse_loss(_normalised(a), _normalised(b)) for a, b in pairs]).mean()
