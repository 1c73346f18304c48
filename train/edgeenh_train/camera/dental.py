"""Camera `dental`: a good photograph of a mouth as a small intraoral camera would have taken it.

The chain is that of a camera, in its order and in linear light: the lamp (its place, fall-off, ring and colour), exposure, the
lens and the hand (defocus, motion), the sensor (shot and read noise), then the curve, 8 bits and JPEG.

Sources: sRGB curve: IEC 61966-2-1. Planckian locus in CIE 1960 u, v: M. Krystek, "An algorithm to calculate correlated colour
temperature", Color Research & Application 10(1), 1985. Noise: A. Foi et al., "Practical Poissonian-Gaussian noise modeling and
fitting for single-image raw-data", IEEE TIP 17(10), 2008: variance a·x + b, in its normal approximation. Fall-off: the
inverse-square law for a lamp beside the lens, at the distance of the scene's middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import cv2
import numpy as np

from edgeenh_train.camera import optics
from edgeenh_train.camera.base import Draw, Float, check_image, new_seed, own_draw

NEUTRAL_MIRED = 1e6 / 6504  # the white of sRGB
MOTION_SHARE = 0.5
JPEG_SHARE = 0.8

_XYZ_TO_SRGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)  # IEC 61966-2-1
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_LEAST_GAIN = 0.05


@dataclass(frozen=True, slots=True)
class DentalDraw(Draw):
    """One draw of `dental`; lengths of blur are in pixels of a 640-wide picture, places in half diagonals.

    Attributes:
        exposure: Stops, −2.5…−0.5, of the mean light.
        light_x, light_y: Where the lamp points, from the picture's middle.
        light_distance: Distance of the lamp: light falls as (1 + (r / distance)²)^−2; small is steep.
        ring_gain, ring_radius, ring_width: Height (share of the light at the middle), place and width of the bright ring.
        mired: Shift of the lamp's colour temperature in mired (10^6 / K); positive is yellow.
        tint: Shift across the Planckian locus in CIE 1960 v; positive is green.
        defocus: Standard deviation of the blur, pixels.
        motion, motion_angle: Length of the line, pixels (0 = none), and its angle, radians.
        full_well: Electrons of a saturated pixel; sets the shot noise.
        read_noise: Electrons, standard deviation.
        jpeg: Quality, or 0 for none.
    """

    camera: ClassVar[str] = "dental"
    exposure: float
    light_x: float
    light_y: float
    light_distance: float
    ring_gain: float
    ring_radius: float
    ring_width: float
    mired: float
    tint: float
    defocus: float
    motion: float
    motion_angle: float
    full_well: float
    read_noise: float
    jpeg: int


class DentalCamera:
    """The camera model `dental`; see `edgeenh_train.camera.base.Camera` for the contract."""

    name = "dental"
    channels = 3
    draw_type: type[Draw] = DentalDraw

    def draw(self, rng: np.random.Generator) -> DentalDraw:
        """Everything that chance decides about one picture."""
        seed = new_seed(rng)
        moves, compresses = rng.random() < MOTION_SHARE, rng.random() < JPEG_SHARE
        return DentalDraw(
            seed=seed,
            exposure=rng.uniform(-2.5, -0.5),
            light_x=rng.uniform(-0.3, 0.3),
            light_y=rng.uniform(-0.25, 0.25),
            light_distance=rng.uniform(1.0, 2.2),
            ring_gain=rng.uniform(0.0, 0.35),
            ring_radius=rng.uniform(0.1, 0.5),
            ring_width=rng.uniform(0.08, 0.25),
            mired=rng.uniform(-15.0, 90.0),
            tint=rng.uniform(-0.006, 0.01),
            defocus=rng.uniform(0.2, 1.5),
            motion=rng.uniform(0.5, 4.0) if moves else 0.0,
            motion_angle=rng.uniform(0.0, math.pi),
            full_well=math.exp(rng.uniform(math.log(1000.0), math.log(8000.0))),
            read_noise=rng.uniform(2.0, 8.0),
            jpeg=int(rng.integers(75, 96)) if compresses else 0,
        )

    def degrade(self, image: Float, draw: Draw) -> Float:
        """The picture as this camera would have taken it; float32 [H,W,3] RGB on the 256 levels of 8 bit.

        Raises:
            UsageError: Not float32 [H,W,3], or a draw of another camera.
        """
        d = own_draw(draw, DentalDraw)
        check_image(image, self.channels, self.name)
        height, width = image.shape[:2]
        light = optics.srgb_to_linear(image) * (lamp(d, height, width)[..., None] * lamp_colour(d.mired, d.tint))
        light = optics.gaussian(light, optics.at_width(d.defocus, width))
        light = optics.motion(light, optics.at_width(d.motion, width), d.motion_angle)
        shown = optics.linear_to_srgb(_exposed(light, d))
        if not d.jpeg:
            return optics.rounded(shown, 255)
        return optics.through_codec(shown, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, d.jpeg])


def lamp(draw: DentalDraw, height: int, width: int) -> Float:
    """The light that falls on each pixel, [H,W]; its mean is 2^exposure."""
    x, y = optics.coordinates(height, width)
    squared = (x - np.float32(draw.light_x)) ** 2 + (y - np.float32(draw.light_y)) ** 2
    field = 1.0 / np.square(1.0 + squared / np.float32(draw.light_distance**2))
    off_ring = (np.sqrt(squared) - np.float32(draw.ring_radius)) / np.float32(draw.ring_width)
    field += np.float32(draw.ring_gain) * cv2.exp(np.float32(-0.5) * off_ring**2)
    return np.asarray(field * np.float32(2.0**draw.exposure / float(field.mean(dtype=np.float64))), dtype=np.float32)


@lru_cache(maxsize=256)
def lamp_colour(mired: float, tint: float) -> Float:
    """Gains of linear R, G and B, [3], under a lamp `mired` away from the white of sRGB; luminance is kept.

    The gains act on the channels as they are (von Kries with sRGB as the sensor): a camera whose white balance is set to
    daylight while its lamp is not.
    """
    ratio = _planckian_rgb(NEUTRAL_MIRED + mired, tint) / _planckian_rgb(NEUTRAL_MIRED, 0.0)
    gains = np.maximum(ratio, _LEAST_GAIN)
    return np.asarray(gains / (_LUMINANCE @ gains), dtype=np.float32)


def _planckian_rgb(mired: float, tint: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Linear sRGB of a Planckian radiator (Krystek 1985, 1000–15,000 K) at luminance 1, shifted by `tint` in v."""
    t = 1e6 / mired
    u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t * t) / (1 + 8.42420235e-4 * t + 7.08145163e-7 * t * t)
    v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t * t) / (1 - 2.89741816e-5 * t + 1.61456053e-7 * t * t)
    v += tint
    x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
    return np.asarray(_XYZ_TO_SRGB @ np.array([x / y, 1.0, (1 - x - y) / y]))


def _exposed(light: Float, draw: DentalDraw) -> Float:
    """Sensor noise: variance light / full_well + (read_noise / full_well)², with light 1 at saturation."""
    noise = np.random.default_rng(draw.seed).standard_normal(light.shape, dtype=np.float32)
    variance = light * np.float32(1.0 / draw.full_well) + np.float32((draw.read_noise / draw.full_well) ** 2)
    return light + noise * cv2.sqrt(variance)
