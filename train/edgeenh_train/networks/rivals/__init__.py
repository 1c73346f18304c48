"""The rivals' networks, re-implemented from their papers; each maps float [B,C,H,W] 0…1 to the same, as ours do."""

from edgeenh_train.networks.rivals.dncnn import DnCnn
from edgeenh_train.networks.rivals.patchgan import PatchDiscriminator
from edgeenh_train.networks.rivals.resnet9 import ResnetGenerator
from edgeenh_train.networks.rivals.uegan import UeganDiscriminator, UeganGenerator

__all__ = ["DnCnn", "PatchDiscriminator", "ResnetGenerator", "UeganDiscriminator", "UeganGenerator"]
