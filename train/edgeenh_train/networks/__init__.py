"""The generator in its variants, and the multi-scale discriminator."""

from edgeenh_train.networks.discriminator import MultiScaleDiscriminator
from edgeenh_train.networks.generator import SIZE_MULTIPLE, VARIANTS, Generator, Variant, build_generator

__all__ = ["SIZE_MULTIPLE", "VARIANTS", "Generator", "MultiScaleDiscriminator", "Variant", "build_generator"]
