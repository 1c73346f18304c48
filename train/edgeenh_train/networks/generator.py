"""The generators by name, and the seed's own: encoder with Global Attention and Local Feature Enhancement, deconvolution decoder, bounded residual.

    image ── conv ── stage ── stage           each stage halves the size, with a Global Attention Module in each
              │        │        │
              │        │  Local Feature Enhancement
              ▼        ▼        │
            skip ◄─ deconv ◄─ deconv          each deconvolution doubles the size; skips are added
              │
            head ── residual                  enhanced = clamp(image + strength · cap · tanh(residual))

That is the seed's text to the letter, at full resolution. The variants for use are `edgeenh_train.networks.edge`'s.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from edgeenh_train.networks.attention import GlobalAttentionModule, LocalFeatureEnhancement
from edgeenh_train.networks.blocks import ConvBlock
from edgeenh_train.networks.edge import EdgeGenerator, EdgeVariant
from edgeenh_train.networks.stages import Stage, UpStage

SIZE_MULTIPLE = 8
"""Height and width of the input must be multiples of this for every variant: the side of an edge variant's patch. The usual heights of
cameras are (720, 1080, 2160), so their frames need no padding."""

DEFAULT_CAP = 0.6
"""Largest change of a pixel, as a share of the full range, that a generator may make unless told otherwise: two and a half stops of
underexposure move a middle grey by half the range."""

SEED_WIDTHS = (32, 64, 128)

EDGE_VARIANTS: dict[str, EdgeVariant] = {
    "n": EdgeVariant(widths=(16, 24, 48), convs=(0, 1, 1), attention=(0, 0, 8)),
    "s": EdgeVariant(widths=(24, 48, 96), convs=(1, 1, 1), attention=(0, 8, 16)),
    "m": EdgeVariant(widths=(48, 96, 160), convs=(1, 1, 2), attention=(0, 32, 64)),
}

VARIANTS = (*EDGE_VARIANTS, "seed")
"""Names of all variants."""


class SeedGenerator(nn.Module):
    """See the module's docstring. Untrained, it is the identity.

    Args:
        cap: Largest change of a pixel, 0…1 of the full range.
        channels: Channels of the picture: 3 RGB, 1 grey.
    """

    def __init__(self, cap: float, channels: int = 3) -> None:
        super().__init__()
        self.cap, self.channels = cap, channels
        first, last = SEED_WIDTHS[0], SEED_WIDTHS[-1]
        self.stem = nn.Sequential(
            ConvBlock(channels, first), ConvBlock(first, first), GlobalAttentionModule(first, first)
        )
        self.encoder = nn.ModuleList(Stage(a, b, 1, b) for a, b in pairwise(SEED_WIDTHS))
        self.local = LocalFeatureEnhancement(last)
        self.decoder = nn.ModuleList(UpStage(b, a, 1, learned=True) for a, b in reversed(list(pairwise(SEED_WIDTHS))))
        self.head = nn.Conv2d(first, channels, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]  # Conv2d has a bias unless told otherwise

    def coefficients(self, image_BCHW: Tensor) -> tuple[Tensor, ...]:
        """The residual before its bound: one float [B,C,H,W], any value."""
        skips = [self.stem(image_BCHW)]
        for stage in self.encoder:
            skips.append(stage(skips[-1]))
        features: Tensor = self.local(skips.pop())
        for up in self.decoder:
            features = up(features, skips.pop())
        return (self.head(features),)

    def change(self, image: Tensor, coefficients: tuple[Tensor, ...]) -> Tensor:  # noqa: ARG002  # the edge variants need the image
        """What strength 1 adds: float of any layout; within ±cap."""
        return self.cap * torch.tanh(coefficients[0])

    def forward(self, image_BCHW: Tensor, strength: Tensor | float = 1.0) -> Tensor:
        """Enhance.

        Args:
            image_BCHW: Float [B,C,H,W], RGB or grey, 0…1; H and W multiples of `SIZE_MULTIPLE`.
            strength: 0…1, a number or a tensor that broadcasts; 0 gives the input back exactly.

        Returns:
            Float [B,C,H,W], 0…1, a new tensor.
        """
        change = self.change(image_BCHW, self.coefficients(image_BCHW))
        return (image_BCHW + strength * change).clamp(0.0, 1.0)


Generator = EdgeGenerator | SeedGenerator
"""What `build_generator` makes: `forward`, and the same in two parts, `coefficients` and `change`, for export."""


def build_generator(variant: str, cap: float = DEFAULT_CAP, channels: int = 3) -> Generator:
    """Make the generator of a named variant, with fresh weights from torch's global random state.

    Args:
        variant: One of `VARIANTS`.
        cap: Largest change of a pixel, 0…1 of the full range.
        channels: 3 for RGB, 1 for grey.

    Raises:
        KeyError: No such variant.
    """
    if variant == "seed":
        return SeedGenerator(cap, channels)
    return EdgeGenerator(EDGE_VARIANTS[variant], cap, channels)
