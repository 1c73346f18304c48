"""Colour loss: how far colours lie apart as an eye sees them, differentiable.

CIE 1976 L*a*b* (CIE 15:2018, D65) from sRGB (IEC 61966-2-1); the difference is ΔE*ab, the Euclidean distance. For small
differences it follows ΔE2000 closely enough to train by, and unlike ΔE2000 it has a gradient everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from edgeenh_train.losses.precision import at_least_float32

_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)
_KNEE = (6.0 / 29.0) ** 3
_LEAST = 1e-6  # keeps roots differentiable at 0
_POOL = 4  # colour is judged on patches: noise and edges are other losses' business


def lab_of(image_BCHW: Tensor) -> Tensor:
    """Float sRGB 0…1 [B,3,H,W] to CIE L*a*b*: L* 0…100, a* and b* in the same units."""
    linear = torch.where(
        image_BCHW <= 0.04045, image_BCHW / 12.92, ((image_BCHW.clamp_min(_LEAST) + 0.055) / 1.055) ** 2.4
    )
    matrix = image_BCHW.new_tensor(_TO_XYZ) / image_BCHW.new_tensor(_WHITE)[:, None]
    xyz = torch.einsum("ij,bjhw->bihw", matrix, linear)
    root = torch.where(xyz > _KNEE, xyz.clamp_min(_LEAST) ** (1.0 / 3.0), xyz * (841.0 / 108.0) + 4.0 / 29.0)
    x, y, z = root.unbind(1)
    return torch.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], dim=1)


def colour_loss(enhanced_BCHW: Tensor, truth_BCHW: Tensor) -> Tensor:
    """Mean ΔE*ab of 4×4 patches, divided by 100 so that its size is that of an L1 loss.

    Args:
        enhanced_BCHW: Float [B,C,H,W], 0…1, RGB, or grey (C = 1), which is taken as R = G = B.
        truth_BCHW: What it should be, likewise.

    Returns:
        A scalar tensor, 0 when the patches' mean colours are equal.
    """
    pair = [avg_pool2d(image.expand(-1, 3, -1, -1), _POOL) for image in (enhanced_BCHW, truth_BCHW)]
    apart = lab_of(at_least_float32(pair[0])) - lab_of(at_least_float32(pair[1]))
    distance: Tensor = (apart.square().sum(dim=1) + _LEAST).sqrt() - _LEAST**0.5
    return distance.mean() / 100.0
