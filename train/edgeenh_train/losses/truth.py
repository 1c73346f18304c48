"""Truth loss: how far a picture is from its truth, where the truth is known.

The logarithm of each picture's mean squared error, that is, PSNR turned round. Its gradient weighs every picture by its own
error: a picture that is nearly right still counts, where a plain L2 would see only the worst of the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edgeenh_train.losses.precision import at_least_float32

FLOOR = 1e-4
"""Mean squared error (40 dB) below which nothing more is gained: a perfect picture must not outweigh the rest."""


def truth_loss(enhanced_BCHW: Tensor, truth_BCHW: Tensor) -> Tensor:
    """Mean over pictures of ln((MSE + floor) / floor) / 10.

    Args:
        enhanced_BCHW: Float [B,C,H,W], 0…1.
        truth_BCHW: What it should be, likewise.

    Returns:
        A scalar tensor, 0 when they are equal; −10 dB of PSNR add 0.23.
    """
    squared = at_least_float32(enhanced_BCHW - truth_BCHW).square().mean(dim=(1, 2, 3))
    return 0.1 * torch.log1p(squared / FLOOR).mean()
