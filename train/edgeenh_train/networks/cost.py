"""What a network costs: the multiply-accumulates of its convolutions."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_CONVOLUTIONS: tuple[Callable[..., Any], ...] = (functional.conv2d, functional.conv_transpose2d)


def convolution_macs(network: nn.Module, channels: int, height: int, width: int) -> int:
    """Multiply-accumulates of all convolutions for one picture.

    Bias, norm, activation, pooling and resizing are not counted, as is usual. Nothing is computed: shapes suffice.

    Args:
        network: Float [B,C,H,W] to anything; left as it is.
        channels, height, width: C, H and W of the picture.
    """
    counter = _CountConvolutions()
    shapes = copy.deepcopy(network).to("meta").eval()
    with torch.inference_mode(), counter:
        shapes(torch.zeros(1, channels, height, width, device="meta"))
    return counter.macs


class _CountConvolutions(TorchFunctionMode):
    """Adds up what convolutions cost: `inputs/groups · kernel²` per value that one writes, transposed: that it reads."""

    macs = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in _CONVOLUTIONS:
            values = result if func is functional.conv2d else args[0]
            self.macs += values.numel() * args[1][0].numel()
        return result
