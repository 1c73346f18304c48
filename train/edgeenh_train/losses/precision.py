"""In which precision losses are computed."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """`values` in float32, where they are of a lower precision: squares and means of 16-bit numbers lose what a loss looks at."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
