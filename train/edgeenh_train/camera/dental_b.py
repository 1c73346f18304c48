"""Camera `dental-b`: a second intraoral camera, built on other assumptions than `dental`, which no training sees.

It is there to test what was learnt on `dental`: nothing below is a parameter of the other model. Everything happens in display
space, as in a cheap camera whose firmware hides the sensor: a power curve and a narrowed range for exposure, polynomial vignetting
and a lamp to one side, a full 3×3 colour matrix, sharpening with halos or a slight blur, noise that is strong in the
dark and correlated between neighbours in its colour, then WebP or 4:2:0 JPEG.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh_train.camera import optics
from edgeenh_train.camera.base import Draw, Float, check_image, new_seed, own_draw

SHARPENED_SHARE = 0.5
WEBP_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class DentalBDraw(Draw):
    """One draw of `dental-b`.

    Attributes:
        gamma: Power of the display values; above 1 darkens.
        contrast: Weight 0…1 of a smooth step x²·(3 − 2x) against the straight line.
        black, white: Where 0 and 1 end up, display values.
        vignette_2, vignette_4: Light lost at a corner by r² and by r⁴, shares.
        side, side_angle: Difference of light from one side to the other (share, per half diagonal), and where the lamp is, radians.
        red, blue: Gains of the channels.
        crosstalk: Share that each channel takes from the two others.
        sharpen: Weight of the unsharp mask; 0 = the picture is blurred instead.
        radius: Standard deviation of that mask or blur, in pixels of a 640-wide picture.
        noise: Standard deviation of the grey noise at black, display values; it falls linearly to a third at white.
        chroma_noise: The same of the colour noise, which is the same for blocks of 2×2 pixels.
        webp: Whether WebP (else JPEG 4:2:0).
        quality: Of WebP or JPEG.
    """

    camera: ClassVar[str] = "dental-b"
    gamma: float
    contrast: float
    black: float
    white: float
    vignette_2: float
    vignette_4: float
    side: float
    side_angle: float
    red: float
    blue: float
    crosstalk: float
    sharpen: float
    radius: float
    noise: float
    chroma_noise: float
    webp: bool
    quality: int


class DentalBCamera:
    """The camera model `dental-b`; see `edgeenh_train.camera.base.Camera` for the contract."""

    name = "dental-b"
    channels = 3
    draw_type: type[Draw] = DentalBDraw

    def draw(self, rng: np.random.Generator) -> DentalBDraw:
        """Everything that chance decides about one picture."""
        seed = new_seed(rng)
        sharpens, webp = rng.random() < SHARPENED_SHARE, bool(rng.random() < WEBP_SHARE)
        return DentalBDraw(
            seed=seed,
            gamma=rng.uniform(1.2, 2.2),
            contrast=rng.uniform(0.0, 0.5),
            black=rng.uniform(0.0, 0.05),
            white=rng.uniform(0.6, 0.95),
            vignette_2=rng.uniform(0.05, 0.35),
            vignette_4=rng.uniform(0.0, 0.25),
            side=rng.uniform(0.0, 0.3),
            side_angle=rng.uniform(0.0, 2 * math.pi),
            red=rng.uniform(0.97, 1.1),
            blue=rng.uniform(0.6, 0.97),
            crosstalk=rng.uniform(0.0, 0.1),
            sharpen=rng.uniform(0.2, 1.0) if sharpens else 0.0,
            radius=rng.uniform(0.8, 1.6) if sharpens else rng.uniform(0.3, 1.2),
            noise=rng.uniform(0.005, 0.025),
            chroma_noise=rng.uniform(0.005, 0.02),
            webp=webp,
            quality=int(rng.integers(60, 91)),
        )

    def degrade(self, image: Float, draw: Draw) -> Float:
        """The picture as this camera would have taken it; float32 [H,W,3] RGB on the 256 levels of 8 bit.

        Raises:
            UsageError: Not float32 [H,W,3], or a draw of another camera.
        """
        d = own_draw(draw, DentalBDraw)
        check_image(image, self.channels, self.name)
        height, width = image.shape[:2]
        lit = _curve(image, d) * _shading(d, height, width)[..., None]
        coloured = np.asarray(cv2.transform(lit, _matrix(d)), dtype=np.float32)
        noisy = _noisy(_sharpened(coloured, d), d)
        if d.webp:
            return optics.through_codec(noisy, ".webp", [cv2.IMWRITE_WEBP_QUALITY, d.quality])
        sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
        return optics.through_codec(noisy, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, d.quality, *sampling])


def _curve(image: Float, draw: DentalBDraw) -> Float:
    powered = np.asarray(cv2.pow(np.clip(image, 0.0, 1.0), draw.gamma), dtype=np.float32)
    step = powered * powered * (np.float32(3.0) - np.float32(2.0) * powered)
    curved = powered + np.float32(draw.contrast) * (step - powered)
    return np.float32(draw.black) + np.float32(draw.white - draw.black) * curved


def _shading(draw: DentalBDraw, height: int, width: int) -> Float:
    x, y = optics.coordinates(height, width)
    squared = x * x + y * y
    vignette = np.float32(1.0) - squared * np.float32(draw.vignette_2) - squared**2 * np.float32(draw.vignette_4)
    towards = x * np.float32(math.cos(draw.side_angle)) + y * np.float32(math.sin(draw.side_angle))
    return np.asarray(vignette * (np.float32(1.0) + np.float32(draw.side) * towards), dtype=np.float32)


def _matrix(draw: DentalBDraw) -> NDArray[np.float64]:
    """Rows make R, G and B of the old R, G and B: what a channel takes from its neighbours, then its gain."""
    mixing = np.full((3, 3), draw.crosstalk / 2) + np.eye(3) * (1 - 1.5 * draw.crosstalk)
    return np.asarray(np.diag([draw.red, 1.0, draw.blue]) @ mixing)


def _sharpened(image: Float, draw: DentalBDraw) -> Float:
    blurred = optics.gaussian(image, optics.at_width(draw.radius, image.shape[1]))
    if not draw.sharpen:
        return blurred
    return np.clip(image + np.float32(draw.sharpen) * (image - blurred), 0.0, 1.0)


def _noisy(image: Float, draw: DentalBDraw) -> Float:
    rng = np.random.default_rng(draw.seed)
    height, width = image.shape[:2]
    grey = rng.standard_normal((height, width), dtype=np.float32)
    blocks = rng.standard_normal(((height + 1) // 2, (width + 1) // 2, 3), dtype=np.float32)
    colour = cv2.resize(blocks - blocks.mean(axis=2, keepdims=True), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    field = np.float32(draw.noise) * grey[..., None] + np.float32(draw.chroma_noise) * colour[:height, :width]
    darkness = np.float32(1.0) - np.float32(2 / 3) * image.mean(axis=2, keepdims=True)
    return np.asarray(image + field * darkness, dtype=np.float32)
