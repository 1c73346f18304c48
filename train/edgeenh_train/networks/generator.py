"""The generator: encoder with Global Attention and Local Feature Enhancement, deconvolution decoder, bounded residual.

    image ── stem ── stage ── … ── stage      each stage halves the size; a Global Attention Module where the table says so
               │        │              │
               │        │        Local Feature Enhancement
               ▼        ▼              │
             skip  ◄─ deconv ◄─ deconv ┘      each deconvolution doubles the size; skips are added
               │
             head ── residual                 enhanced = clamp(image + strength · cap · tanh(residual))

`residual` comes from the head in one of two forms. Direct (variant `seed`): the head's three channels. Modulated (the edge
variants): `residual = gain ⊙ image`, the gain being the head's three channels, bounded, made at quarter resolution and interpolated.
Detail can then only come from the image itself: the small variants can brighten, darken and recolour a structure, not draw
one, and black stays black. UEGAN multiplies decoder and image features for the same purpose (arXiv 2012.15020, section
III-B); a picture as illumination times reflectance is Retinex (Land and McCann, JOSA 61, 1971).

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeenh_train.networks.attention import GlobalAttentionModule, LocalFeatureEnhancement
from edgeenh_train.networks.blocks import BilinearDeconv, ConvBlock, DeconvBlock

SIZE_MULTIPLE = 16
"""Height and width of the input must be multiples of this for every variant."""

DEFAULT_CAP = 0.4
"""Largest change of a pixel, as a share of the full range, that a generator may make unless told otherwise."""

GAIN_LIMIT = 2.5
"""Bound of the gain that the three channels share, in the edge variants: near black, values grow at most by the factor
1 + cap · (GAIN_LIMIT + COLOUR_LIMIT). Without a bound, `tanh` saturates, and a picture is lifted by one grey haze instead of being brightened (docs/log.md, 2026-11-22)."""

COLOUR_LIMIT = 0.5
"""Bound of how far each channel's gain may lie from the part all three share: white balance needs little, and a tooth's shade must not
be repainted (docs/log.md, 2026-11-22)."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the table of sizes.

    Attributes:
        stride: Pixels per side of the stem's patch; the heaviest work happens at 1/stride of the size and below.
        widths: Channels of the stem and of each stage behind it.
        convs: Further 3×3 convolutions at the same places, in encoder and decoder alike.
        attention: Channels of each Global Attention branch at the same places; 0 = none there.
        modulated: Whether the head gives a gain on the image, over deconvolutions that interpolate; or, as the seed's text
            has it, the residual itself, over learned deconvolutions.
    """

    stride: int
    widths: tuple[int, ...]
    convs: tuple[int, ...]
    attention: tuple[int, ...]
    modulated: bool


VARIANTS: dict[str, Variant] = {
    "n": Variant(stride=4, widths=(16, 24, 48), convs=(0, 1, 1), attention=(0, 0, 8), modulated=True),
    "s": Variant(stride=4, widths=(24, 48, 96), convs=(1, 1, 1), attention=(0, 8, 16), modulated=True),
    "m": Variant(stride=4, widths=(48, 96, 160), convs=(1, 1, 2), attention=(0, 32, 64), modulated=True),
    "seed": Variant(stride=1, widths=(32, 64, 128), convs=(1, 1, 1), attention=(32, 64, 128), modulated=False),
}


class DeconvHead(nn.Module):
    """From the decoder's features to a field of three channels at full resolution. Starts at zero: an untrained generator is the identity.

    A 1×1 convolution makes the field at stem resolution and `BilinearDeconv` carries it up, so the field holds no detail finer
    than the stem's patch and no grid; `bounded`, its channels share a value within ±GAIN_LIMIT and
    differ from it by at most COLOUR_LIMIT. With stride 1 (variant `seed`) nothing needs carrying up, and a 3×3 convolution takes its place.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, *, bounded: bool) -> None:
        super().__init__()
        self.bounded = bounded
        self.conv = nn.Conv2d(inputs, outputs, 1 if stride > 1 else 3, padding=0 if stride > 1 else 1)
        self.up = BilinearDeconv(outputs, stride) if stride > 1 else None
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]  # Conv2d has a bias unless told otherwise

    def field(self, features_BCHW: Tensor) -> Tensor:
        """The field before it is carried up, bounded where there are limits: float [B,outputs,H/stride,W/stride]."""
        field: Tensor = self.conv(features_BCHW)
        if not self.bounded:
            return field
        light = field.mean(dim=1, keepdim=True)
        return GAIN_LIMIT * torch.tanh(light) + COLOUR_LIMIT * torch.tanh(field - light)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,inputs,H/stride,W/stride] to float [B,outputs,H,W]."""
        field = self.field(features_BCHW)
        if self.up is None:
            return field
        edged = functional.pad(field, (1, 1, 1, 1), mode="replicate")  # else the field would fall off at the borders
        result: Tensor = self.up(edged, margin=1)
        return result


def conv_blocks(channels: int, count: int) -> nn.Sequential:
    """`count` 3×3 blocks that keep size and channels; none is the identity."""
    return nn.Sequential(*(ConvBlock(channels, channels) for _ in range(count)))


class Stage(nn.Module):
    """Strided convolution, further convolutions, Global Attention Module where the variant has one."""

    def __init__(self, inputs: int, outputs: int, convs: int, attention: int) -> None:
        super().__init__()
        self.down = ConvBlock(inputs, outputs, stride=2)
        self.convs = conv_blocks(outputs, convs)
        self.attention = GlobalAttentionModule(outputs, attention) if attention else nn.Identity()

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,inputs,H,W] to float [B,outputs,H/2,W/2]."""
        result: Tensor = self.attention(self.convs(self.down(features_BCHW)))
        return result


