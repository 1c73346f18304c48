"""The edge generator: a small network sees the whole picture on a fixed grid and sets a smooth tone curve for every pixel.

    image ── patch stem ── resize ── encoder ── local ── decoder ── head ── resize ── deconv ── coefficients
              1/8 size    to GRID    Global Attention    deconvs    tanh    to 1/8   to full size      │
                                                                                                       ▼
    image ───────────────────────────────────────────────────────────────────────────────► tone curve ── enhanced

Between stem and head everything happens on a grid of one size, whatever the frame's. So the network sees in use what it saw
in training (global pooling and wide convolutions mean the same at 256 and at 3840 pixels), and its cost does not grow with the
frame: only reading, the last deconvolution and the curve do.

The curve has the form of Zero-DCE's (Guo et al., CVPR 2020, equation 1), `x + a·x·(1 − x)`, with one coefficient a per channel and
pixel, and, where the variant has two, the odd term `b·x·(1 − x)·(1 − 2x)` besides. Black stays black, white stays white, the
order of levels is kept, and the change is at most `cap`: all by construction, since a and b are bounded and vary smoothly. Detail
can only come from the image; nothing can be drawn.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeenh_train.networks.attention import LocalFeatureEnhancement
from edgeenh_train.networks.blocks import BilinearDeconv, ConvBlock
from edgeenh_train.networks.stages import Stage, UpStage

GRID = (48, 64)
"""Rows and columns on which the network works."""

STEM_STRIDE = 8

MARGIN = 4
"""Cells by which the grid is continued on every side while the network works: its convolutions see zeros beyond the border, and the
frame that this paints must lie outside the picture. A multiple of the network's own stride."""

_ODD_PEAK = 0.09623  # the largest value of x·(1 − x)·|1 − 2x| on 0…1, 1/(6·√3)
_ODD_SHARE = 0.2
"""Share of the cap that the odd term may use, where there is one."""


@dataclass(frozen=True, slots=True)
class EdgeVariant:
    """One row of the table of sizes.

    Attributes:
        widths: Channels of the stem and of each stage behind it.
        convs: Further 3×3 convolutions at the same places, in encoder and decoder alike.
        attention: Channels of each Global Attention branch at the same places; 0 = none there.
        coefficients: Coefficients of the curve, 1 or 2; one-channel pictures always have 2, because a radiograph's veil
            must come off the dark end and the bright end apart.
    """

    widths: tuple[int, ...]
    convs: tuple[int, ...]
    attention: tuple[int, ...]
    coefficients: int


