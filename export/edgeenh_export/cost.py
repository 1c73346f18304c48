"""What a generator costs: parameters, and multiply-accumulates per pixel."""

from __future__ import annotations

import copy

import torch
from torch.utils.flop_counter import FlopCounterMode

from edgeenh_train.networks import Generator

_SIDE = 256


def parameters(generator: Generator) -> int:
    """How many values the generator holds."""
    return sum(parameter.numel() for parameter in generator.parameters())


def macs_per_pixel(generator: Generator) -> float:
    """Multiply-accumulates of all convolutions for one pixel of the frame; nothing is computed for it.

    Counted on a frame of 256×256; only the MLPs behind global pooling do not grow with the frame, and they are tiny.
    """
    network = copy.deepcopy(generator).to("meta")
    with FlopCounterMode(display=False) as counter:
        network.residual(torch.zeros(1, 3, _SIDE, _SIDE, device="meta"))
    return counter.get_total_flops() / 2 / _SIDE**2
