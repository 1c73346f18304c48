"""A camera estimated from two folders of unpaired pictures: what does, on average, turn the good ones into the low ones?

No picture is compared with another. Every picture is described by eight numbers: six coefficients of a quadratic surface through
the logarithm of its linear luminance (how bright its bright parts are, and how that falls off over the frame), and the mean log ratios of red and
blue to luminance (its colour cast). Light multiplies, so a camera that dims, shades and tints a scene adds to these numbers,
whatever the scene is. If its eight numbers are independent of the scene, then, over many scenes,

    mean(low) = mean(high) + mean(camera)        cov(low) = cov(high) + cov(camera),

and the camera's mean and covariance follow by subtraction (the method of moments; Pearson, 1894). What comes out negative in the
covariance is sampling error and is taken as 0. Noise is estimated likewise, from the finest diagonal wavelet band (median absolute
deviation; Donoho and Johnstone, Biometrika 81, 1994).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import InputError
from edgeenh_train.camera import optics
from edgeenh_train.camera.base import Draw, Float, check_image, new_seed, own_draw

GRID_ROWS, GRID_COLUMNS = 24, 32
FEWEST = 8
"""Pictures of each kind below which eight moments cannot be estimated."""

BRIGHT = 90.0
"""Level is this percentile of the luminance left over by the surface, not its mean: how bright lit teeth are differs between scenes by
half as much (0.38 against 0.52 stops on 39 intraoral photographs), and so does the error of the estimate."""

SPREAD = 1.4
"""Draws scatter by this factor more than estimated: the mean is an estimate too, and a generator that sees more than it will meet
reads the exposure off the picture instead of trusting the average (docs/log.md has the figures)."""

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709
_FLOOR = 2.0 / 255.0 / 12.92  # two steps of 8 bit at the straight foot of the sRGB curve: keeps logarithms finite
_LEAST_GREEN = 0.2
_MAD = 0.6745

Moments = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EstimatedDraw(Draw):
    """One draw of an estimated camera.

    Attributes:
        level, across, down, across2, down2, twist: Stops: coefficients of 1, x, y, x², y² and x·y, with x and y from −1 to 1.
        red, blue: Stops that red and blue gain against luminance.
        noise: Standard deviation of the noise, in display values 0…1.
    """

    camera: ClassVar[str] = "estimated"
    level: float
    across: float
    down: float
    across2: float
    down2: float
    twist: float
    red: float
    blue: float
    noise: float


class EstimatedCamera:
    """The camera of two folders; see `edgeenh_train.camera.base.Camera` for the contract.

    Args:
        mean: [8], in the order of `EstimatedDraw`.
        root: [8,8], a root of the covariance: a draw is mean + root · standard normal.
        noise: Standard deviation of the noise, display values 0…1.
    """

    name = "estimated"
    channels = 3
    draw_type: type[Draw] = EstimatedDraw

    def __init__(self, mean: Moments, root: Moments, noise: float) -> None:
        self.mean, self.root, self.noise = mean, root, noise

    @classmethod
    def fit(cls, low: Sequence[Float], high: Sequence[Float]) -> EstimatedCamera:
        """Estimate from pictures, float32 [H,W,3] RGB 0…1; no picture of one kind need show what one of the other shows.

        Raises:
            InputError: There are fewer than eight of a kind.
        """
        for name, pictures in (("low", low), ("high", high)):
            if len(pictures) < FEWEST:
                raise InputError(
                    f"the {name} domain has {len(pictures)} pictures; estimating a camera takes at least {FEWEST}: add "
                    'pictures, or train with camera = "none"'
                )
        lows, highs = (np.stack([describe(picture) for picture in pictures]) for pictures in (low, high))
        values, vectors = np.linalg.eigh(np.cov(lows.T) - np.cov(highs.T))
        root = vectors * np.sqrt(np.clip(values, 0.0, None))
        noise_low, noise_high = (float(np.median([_noise(p) for p in pictures])) for pictures in (low, high))
        return cls(lows.mean(0) - highs.mean(0), root, math.sqrt(max(0.0, noise_low**2 - noise_high**2)))

    def draw(self, rng: np.random.Generator) -> EstimatedDraw:
        """Everything that chance decides about one picture."""
        seed = new_seed(rng)
        values = self.mean + SPREAD * self.root @ rng.standard_normal(8)
        level, across, down, across2, down2, twist, red, blue = (float(value) for value in values)
        return EstimatedDraw(seed, level, across, down, across2, down2, twist, red, blue, self.noise)

    def degrade(self, image: Float, draw: Draw) -> Float:
        """The picture as this camera would have taken it; float32 [H,W,3] RGB on the 256 levels of 8 bit.

        Raises:
            UsageError: Not float32 [H,W,3], or a draw of another camera.
        """
        d = own_draw(draw, EstimatedDraw)
        check_image(image, self.channels, self.name)
        height, width = image.shape[:2]
        stops = _surface(np.array([d.level, d.across, d.down, d.across2, d.down2, d.twist]), height, width)
        light = optics.srgb_to_linear(image) * np.exp2(stops)[..., None]
        light *= _cast(d.red, d.blue)
        shown = optics.linear_to_srgb(light)
        if d.noise:
            shown += np.float32(d.noise) * np.random.default_rng(d.seed).standard_normal(shown.shape, dtype=np.float32)
        return optics.rounded(shown, 255)


def describe(image: Float) -> Moments:
    """The eight numbers of a picture, float32 [H,W,3] RGB 0…1, in stops."""
    small = cv2.resize(optics.srgb_to_linear(image), (GRID_COLUMNS, GRID_ROWS), interpolation=cv2.INTER_AREA) + _FLOOR
    logs = np.log2(small.reshape(-1, 3).astype(np.float64))
    luminance = np.log2(small.reshape(-1, 3) @ _LUMINANCE)
    basis = _basis(GRID_ROWS, GRID_COLUMNS)
    surface, *_ = np.linalg.lstsq(basis, luminance, rcond=None)
    surface[0] = np.percentile(luminance - basis[:, 1:] @ surface[1:], BRIGHT)
    return np.concatenate([surface, (logs[:, 0::2] - luminance[:, None]).mean(axis=0)])


def _basis(height: int, width: int) -> Moments:
    """1, x, y, x², y², x·y at the pixel centres, [H·W,6], with x and y from −1 to 1."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width * 2 - 1, (np.arange(height) + 0.5) / height * 2 - 1)
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).reshape(-1, 6)


