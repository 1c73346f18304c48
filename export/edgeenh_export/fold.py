"""Folding: the same generator with fewer layers. Every fold is exact up to float rounding, and `fold_error` measures that.

* A batch norm behind a (transposed) convolution becomes part of it: with running mean μ and variance σ², scale γ and
  shift β, `w' = w · γ/√(σ² + ε)` per output channel and `b' = (b − μ) · γ/√(σ² + ε) + β` (Jacob et al., "Quantization and
  Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, section 3.2).
* The parallel 5×5 of a Global Attention Module, zero-padded to 7×7, and its 7×7 become one 7×7 convolution that gives
  both halves of the concatenation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgeenh.errors import GateFailed
from edgeenh_train.networks import Generator
from edgeenh_train.networks.attention import GlobalAttentionModule
from edgeenh_train.networks.blocks import ConvBlock, DeconvBlock

FOLD_TOLERANCE = 1e-4
"""Largest allowed change of the enhancement by folding, where 1 is the full range: a fortieth of an 8-bit step."""


def fold(generator: Generator) -> Generator:
    """Fold a generator.

    Args:
        generator: In `eval` mode, float32; not changed.

    Returns:
        A new generator that shares no memory with it: same forward, no batch norm, one convolution per Global Attention.
    """
    folded = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    for module in list(folded.modules()):
        if isinstance(module, ConvBlock | DeconvBlock):
            _fold_norm(module)
        elif isinstance(module, GlobalAttentionModule):
            _fold_attention(module)
    return folded.requires_grad_(requires_grad=False)


def _fold_norm(block: ConvBlock | DeconvBlock) -> None:
    if isinstance(block.norm, nn.BatchNorm2d):
        transposed = isinstance(block.conv, nn.ConvTranspose2d)
        block.conv = fuse_conv_bn_eval(block.conv, block.norm, transpose=transposed)
        block.norm = nn.Identity()


def _fold_attention(attention: GlobalAttentionModule) -> None:
    wide, narrow = attention.conv7, attention.conv5
    if narrow is None:
        return
    both = nn.Conv2d(wide.in_channels, wide.out_channels + narrow.out_channels, 7, padding=3)
    weight, bias = torch.cat([wide.weight, F.pad(narrow.weight, (1, 1, 1, 1))]), torch.cat([_bias(wide), _bias(narrow)])
    both.load_state_dict({"weight": weight, "bias": bias})
    attention.conv7, attention.conv5 = both, None


def _bias(conv: nn.Conv2d) -> Tensor:
    return torch.zeros(conv.out_channels) if conv.bias is None else conv.bias


def fold_error(generator: Generator, folded: Generator, pictures: Iterable[Tensor]) -> float:
    """Largest difference between the changes that the two make to the same pictures, before the clamp to 0…1.

    Args:
        generator: Before folding.
        folded: After folding.
        pictures: Float [1,C,H,W], RGB or grey, 0…1.

    Returns:
        The difference, where 1 is the full range; NaN when either gives a value that is not finite.
    """
    worst = torch.zeros(())
    with torch.inference_mode():
        for picture in pictures:
            before, after = (network.change(picture, network.coefficients(picture)) for network in (generator, folded))
            worst = torch.maximum(worst, (before - after).abs().max())
    return float(worst)


def check_fold(error: float, tolerance: float = FOLD_TOLERANCE) -> None:
    """Refuse a fold that changed the generator.

    Raises:
        GateFailed: The error is larger than the tolerance, or not a number.
    """
    if not (error <= tolerance):
        raise GateFailed(
            f"the folded generator differs from the checkpoint's by {error:.2g} of the full range, expected at most "
            f"{tolerance:g}: the weights are too extreme to fold (or not finite); train with a lower learning rate"
        )
