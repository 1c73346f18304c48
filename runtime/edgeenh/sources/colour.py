"""The border between OpenCV, which is BGR, and edgeenh, which is RGB everywhere."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray


def to_rgb(bgr: MatLike) -> NDArray[np.uint8]:
    """Turn a decoded frame (uint8 [H,W,3] BGR) into RGB in place, and return it: the same memory, in the capture thread."""
    return cast("NDArray[np.uint8]", cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr))