def _surface(coefficients: Moments, height: int, width: int) -> Float:
    """The quadratic surface over a picture, [H,W]; made on the grid and interpolated, for it is smooth."""
    grid = (_basis(GRID_ROWS, GRID_COLUMNS) @ coefficients).reshape(GRID_ROWS, GRID_COLUMNS).astype(np.float32)
    return np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _cast(red: float, blue: float) -> Float:
    """Gains of linear R, G, B that move red and blue by so many stops and keep the luminance of white."""
    gain_red, gain_blue = 2.0**red, 2.0**blue
    green = (1.0 - _LUMINANCE[0] * gain_red - _LUMINANCE[2] * gain_blue) / _LUMINANCE[1]
    return np.array([gain_red, max(green, _LEAST_GREEN), gain_blue], dtype=np.float32)


def _noise(image: Float) -> float:
    """Standard deviation of the noise: the median absolute value of the diagonal band of a Haar wavelet, over 0.6745."""
    even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2].mean(axis=2)
    diagonal = (even[0::2, 0::2] - even[0::2, 1::2] - even[1::2, 0::2] + even[1::2, 1::2]) / 2
    # the mean of three channels has a third of the variance of one
    return float(np.median(np.abs(diagonal)) / _MAD) * math.sqrt(3.0)
