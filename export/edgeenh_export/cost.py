"""What a generator costs: parameters, and multiply-accumulates per pixel."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from edgeenh_train.networks import Generator

_HEIGHT, _WIDTH = 720, 1280


def parameters(generator: Generator) -> int:
    """How many values the generator holds."""
    return sum(parameter.numel() for parameter in generator.parameters())


def macs_per_pixel(generator: Generator) -> float:
    """Multiply-accumulates of all convolutions for one pixel of a frame of 1280×720.

    The edge variants work on a grid of fixed size, so their cost per pixel falls as the frame grows; hence a stated size. Bias,
    norm, activation, pooling, resizing and the tone curve are not counted, as is usual. Nothing is computed: shapes suffice.
    """
    counter = _CountConvolutions()
    shapes = copy.deepcopy(generator).to("meta")
    with torch.inference_mode(), counter:
        shapes.coefficients(torch.zeros(1, generator.channels, _HEIGHT, _WIDTH, device="meta"))
    return float(counter.macs / (_HEIGHT * _WIDTH))


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
