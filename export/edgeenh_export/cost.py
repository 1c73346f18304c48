"""What a generator costs: parameters, and multiply-accumulates per pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from edgeenh_export.execute import torch_threads
from edgeenh_train.networks import Generator

_SIDE = 64


def parameters(generator: Generator) -> int:
    """How many values the generator holds."""
    return sum(parameter.numel() for parameter in generator.parameters())


def macs_per_pixel(generator: Generator) -> float:
    """Multiply-accumulates of all convolutions for one pixel of the frame.

    Counted on a frame of 64×64; only the MLPs behind global pooling do not grow with the frame, and they are tiny. Bias,
    norm, activation and pooling are not counted, as is usual.
    """
    counter = _CountConvolutions()
    with torch_threads(0), torch.inference_mode(), counter:
        generator.residual(torch.zeros(1, 3, _SIDE, _SIDE))
    return counter.macs / _SIDE**2


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
        if func in (functional.conv2d, functional.conv_transpose2d):
            values = result if func is functional.conv2d else args[0]
            self.macs += values.numel() * args[1][0].numel()
        return result
