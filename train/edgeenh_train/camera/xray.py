"""Camera `xray`: a good radiograph as a worn detector at a reduced dose would have shown it; one channel.

Radiographs are shown with dense parts bright, so a display value v (0…1) stands for an attenuation: the intensity behind the
patient is exp(−range · v), the law of Beer and Lambert. In intensity the physics is simple, and in this order: focal spot and
screen blur, scatter (a broad veil that lowers contrast), quantum noise (photons are counted: Poisson), the scintillator's
spread after it (which makes noise correlated), electronic noise. The logarithm then gives display values again, and the
viewer's part follows: a compressed window, a mild gamma, and rounding to 8 or 12 bit.

Sources: the cascade gain → quantum noise → spread → electronic noise, and the MTF of a detector in front of and behind the
counting: I. A. Cunningham, R. Shaw, "Signal-to-noise optimization of medical imaging systems", JOSA A 16(3), 1999; scatter as a
convolution of the primary with a broad kernel: J. M. Boone, J. A. Seibert, "An analytical model of the scattered radiation
distribution in diagnostic radiology", Medical Physics 15(5), 1988. The spreads are taken as Gaussian.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from edgeenh_train.camera import optics
from edgeenh_train.camera.base import Draw, Float, check_image, new_seed, own_draw

RANGE = math.log(20.0)
"""Attenuation between display black and white: full scale spans 20 : 1 in intensity, as in a window set on teeth and bone."""
TWELVE_BIT_SHARE = 0.5
_SCATTER_SHRINK = 8  # the veil is smooth; computed on a picture this many times smaller


@dataclass(frozen=True, slots=True)
class XrayDraw(Draw):
    """One draw of `xray`; lengths are in pixels of a 640-wide picture.

    Attributes:
        photons: Counted per pixel behind nothing (display black).
        blur: Standard deviation of the blur before the counting.
        spread: Of the one after it.
        electronic: Electronic noise, photons, standard deviation.
        scatter: Share 0…1 of the intensity that is veil.
        scatter_reach: Standard deviation of the veil, as a share of the width.
        black, white: Where display 0 and 1 end up.
        gamma: Power of the display values after that.
        bits: 8 or 12: depth of the result's levels.
    """

    camera: ClassVar[str] = "xray"
    photons: float
    blur: float
    spread: float
    electronic: float
    scatter: float
    scatter_reach: float
    black: float
    white: float
    gamma: float
    bits: int


class XrayCamera:
    """The camera model `xray`; see `edgeenh_train.camera.base.Camera` for the contract."""

    name = "xray"
    channels = 1
    draw_type: type[Draw] = XrayDraw

    def draw(self, rng: np.random.Generator) -> XrayDraw:
        """Everything that chance decides about one picture."""
        return XrayDraw(
            seed=new_seed(rng),
            photons=math.exp(rng.uniform(math.log(400.0), math.log(6000.0))),
            blur=rng.uniform(0.2, 1.0),
            spread=rng.uniform(0.0, 0.6),
            electronic=rng.uniform(1.0, 5.0),
            scatter=rng.uniform(0.1, 0.4),
            scatter_reach=rng.uniform(0.05, 0.15),
            black=rng.uniform(0.02, 0.2),
            white=rng.uniform(0.65, 0.9),
            gamma=rng.uniform(0.8, 1.35),
            bits=12 if rng.random() < TWELVE_BIT_SHARE else 8,
        )

    def degrade(self, image: Float, draw: Draw) -> Float:
        """The radiograph as this detector would have shown it; float32 [H,W,1] 0…1 on the levels of the draw's depth.

        Raises:
            UsageError: Not float32 [H,W,1], or a draw of another camera.
        """
        d = own_draw(draw, XrayDraw)
        check_image(image, self.channels, self.name)
        width = image.shape[1]
        intensity = np.exp(np.clip(image, 0.0, 1.0) * np.float32(-RANGE))
        intensity = _veiled(optics.gaussian(intensity, optics.at_width(d.blur, width)), d)
        counts = optics.gaussian(_counted(intensity, d), optics.at_width(d.spread, width))
        shown = np.clip(-_log(counts, d) / np.float32(RANGE), 0.0, 1.0)
        windowed = np.float32(d.black) + np.float32(d.white - d.black) * shown
        return optics.rounded(cv2.pow(windowed, d.gamma).reshape(image.shape), 2**d.bits - 1)


def _veiled(intensity: Float, draw: XrayDraw) -> Float:
    """With a share of the light spread broadly; the total stays."""
    height, width = intensity.shape[:2]
    size = (max(1, width // _SCATTER_SHRINK), max(1, height // _SCATTER_SHRINK))
    small = cv2.resize(intensity, size, interpolation=cv2.INTER_AREA)
    veil = cv2.GaussianBlur(small, (0, 0), max(draw.scatter_reach * size[0], 0.5), borderType=cv2.BORDER_REPLICATE)
    broad = cv2.resize(veil, (width, height), interpolation=cv2.INTER_LINEAR).reshape(intensity.shape)
    return np.asarray(intensity + np.float32(draw.scatter) * (broad - intensity), dtype=np.float32)


def _counted(intensity: Float, draw: XrayDraw) -> Float:
    """Photons as counted, with electronic noise: Poisson, then normal."""
    rng = np.random.default_rng(draw.seed)
    counts = rng.poisson(np.asarray(intensity * np.float32(draw.photons), dtype=np.float64)).astype(np.float32)
    return counts + np.float32(draw.electronic) * rng.standard_normal(intensity.shape, dtype=np.float32)


def _log(counts: Float, draw: XrayDraw) -> Float:
    """Logarithm of the counts as shares of the open field; a pixel without a photon counts as one with one."""
    shares = np.maximum(counts, 1.0) * np.float32(1.0 / draw.photons)
    return np.asarray(cv2.log(shares), dtype=np.float32).reshape(counts.shape)
