"""What an edge generator does to a pixel: a curve through black, bent by smooth, bounded coefficients.

Colour, one coefficient g per channel and pixel: `x + g·x·(1 − x⁸)`. An exposure, a fall-off of the ring light or a cast of colour are
factors of linear light, and a factor of linear light is, but for the toe of sRGB, a factor of the encoded value. So up to about
0.8 this is that factor, and it keeps the contrast of neighbours in linear light: a mark of 10 % is one of 10 % afterwards. The last
factor lets white stay white where a channel is taken back.

Grey, two coefficients a and b: `x + a·x·(1 − x) + b·x·(1 − x)·(1 − 2x)`, the form of Zero-DCE (Guo et al., CVPR 2020, equation 1) and an
odd term beside it: a radiograph's veil must come off the dark end and the bright end apart.

Either way black stays black, the order of levels is kept, and a pixel changes by `cap` at most: by construction, for whatever a network gives.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

_BEND_PEAK = 0.67546  # the largest value of x·(1 − x⁸) on 0…1: 8/9 at x = 9^(−1/8)
_STEEPEST = 0.5
"""Most that a channel may be taken back: from −1 on, neighbouring levels near black would fall together."""

_ODD_PEAK = 0.09623  # the largest value of x·(1 − x)·|1 − 2x| on 0…1, 1/(6·√3)
_ODD_SHARE = 0.2
"""Share of the cap that the odd term may use."""


class GainCurve(nn.Module):
    """The change `g·x·(1 − x⁸)`, with bounds on g that keep the clamped result within `cap` of x.

    Upwards, the result reaches white at `x·(1 + g) ≥ 1` and is held there by the clamp, for the curve is concave and ends at white:
    no change exceeds `1 − 1/(1 + g)`, so g may reach `cap / (1 − cap)`. (A little above: `1 − x⁸` moves that point up, and the change down.)

    Args:
        cap: Largest change, 0…1.
    """

    coefficients = 1

    def __init__(self, cap: float) -> None:
        super().__init__()
        self.down = min(_STEEPEST, cap / _BEND_PEAK)
        self.up = cap / max(1.0 - cap, 0.1)

    def bounded(self, raw_BCHW: Tensor) -> tuple[Tensor, ...]:
        """Values −1…1, float [B,C,h,w], to the coefficient, float [B,C,h,w] within its limits; 0 stays 0."""
        return (functional.leaky_relu(raw_BCHW, self.down / self.up) * self.up,)

    def forward(self, image: Tensor, coefficients: tuple[Tensor, ...]) -> Tensor:
        """The change of values 0…1."""
        square = image * image  # products, and not a power: every backend multiplies exactly
        fourth = square * square
        return coefficients[0] * (image - image * (fourth * fourth))


class ToneCurve(nn.Module):
    """The change `a·x·(1 − x) + b·x·(1 − x)·(1 − 2x)`, with bounds on a and b that keep it within `cap`.

    Upwards, a may reach 4·cap·share, for x·(1 − x) is at most ¼. Downwards the slope at black, 1 + a + b, must not fall below
    0, or levels would swap places: a ≥ −½ and b ≥ −½ together. Nor may b exceed ½, or the curve could dip in
    between: where |a| < 3b its least slope is 1 − b/2 − a²/(6b) > 1 − 2b; elsewhere it is that at an end. Towards white the curve
    passes 1 before it turns back, and the clamp holds it there.

    Args:
        cap: Largest change, 0…1.
    """

    coefficients = 2

    def __init__(self, cap: float) -> None:
        super().__init__()
        even, odd = 4.0 * cap * (1.0 - _ODD_SHARE), cap * _ODD_SHARE / _ODD_PEAK
        self.limits = ((min(0.5, even), even), (min(0.5, odd), min(0.5, odd)))

    def bounded(self, raw_BCHW: Tensor) -> tuple[Tensor, ...]:
        """Values −1…1, float [B,2·C,h,w], to the two coefficients, each float [B,C,h,w] within its limits; 0 stays 0."""
        parts = raw_BCHW.chunk(2, dim=1)
        return tuple(
            functional.leaky_relu(part, down / up) * up for part, (down, up) in zip(parts, self.limits, strict=True)
        )

    def forward(self, image: Tensor, coefficients: tuple[Tensor, ...]) -> Tensor:
        """The change of values 0…1."""
        a, b = coefficients
        return (a + b * (1.0 - 2.0 * image)) * (image * (1.0 - image))
