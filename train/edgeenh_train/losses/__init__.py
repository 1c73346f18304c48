"""The three losses of unpaired enhancement: quality, consistency, identity. Each file names the paper and equation it implements.

Letters behind a name: B batch, C channels, H height, W width.
"""

from edgeenh_train.losses.consistency import consistency_loss
from edgeenh_train.losses.identity import identity_loss
from edgeenh_train.losses.quality import discriminator_loss, generator_loss

__all__ = ["consistency_loss", "discriminator_loss", "generator_loss", "identity_loss"]
