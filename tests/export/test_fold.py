from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from edgeenh.errors import GateFailed
from edgeenh_export.fold import FOLD_TOLERANCE, check_fold, fold, fold_error
from edgeenh_train.networks import VARIANTS
from edgeenh_train.networks.attention import GlobalAttentionModule


@pytest.fixture
def pictures() -> list[torch.Tensor]:
    return [torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_folded_generator_gives_the_same_and_has_fewer_layers(make_generator, pictures, variant):
    generator = make_generator(variant)
    folded = fold(generator)
    assert fold_error(generator, folded, pictures) < FOLD_TOLERANCE / 10
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    attentions = [module for module in folded.modules() if isinstance(module, GlobalAttentionModule)]
    assert attentions
    assert all(module.conv5 is None for module in attentions)


def test_folding_leaves_the_generator_alone_and_shares_nothing_with_it(make_generator):
    generator = make_generator()
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    for parameter in fold(generator).parameters():
        parameter.zero_()
    after = generator.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_folding_twice_is_folding_once(make_generator, pictures):
    once = fold(make_generator())
    assert fold_error(once, fold(once), pictures) == 0.0


def test_a_wrong_fold_is_refused(make_generator, pictures):
    generator = make_generator()
    wrong = fold(generator)
    wrong.stem.conv.weight.mul_(1.1)
    with pytest.raises(
        GateFailed, match=r"differs from the checkpoint's by 0\.\d+ of the full range, expected at most 0\.0001"
    ):
        check_fold(fold_error(generator, wrong, pictures))


def test_a_generator_that_gives_nan_is_refused(make_generator, pictures):
    generator = make_generator()
    generator.stem.conv.weight.fill_(math.nan)
    error = fold_error(generator, fold(generator), pictures)
    assert math.isnan(error)
    with pytest.raises(GateFailed):
        check_fold(error)