class UpStage(nn.Module):
    """Deconvolution, skip added, further convolutions."""

    def __init__(self, inputs: int, outputs: int, convs: int, *, learned: bool) -> None:
        super().__init__()
        self.deconv = DeconvBlock(inputs, outputs, learned=learned)
        self.convs = conv_blocks(outputs, convs)

    def forward(self, features_BCHW: Tensor, skip_BCHW: Tensor) -> Tensor:
        """Float [B,inputs,H,W] and skip [B,outputs,2H,2W] to float [B,outputs,2H,2W]."""
        result: Tensor = self.convs(self.deconv(features_BCHW) + skip_BCHW)
        return result


class Generator(nn.Module):
    """See the module's docstring.

    Args:
        variant: The row of `VARIANTS`.
        cap: Largest change of a pixel, 0…1 of the full range.
    """

    def __init__(self, variant: Variant, cap: float = DEFAULT_CAP) -> None:
        super().__init__()
        self.variant = variant
        self.cap = cap
        widths, convs, attention = variant.widths, variant.convs, variant.attention
        kernel = variant.stride if variant.stride > 1 else 3
        self.stem = ConvBlock(3, widths[0], kernel=kernel, stride=variant.stride)
        self.stem_convs = conv_blocks(widths[0], convs[0] if variant.stride == 1 else 0)
        self.stem_attention = GlobalAttentionModule(widths[0], attention[0]) if attention[0] else nn.Identity()
        self.encoder = nn.ModuleList(
            Stage(a, b, c, g) for (a, b), c, g in zip(pairwise(widths), convs[1:], attention[1:], strict=True)
        )
        self.local = LocalFeatureEnhancement(widths[-1])
        self.decoder = nn.ModuleList(
            UpStage(b, a, c, learned=not variant.modulated)
            for (a, b), c in reversed(list(zip(pairwise(widths), convs[:-1], strict=True)))
        )
        self.head = DeconvHead(widths[0], 3, variant.stride, bounded=variant.modulated)

    def features(self, image_BCHW: Tensor) -> Tensor:
        """Everything between the image and the head: float [B,C,H/stride,W/stride]."""
        skips = [self.stem_attention(self.stem_convs(self.stem(image_BCHW)))]
        for stage in self.encoder:
            skips.append(stage(skips[-1]))
        features: Tensor = self.local(skips.pop())
        for up in self.decoder:
            features = up(features, skips.pop())
        return features

    def residual(self, image_BCHW: Tensor) -> Tensor:
        """What the network wants to add, before bound and strength: float [B,3,H,W], any value."""
        field: Tensor = self.head(self.features(image_BCHW))
        return field * image_BCHW if self.variant.modulated else field

    def forward(self, image_BCHW: Tensor, strength: Tensor | float = 1.0) -> Tensor:
        """Enhance.

        Args:
            image_BCHW: Float [B,3,H,W], RGB, 0…1; H and W multiples of `SIZE_MULTIPLE`.
            strength: 0…1, a number or a tensor that broadcasts; 0 gives the input back exactly.

        Returns:
            Float [B,3,H,W], RGB, 0…1, a new tensor.
        """
        change = self.cap * torch.tanh(self.residual(image_BCHW))
        return (image_BCHW + strength * change).clamp(0.0, 1.0)


def build_generator(variant: str, cap: float = DEFAULT_CAP) -> Generator:
    """Make the generator of a named variant, with fresh weights from torch's global random state.

    Raises:
        KeyError: No such variant; `VARIANTS` lists them.
    """
    return Generator(VARIANTS[variant], cap)
