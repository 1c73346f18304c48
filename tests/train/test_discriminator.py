"""Our discriminator: spectral norm one at every depth, judgements that do not depend on the rest of the batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgeenh_train.networks import MultiScaleDiscriminator


@pytest.mark.parametrize("channels", [1, 3])
def test_spectral_norm_is_one_at_every_depth(channels: int) -> None:
    torch.manual_seed(0)
    judge = MultiScaleDiscriminator(4, channels)
    for _ in range(30):  # each pass in training is one step of the power iteration
        judge(torch.rand(1, channels, 64, 64))
    convolutions = [module for stage in judge.eval().stages for module in stage if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == 5
    for convolution in convolutions:
        assert torch.linalg.matrix_norm(convolution.weight.flatten(1), 2).item() == pytest.approx(1.0, abs=0.03)


def test_spectral_norm_holds_however_large_the_weights_grow() -> None:
    torch.manual_seed(0)
    judge = MultiScaleDiscriminator(4)
    image = torch.rand(1, 3, 64, 64)
    judge.eval()
    before = judge(image)
    with torch.no_grad():
        for stage in judge.stages:
            stage[0].parametrizations.weight.original.mul_(100.0)
    for ours, theirs in zip(judge(image), before, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_a_picture_is_judged_on_its_own() -> None:
    torch.manual_seed(0)
    judge = MultiScaleDiscriminator(4).eval()
    pictures = torch.rand(3, 3, 64, 96)
    together = judge(pictures)
    for index in range(3):
        for alone, all_of_it in zip(judge(pictures[index : index + 1]), together, strict=True):
            torch.testing.assert_close(alone, all_of_it[index : index + 1], atol=1e-6, rtol=1e-5)


def test_every_depth_teaches_and_the_deepest_sees_most() -> None:
    torch.manual_seed(0)
    judge = MultiScaleDiscriminator(4).eval()
    image = torch.rand(1, 3, 256, 256, requires_grad=True)
    widths = []
    for judged in judge(image):
        middle = judged.shape[-1] // 2
        (gradient,) = torch.autograd.grad(judged[0, 0, middle, middle], image, retain_graph=True)
        columns = gradient.abs().sum(dim=(0, 1, 2)).nonzero().flatten()
        widths.append(int(columns[-1] - columns[0]) + 1)
    assert widths == sorted(widths)
    assert widths[0] == 11  # 7 pixels at stride 2, then the head's 3
    assert widths[-1] > 8 * widths[0]
