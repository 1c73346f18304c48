"""Consistency loss: structure must stay, tone may change.

UEGAN (arXiv 2012.15020), fidelity loss of section III-D: the squared difference between features of the enhanced picture and
of its own input, each feature map normalised to mean 0 and deviation 1 over its picture. That normalisation forgives a
change of brightness and contrast and nothing else. Which features is a choice: a Laplacian pyramid (Burt and Adelson, IEEE
Trans. Communications 31, 1983), which needs no weights and whose bands are what "structure" means here, or a network trained on
ImageNet (`edgeenh_train.losses.features`), as UEGAN takes VGG19.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

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
        enhanced_BCHW: Float [B,C,H,W], 0…1.
        image_BCHW: The generator's input, likewise; not the good picture.

    Returns:
        A scalar tensor, 0 for a change of gain and offset per picture and channel.
    """
    return _between(laplacian_pyramid(enhanced_BCHW), laplacian_pyramid(image_BCHW), ())


def _between(ours: Sequence[Tensor], theirs: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Weighted sum of the layers' terms; their mean when no weights are given."""
    terms = torch.stack([mse_loss(_normalised(a), _normalised(b)) for a, b in zip(ours, theirs, strict=True)])
    return (terms * terms.new_tensor(weights)).sum() if weights else terms.mean()


class Consistency:
    """The consistency loss over a chosen backbone.

    Args:
        backbone: `pyramid`, `squeezenet` or `vgg19`.
        file: The network's weights; empty for `pyramid`.
        sha256: Hex digest that the file must have.

    Raises:
        UsageError: An unknown backbone, or no digest. CheckpointError: The file is missing, damaged, or another one.
    """

    def __init__(self, backbone: str, file: str = "", sha256: str = "") -> None:
        self._features: Callable[[Tensor], Sequence[Tensor]] = laplacian_pyramid
        self._weights: Sequence[float] = ()
        if backbone != "pyramid":
            from edgeenh_train.losses.features import load_backbone

            network = load_backbone(backbone, Path(file), sha256)
            self._features, self._weights = network, network.layer_weights

    def __call__(self, enhanced_BCHW: Tensor, image_BCHW: Tensor) -> Tensor:
        """Arguments and result as `consistency_loss`; the backbone moves to the pictures' device by itself."""
        with torch.no_grad():
            theirs = self._features(image_BCHW)
        return _between(self._features(enhanced_BCHW), theirs, self._weights)
