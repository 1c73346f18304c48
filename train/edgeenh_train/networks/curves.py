"""What an edge generator does to a pixel: a curve through black, bent by smooth, bounded coefficients.

Colour, one coefficient g per channel and pixel: `x + g·x·(1 − x⁸)`. An exposure, a fall-off of the ring light or a cast of colour are
factors of linear light, and a factor of linear light is, but for the toe of sRGB, a factor of the encoded value. So up to about
0.8 this is that factor, and it keeps the contrast of neighbours in linear light: a mark of 10 % is one of 10 % afterwards. The last
factor lets white stay white where a channel is taken back.

Grey, two coefficients for the dark and the bright end. A radiograph's veil is an offset: the window closes on what the detector saw,
`(x − black) / (white − black)`, with a knee at either end instead of a clip: what lies beyond an end is compressed, and no finding there
is lost. Where an end must open instead, the middle bends, by `x·(1 − x)²` or `x²·(1 − x)`, and the end stays.

Either way black stays black, the order of levels is kept, and a pixel changes by `cap` at most: by construction, for whatever a network gives.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

_BEND_PEAK = 0.67546  # the largest value of x·(1 − x⁸) on 0…1: 8/9 at x = 9^(−1/8)
_STEEPEST = 0.5
"""Most that a channel may be taken back: from −1 on, neighbouring levels near black would fall together."""

_WINDOW = 0.35
"""Most that either end of a grey window may close: together they triple the contrast in the middle."""

_NARROW = 1e-3
"""Closing, 0…1, below which a knee is left out gradually: it would divide by nothing."""

_BEND, _BELLY = 0.5, 4.0 / 27.0
"""Most that the middle may bend, and the largest value of x·(1 − x)² on 0…1."""


class GainCurve(nn.Module):
    """The change `g·x·(1 − x⁸)`, with bounds on g that keep the clamped result within `cap` of x.

    Upwards, the result reaches white at `x·(1 + g) ≥ 1` and is held there by the clamp, for the curve is concave and ends at white:
    no change exceeds `1 − 1/(1 + g)`, so g may reach `cap / (1 − cap)`. (A little above: `1 − x⁸` moves that point up, and the change down.)

    Args:
        cap: Largest change, 0…1.
    """

    outputs = 1
    """Values per channel and pixel that `bounded` takes."""

    degree = 3
    """Of the surface that a coefficient may follow. On 16 held-out photographs under the camera model, the best surfaces of degree 3 bring a
    gain to 32.9 dB, of degree 2 to 32.4 dB."""

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


class WindowCurve(nn.Module):
    """The window of a grey picture: each end closes, or the middle bends towards it, with bounds that keep the clamped result within `cap`.

    Closing stretches what lies between the ends: `y = (x − black) / (1 − black − white)` runs from −B to 1 + W. The knees bring that
    back to 0…1: `y − max(0, y − (1 − W))² / 4W + max(0, B − y)² / 4B` has the slope of the window in the middle, falls to slope 0 at
    the ends, and is 0 and 1 there exactly, so that no level is lost and no change exceeds how far an end closed. Bending keeps the
    order of levels: the slope of `x + p·x·(1 − x)² − q·x²·(1 − x)` is at least `1 − (p + q)/3`.

    Args:
        cap: Largest change, 0…1.
    """

    outputs = 2
    degree = 0
    """One window for the whole picture, as a viewer has: nothing that varies over it can weaken a finding here and strengthen one there."""

    def __init__(self, cap: float) -> None:
        super().__init__()
        self.bend = min(_BEND, cap)
        self.close = min(_WINDOW, cap - _BELLY * self.bend)  # one end may close while the other bends

    def bounded(self, raw_BCHW: Tensor) -> tuple[Tensor, ...]:
        """Values −1…1, float [B,2·C,h,w], to the seven of `forward`, each float [B,C,h,w]; 0 gives no change."""
        dark, bright = raw_BCHW.chunk(2, dim=1)
        # clamp and not relu: at 0, where training begins, clamp has a gradient
        black, white = (end.clamp_min(0.0) * self.close for end in (dark, bright))
        span = 1.0 - black - white
        # span / 4·black is 1 / 4B without the operator Reciprocal, which not every engine has
        return (
            (black + white) / span,
            black / span,
            span / (4.0 * black.clamp_min(_NARROW)),
            white / span,
            span / (4.0 * white.clamp_min(_NARROW)),
            dark.clamp_max(0.0) * -self.bend,  # and no negation, which is one operator more that engines must have
            bright.clamp_max(0.0) * -self.bend,
        )

    def forward(self, image: Tensor, coefficients: tuple[Tensor, ...]) -> Tensor:
        """The change of values 0…1.

        Args:
            image: Float, any layout.
            coefficients: Gain less 1; B and 1/4B; W and 1/4W; the two bends.
        """
        gain, below, per_below, above, per_above, lift, lower = coefficients
        rest = 1.0 - image
        stretched = gain * image - below
        over = (image + stretched + (above - 1.0)).clamp_min(0.0)
        under = (below - image - stretched).clamp_min(0.0)
        knees = per_below * under * under - per_above * over * over
        return stretched + knees + image * rest * (lift * rest - lower * image)
