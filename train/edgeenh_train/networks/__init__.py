"""The generator in its variants, and the multi-scale discriminator."""

from edgeenh_train.networks.discriminator import MultiScaleDiscriminator
from edgeenh_train.networks.edge import EdgeGenerator
from edgeenh_train.networks.generator import (
    DEFAULT_CAP,
    SIZE_MULTIPLE,
    VARIANTS,
    Generator,
    SeedGenerator,
    build_generator,
)

__all__ = [
    "DEFAULT_CAP",
    "SIZE_MULTIPLE",
    "VARIANTS",
    "EdgeGenerator",
    "Generator",
    "MultiScaleDiscriminator",
    "SeedGenerator",
    "build_generator",
]
