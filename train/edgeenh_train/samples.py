"""Sample sheets: what the enhancer makes of fixed pictures, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import nn

from edgeenh_train.config import VIEW_MULTIPLE
from edgeenh_train.data.reading import Picture, as_float
from edgeenh_train.enhance import enhance_with
from edgeenh_train.networks import SIZE_MULTIPLE

WIDTH = 480
COLUMNS_GAP = 4


def _fitted(image: Picture) -> NDArray[np.float32]:
    """`image` at the sheet's width, float32 [H,W,C] 0…1, both sides multiples of what every network takes."""
    height = max(1, round(WIDTH * image.shape[0] / image.shape[1] / VIEW_MULTIPLE)) * VIEW_MULTIPLE
    scaled = cv2.resize(as_float(image), (WIDTH, height), interpolation=cv2.INTER_AREA)
    return np.asarray(scaled, dtype=np.float32).reshape(height, WIDTH, image.shape[2])


def _shown(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.rint(picture * np.float32(255.0)).astype(np.uint8)
    return levels


def enhance_array(generator: nn.Module, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Run a torch generator on one picture, as the reference the exported graphs are compared with.

    Args:
        generator: In eval mode.
        image: uint8 [H,W,3] RGB.

    Returns:
        uint8 [H,W,3] RGB, a new array, rounded half to even as the graph does.
    """
    return _shown(enhance_with(generator, SIZE_MULTIPLE)(as_float(image)))


def sample_sheet(enhancer: nn.Module, images: Sequence[Picture]) -> NDArray[np.uint8]:
    """One row a picture: as it is on the left, enhanced on the right; uint8 [H,W,3] RGB."""
    was_training = enhancer.training
    enhancer.eval()
    enhance = enhance_with(enhancer, VIEW_MULTIPLE)
    rows = []
    for image in images:
        fitted = _fitted(image)
        pair = [_shown(fitted), _shown(enhance(fitted))]
        left, right = (np.broadcast_to(picture, (*picture.shape[:2], 3)) for picture in pair)
        rows.append(np.hstack([left, np.full((fitted.shape[0], COLUMNS_GAP, 3), 255, np.uint8), right]))
    enhancer.train(was_training)
    return np.ascontiguousarray(np.vstack(rows), dtype=np.uint8)
