"""Quality loss: relativistic average hinge, summed over the discriminator's depths.

UEGAN (arXiv 2012.15020), quality loss of section III-D, after the relativistic average GAN (Jolicoeur-Martineau, ICLR 2019):
a picture is judged against the average picture of the other kind, not on its own.

    L_D(y,f) = Σ_s ½ [ E relu(1 − (D_s(y) − E D_s(f))) + E relu(1 + (D_s(f) − E D_s(y))) ]
    L_G(y,f) = Σ_s ½ [ E relu(1 + (D_s(y) − E D_s(f))) + E relu(1 − (D_s(f) − E D_s(y))) ]

y is a good picture of another scene, f an enhanced (or raw) one, s runs over the depths, E is the mean over batch and map,
the batch being that of all processes.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import relu

from edgeenh_train.distributed import global_mean


def _hinge(wins: Tensor, loses: Tensor) -> Tensor:
    """One depth's term when `wins` ought to be judged above `loses`: maps [B,1,H,W] to a scalar."""
    won, lost = global_mean(wins.mean()), global_mean(loses.mean())
    return 0.5 * (relu(1.0 - (wins - lost)).mean() + relu(1.0 + (loses - won)).mean())


def discriminator_loss(good: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """L_D above: the discriminator wants good pictures judged higher than fakes.

    Args:
        good: Prediction maps of good pictures, float [B,1,H,W] per depth.
        fake: Prediction maps of enhanced or raw pictures, likewise.

    Returns:
        A scalar tensor, 0 or more.
    """
    return sum((_hinge(y, f) for y, f in zip(good, fake, strict=True)), start=good[0].new_zeros(()))


def generator_loss(good: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """L_G above: the generator wants its pictures judged higher than good ones. Arguments as `discriminator_loss`."""
    return discriminator_loss(fake, good)
