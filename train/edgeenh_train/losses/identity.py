"""Identity loss: a picture that is good already must pass unchanged.

UEGAN (arXiv 2012.15020), identity loss of section III-D: `Σ_k 2⁻ᵏ · mean |P_k(G(y)) − P_k(y)|` with P_k an average pooling by 2ᵏ, k = 0, 1, 2.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d, l1_loss

SCALES = 3


def identity_loss(enhanced_BCHW: Tensor, good_BCHW: Tensor) -> Tensor:
    """Multi-scale L1 between a good picture and what the generator makes of it.

    Args:
        enhanced_BCHW: G(y), float [B,3,H,W], 0…1.
        good_BCHW: y, likewise.

    Returns:
        A scalar tensor, 0 when they are equal.
    """
    total = l1_loss(enhanced_BCHW, good_BCHW)
    for scale in range(1, SCALES):
        enhanced_BCHW, good_BCHW = avg_pool2d(enhanced_BCHW, 2), avg_pool2d(good_BCHW, 2)
        total = total + 2.0**-scale * l1_loss(enhanced_BCHW, good_BCHW)
    return total