class EdgeGenerator(nn.Module):
    """See the module's docstring. Untrained, it is the identity.

    Args:
        variant: The row of the table.
        cap: Largest change of a pixel, 0…1 of the full range.
        channels: Channels of the picture: 3 RGB, 1 grey.
    """

    def __init__(self, variant: EdgeVariant, cap: float, channels: int = 3) -> None:
        super().__init__()
        self.variant, self.cap, self.channels = variant, cap, channels
        self.curve = ToneCurve(cap, variant.coefficients if channels > 1 else 2)
        widths, convs, attention = variant.widths, variant.convs, variant.attention
        self.stem = ConvBlock(channels, widths[0], kernel=STEM_STRIDE, stride=STEM_STRIDE)
        self.encoder = nn.ModuleList(
            Stage(a, b, c, g) for (a, b), c, g in zip(pairwise(widths), convs[1:], attention[1:], strict=True)
        )
        self.local = LocalFeatureEnhancement(widths[-1])
        self.decoder = nn.ModuleList(
            UpStage(b, a, c, learned=False)
            for (a, b), c in reversed(list(zip(pairwise(widths), convs[:-1], strict=True)))
        )
        self.head = nn.Conv2d(widths[0], channels * self.curve.coefficients, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]  # Conv2d has a bias unless told otherwise
        self.up = BilinearDeconv(channels, STEM_STRIDE)

    def coefficients(self, image_BCHW: Tensor) -> tuple[Tensor, ...]:
        """The curve's coefficients: one or two float [B,C,H,W], bounded.

        Args:
            image_BCHW: Float [B,C,H,W], 0…1; H and W multiples of `STEM_STRIDE`.
        """
        features = self.stem(image_BCHW)
        height, width = features.shape[-2:]
        grid = functional.interpolate(features, size=GRID, mode="bilinear", align_corners=False)
        skips = [functional.pad(grid, (MARGIN, MARGIN, MARGIN, MARGIN), mode="replicate")]
        for stage in self.encoder:
            skips.append(stage(skips[-1]))
        features = self.local(skips.pop())
        for up in self.decoder:
            features = up(features, skips.pop())
        inner = features[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
        bounded = self.curve.bounded(torch.tanh(self.head(inner)))
        return tuple(self._carried_up(part, height, width) for part in bounded)

    def _carried_up(self, grid_BCHW: Tensor, height: int, width: int) -> Tensor:
        patches = functional.interpolate(grid_BCHW, size=(height, width), mode="bilinear", align_corners=False)
        edged = functional.pad(patches, (1, 1, 1, 1), mode="replicate")  # else the values would fall off at the borders
        result: Tensor = self.up(edged, margin=1)
        return result

    def change(self, image: Tensor, coefficients: tuple[Tensor, ...]) -> Tensor:
        """What strength 1 adds: float of any layout, image and coefficients alike; within ±cap."""
        result: Tensor = self.curve(image, coefficients)
        return result

    def forward(self, image_BCHW: Tensor, strength: Tensor | float = 1.0) -> Tensor:
        """Enhance.

        Args:
            image_BCHW: Float [B,C,H,W], RGB or grey, 0…1; H and W multiples of `STEM_STRIDE`.
            strength: 0…1, a number or a tensor that broadcasts; 0 gives the input back exactly.

        Returns:
            Float [B,C,H,W], 0…1, a new tensor.
        """
        change = self.change(image_BCHW, self.coefficients(image_BCHW))
        return (image_BCHW + strength * change).clamp(0.0, 1.0)


class ToneCurve(nn.Module):
    """The change `a·x·(1 − x) [+ b·x·(1 − x)·(1 − 2x)]`, with bounds on a and b that keep it within `cap`.

    Upwards, a may reach 4·cap·share, for x·(1 − x) is at most ¼. Downwards the slope at black, 1 + a + b, must not fall below
    0, or levels would swap places: a ≥ −1 alone, a ≥ −½ and b ≥ −½ together. Nor may b exceed ½, or the curve could dip in
    between: where |a| < 3b its least slope is 1 − b/2 − a²/(6b) > 1 − 2b; elsewhere it is that at an end. Towards white the curve
    passes 1 before it turns back, and the clamp holds it there.

    Args:
        cap: Largest change, 0…1.
        coefficients: 1 or 2.
    """

    def __init__(self, cap: float, coefficients: int) -> None:
        super().__init__()
        self.coefficients = coefficients
        if coefficients == 1:
            self.limits: tuple[tuple[float, float], ...] = ((min(1.0, 4.0 * cap), 4.0 * cap),)
        else:
            even, odd = 4.0 * cap * (1.0 - _ODD_SHARE), cap * _ODD_SHARE / _ODD_PEAK
            self.limits = ((min(0.5, even), even), (min(0.5, odd), min(0.5, odd)))

    def bounded(self, raw_BCHW: Tensor) -> tuple[Tensor, ...]:
        """Values −1…1, float [B,C·coefficients,h,w], to the coefficients, each float [B,C,h,w] within its limits; 0 stays 0."""
        parts = raw_BCHW.chunk(self.coefficients, dim=1)
        return tuple(
            functional.leaky_relu(part, down / up) * up for part, (down, up) in zip(parts, self.limits, strict=True)
        )

    def forward(self, image: Tensor, coefficients: tuple[Tensor, ...]) -> Tensor:
        """The change of values 0…1."""
        bell = image * (1.0 - image)
        if self.coefficients == 1:
            return coefficients[0] * bell
        a, b = coefficients
        return (a + b * (1.0 - 2.0 * image)) * bell
