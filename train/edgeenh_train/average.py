"""The running average of a generator's weights, which is smoother than any single step's and is what a checkpoint holds."""

from __future__ import annotations

import copy

import torch
from torch import nn


def averaged_copy(module: nn.Module) -> nn.Module:
    """A copy that follows `module` through `update_average`; without gradients, in eval mode."""
    return copy.deepcopy(module).eval().requires_grad_(requires_grad=False)


@torch.no_grad()
def update_average(average: nn.Module, module: nn.Module, decay: float) -> None:
    """`average ← decay · average + (1 − decay) · module` for weights; batch norm's statistics are copied as they are.

    Polyak and Juditsky, SIAM J. Control and Optimization 30, 1992; in the form of Karras et al., ICLR 2018.
    """
    for mine, theirs in zip(average.parameters(), module.parameters(), strict=True):
        mine.lerp_(theirs, 1.0 - decay)
    for statistic, latest in zip(average.buffers(), module.buffers(), strict=True):
        statistic.copy_(latest)
