"""Sample sheets: what the generator makes of fixed pictures, for a person to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeenh.pictures import write_picture
from edgeenh_train.networks import SIZE_MULTIPLE

WIDTH = 480
COLUMNS_GAP = 4


def _fitted(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`image` at the sheet's width, both sides multiples of what the generator takes."""
    height = max(1, round(WIDTH * image.shape[0] / image.shape[1] / SIZE_MULTIPLE)) * SIZE_MULTIPLE
    return np.asarray(cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


@torch.no_grad()
def enhance_array(generator: nn.Module, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Run the torch generator on one picture, as the reference the exported graphs are compared with.

    Args:
        generator: In eval mode.
        image: uint8 [H,W,3] RGB, sides multiples of `SIZE_MULTIPLE`.

    Returns:
        uint8 [H,W,3] RGB, a new array, rounded half to even as the graph does.
    """
    device = next(generator.parameters()).device
    tensor = torch.from_numpy(np.array(image)).to(device).permute(2, 0, 1)[None].float() / 255.0
    enhanced = torch.round(generator(tensor) * 255.0).to(torch.uint8)[0].permute(1, 2, 0)
    return np.ascontiguousarray(enhanced.cpu().numpy())


def write_sample_sheet(path: Path, generator: nn.Module, images: list[NDArray[np.uint8]]) -> None:
    """One row a picture: as it is on the left, enhanced on the right.

    Raises:
        UsageError, OutputFailed: It cannot be written.
    """
    was_training = generator.training
    generator.eval()
    rows = []
    for image in images:
        fitted = _fitted(image)
        gap = np.full((fitted.shape[0], COLUMNS_GAP, 3), 255, np.uint8)
        rows.append(np.hstack([fitted, gap, enhance_array(generator, fitted)]))
    generator.train(was_training)
    write_picture(path, np.vstack(rows))
