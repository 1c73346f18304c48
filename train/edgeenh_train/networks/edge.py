"""The edge generator: a small network sees the whole picture on a fixed grid and sets a smooth curve for every pixel.

    image ── patch stem ── resize ── encoder ── local ── decoder ── head ── surface ── resize ── deconv ── coefficients
              1/8 size    to GRID    Global Attention    deconvs            tanh     to 1/8   to full size      │
                                                                                                                ▼
    image ────────────────────────────────────────────────────────────────────────────────────────────────────► curve ── enhanced

Between stem and head everything happens on a grid of one size, whatever the frame's. So the network sees in use what it saw
in training (global pooling and wide convolutions mean the same at 256 and at 3840 pixels), and its cost does not grow with the
frame: only reading, the last deconvolution and the curve do.

What the coefficients mean is said in `edgeenh_train.networks.curves`: a gain of light for colour, the two ends of the window for grey.
They are bounded, and they vary as slowly as light does (`edgeenh_train.networks.surface`), or not at all over the picture (grey): detail can only
come from the image, and nothing can be drawn along it.

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
from edgeenh_train.networks.curves import GainCurve, WindowCurve
from edgeenh_train.networks.stages import Stage, UpStage
from edgeenh_train.networks.surface import SmoothSurface, WholePicture

GRID = (48, 64)
"""Rows and columns on which the network works."""

STEM_STRIDE = 8

MARGIN = 4
"""Cells by which the grid is continued on every side while the network works: its convolutions see zeros beyond the border, and the
frame that this paints must lie outside the picture. A multiple of the network's own stride."""


@dataclass(frozen=True, slots=True)
class EdgeVariant:
    """One row of the table of sizes.

    Attributes:
        widths: Channels of the stem and of each stage behind it.
        convs: Further 3×3 convolutions at the same places, in encoder and decoder alike.
        attention: Channels of each Global Attention branch at the same places; 0 = none there.
    """

    widths: tuple[int, ...]
    convs: tuple[int, ...]
    attention: tuple[int, ...]


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
        self.curve: GainCurve | WindowCurve = GainCurve(cap) if channels > 1 else WindowCurve(cap)
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
        self.head = nn.Conv2d(widths[0], channels * self.curve.outputs, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]  # Conv2d has a bias unless told otherwise
        self.surface = SmoothSurface(GRID, self.curve.degree) if self.curve.degree else WholePicture()
        self.up = BilinearDeconv(channels, STEM_STRIDE)

    def coefficients(self, image_BCHW: Tensor) -> tuple[Tensor, ...]:
        """The curve's coefficients: each float [B,C,H,W], bounded; [B,C,1,1] where one value holds for the whole picture.

        Args:
            image_BCHW: Float [B,C,H,W], 0…1; H and W multiples of `STEM_STRIDE`.
        """
        cells = self.cells(image_BCHW)
        return tuple(self.up(part, margin=1) for part in cells) if self.curve.degree else cells

    def cells(self, image_BCHW: Tensor) -> tuple[Tensor, ...]:
        """The coefficients of every patch, before `up` brings them to the picture's size.

        Args:
            image_BCHW: As `coefficients` takes it.

        Returns:
            Each float [B,C,H/8+2,W/8+2], bounded: the patches, continued by one on every side, or else the values would fall off at the
            borders; [B,C,1,1] where one value holds for the whole picture.
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
        bounded = self.curve.bounded(torch.tanh(self.surface(self.head(inner))))
        if not self.curve.degree:
            return bounded
        return tuple(_cells(part, height, width) for part in bounded)

    def change(self, image: Tensor, coefficients: tuple[Tensor, ...]) -> Tensor:
        """What strength 1 adds before the clamp to 0…1: float of any layout, image and coefficients alike."""
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


def _cells(grid_BCHW: Tensor, height: int, width: int) -> Tensor:
    cells = functional.interpolate(grid_BCHW, size=(height, width), mode="bilinear", align_corners=False)
    return functional.pad(cells, (1, 1, 1, 1), mode="replicate")
