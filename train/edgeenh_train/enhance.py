"""What every method of enhancement comes down to once it is ready for use: a function from picture to picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

Enhance = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Float32 [H,W,C], 0…1, RGB (C = 3) or grey (C = 1), of any size, to a new array of the same shape and range."""


def enhance_with(network: nn.Module, size_multiple: int, strength: float | None = None) -> Enhance:
    """A network as an `Enhance`: padded by reflection to what it takes, run whole, cropped back.

    Args:
        network: Float [B,C,H,W] 0…1 to the same; used as it stands, on its own device.
        size_multiple: Height and width that the network takes are multiples of this.
        strength: 0…1, of a generator of ours; None = full, and the only choice for networks that have none.
    """

    @torch.no_grad()
    def enhance(image: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width = image.shape[:2]
        device = next(network.parameters()).device
        tensor = torch.from_numpy(np.ascontiguousarray(image)).to(device).permute(2, 0, 1)[None]
        bottom, right = -height % size_multiple, -width % size_multiple
        padded = functional.pad(tensor, (0, right, 0, bottom), mode="reflect")
        whole = network(padded) if strength is None else network(padded, strength)
        result = whole[0, :, :height, :width].permute(1, 2, 0)
        return np.ascontiguousarray(result.clamp(0.0, 1.0).cpu().numpy(), dtype=np.float32)

    return enhance
