"""The losses, one file each; each file names the paper and equation it implements.

Unpaired: quality (looks like good pictures), consistency (keeps the structure of the input), identity (leaves good pictures
alone), structure. With a truth, known or made: truth, colour. Letters behind a name: B batch, C channels, H height, W width.
"""

from edgeenh_train.losses.colour import colour_loss
from edgeenh_train.losses.consistency import consistency_loss
from edgeenh_train.losses.identity import identity_loss
from edgeenh_train.losses.quality import discriminator_loss, generator_loss
from edgeenh_train.losses.structure import structure_loss
from edgeenh_train.losses.truth import truth_loss

__all__ = [
    "colour_loss",
    "consistency_loss",
    "discriminator_loss",
    "generator_loss",
    "identity_loss",
    "structure_loss",
    "truth_loss",
]
