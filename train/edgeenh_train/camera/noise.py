"""Camera `dental-noise`: only the sensor noise of `dental`, at full exposure. A denoiser's training set: what DnCNN was made for."""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeenh_train.camera.base import Draw, Float, check_image, own_draw
from edgeenh_train.camera.dental import DentalCamera, DentalDraw

_FAR = 1e6  # a lamp so far away that its light is even


class NoiseCamera(DentalCamera):
    """The camera model `dental-noise`: draws of `dental` with light, colour, lens, hand and JPEG left out."""

    name = "dental-noise"

    def draw(self, rng: np.random.Generator) -> DentalDraw:
        """Everything that chance decides about one picture."""
        return dataclasses.replace(
            super().draw(rng), exposure=0.0, light_distance=_FAR, ring_gain=0.0, mired=0.0, tint=0.0, defocus=0.0, motion=0.0, jpeg=0
        )  # fmt: skip

    def degrade(self, image: Float, draw: Draw) -> Float:
        """The picture with noise; float32 [H,W,3] RGB on the 256 levels of 8 bit.

        Raises:
            UsageError: Not float32 [H,W,3], or a draw of another camera.
        """
        check_image(image, self.channels, self.name)
        return super().degrade(image, own_draw(draw, DentalDraw))
