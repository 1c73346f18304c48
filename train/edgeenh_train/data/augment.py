"""Augmentation on the device, after the views have been cut: small rotations and zooms, the same for a pair.

A discriminator with few good pictures soon knows them by heart; it should at least not know them by their angle. Kornia warps
whole batches where they lie. Colour and light are never augmented: they are what is to be learned.
"""

from __future__ import annotations

import math

import torch
from kornia.geometry.transform import get_rotation_matrix2d, warp_affine
from torch import Tensor

from edgeenh_train.distributed import processes, rank
from edgeenh_train.methods.base import Batch


def augmented(batch: Batch, *, rotate: float, zoom: float) -> Batch:
    """A batch with every picture turned by up to ±`rotate` degrees and enlarged by a factor of 1 … 1 + `zoom`.

    Args:
        batch: On its device; its seed decides the angles.
        rotate: Degrees.
        zoom: 0 = never enlarged.

    Returns:
        The batch itself when both are 0, else a new one; borders are filled by reflection.
    """
    if rotate == 0.0 and zoom == 0.0:
        return batch

    def warped(pictures: Tensor | None, stream: int) -> Tensor | None:
        return None if pictures is None else _warped(pictures, batch.seed + stream, rotate, zoom)

    low, high = warped(batch.low, 0), warped(batch.high, 1)
    return Batch(low, high, warped(batch.degraded, 2), warped(batch.truth, 2), batch.seed)


def _warped(pictures_BCHW: Tensor, seed: int, rotate: float, zoom: float) -> Tensor:
    count, _, height, width = pictures_BCHW.shape
    # numbers for the pictures of all processes, then this one's share: as one process would turn them
    generator = torch.Generator().manual_seed(seed % 2**63)
    random = torch.rand(2, count * processes(), generator=generator)[:, rank() :: processes()]
    angle = (random[0] * 2.0 - 1.0) * rotate
    # a turned frame must not show what lies outside the picture: enlarge by what the rotation needs
    least = angle.mul(math.pi / 180.0).abs()
    scale = (1.0 + random[1] * zoom) * (least.cos().abs() + least.sin() * max(width / height, height / width))
    centre = torch.tensor([[(width - 1) / 2, (height - 1) / 2]]).expand(count, 2)
    matrix = get_rotation_matrix2d(centre, angle, scale[:, None].expand(count, 2).contiguous()).to(pictures_BCHW)
    turned: Tensor = warp_affine(pictures_BCHW, matrix, (height, width), padding_mode="reflection")
    return turned.clamp(0.0, 1.0)
