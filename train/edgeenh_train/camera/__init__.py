"""Camera models: what an intraoral camera or an X-ray detector makes of a good picture, reproducible to the bit.

In use:

    draw = draw_of("dental", 1, 7)
    degraded = CAMERAS["dental"].degrade(image, draw)   # float32 [H,W,3] 0…1
    again = draw_from_json(draw.to_json())              # == draw
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeenh.errors import InputError, UsageError
from edgeenh_train.camera.base import Camera, Draw, draw_from
from edgeenh_train.camera.dental import DentalCamera, DentalDraw
from edgeenh_train.camera.dental_b import DentalBCamera, DentalBDraw
from edgeenh_train.camera.noise import NoiseCamera
from edgeenh_train.camera.xray import XrayCamera, XrayDraw

CAMERAS: dict[str, Camera] = {
    camera.name: camera for camera in (DentalCamera(), DentalBCamera(), NoiseCamera(), XrayCamera())
}
"""Every camera model by its name."""

__all__ = [
    "CAMERAS",
    "Camera",
    "DentalBDraw",
    "DentalDraw",
    "Draw",
    "XrayDraw",
    "camera_named",
    "draw_from_json",
    "draw_of",
]


def camera_named(name: str) -> Camera:
    """The camera of that name.

    Raises:
        UsageError: There is none.
    """
    if name not in CAMERAS:
        raise UsageError(f"there is no camera {name!r}, expected one of {', '.join(CAMERAS)}")
    return CAMERAS[name]


def draw_of(name: str, *seed: int) -> Draw:
    """The draw of a camera that belongs to a seed of one or more integers; the same seed always gives the same draw.

    Raises:
        UsageError: There is no such camera, or no seed, or a negative one.
    """
    if not seed or min(seed) < 0:
        raise UsageError(f"a draw was asked for with seed {list(seed)}, expected one or more integers from 0")
    return camera_named(name).draw(np.random.default_rng(list(seed)))


def draw_from_json(document: Mapping[str, Any]) -> Draw:
    """The draw that `Draw.to_json` made `document` of.

    Raises:
        InputError: Its camera is unknown, a key is unknown or missing, or a value has the wrong type.
    """
    name = document.get("camera")
    if not isinstance(name, str) or name not in CAMERAS:
        raise InputError(f"a draw names camera {name!r}, expected one of {', '.join(CAMERAS)}: write the draws again")
    return draw_from(CAMERAS[name].draw_type, document)
