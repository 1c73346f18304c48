"""The generator in every variant: bounded by construction, identity when it must be, discriminator at every depth."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from edgeenh_train.config import VARIANT_NAMES
from edgeenh_train.networks import SIZE_MULTIPLE, VARIANTS, Generator, MultiScaleDiscriminator, build_generator
from edgeenh_train.networks.attention import ChannelAttention, GlobalAttentionModule
from edgeenh_train.networks.generator import COLOUR_LIMIT, GAIN_LIMIT


def awake(variant: str, cap: float = 0.3) -> Generator:
    """A generator whose head is not zero any more, in eval mode."""
    torch.manual_seed(3)
    generator = build_generator(variant, cap).eval()
    nn.init.normal_(generator.head.conv.weight, std=2.0)
    return generator


@pytest.mark.parametrize("variant", VARIANTS)
def test_fresh_generator_is_the_identity(variant: str) -> None:
    image = torch.rand(1, 3, 3 * SIZE_MULTIPLE, 2 * SIZE_MULTIPLE)
    assert torch.equal(build_generator(variant).eval()(image), image)


@pytest.mark.parametrize("variant", VARIANTS)
def test_change_is_bounded_by_cap_and_strength(variant: str) -> None:
    image = torch.rand(2, 3, 64, 48)
    generator = awake(variant)
    full = (generator(image) - image).abs().max()
    half = (generator(image, torch.tensor([0.5])) - image).abs().max()
    assert 0.01 < full <= 0.3 + 1e-6
    assert half <= 0.15 + 1e-6
    assert torch.equal(generator(image, 0.0), image)


@pytest.mark.parametrize("variant", VARIANTS)
def test_output_stays_in_range(variant: str) -> None:
    enhanced = awake(variant, cap=1.0)(torch.rand(1, 3, 32, 32))
    assert enhanced.shape == (1, 3, 32, 32)
    assert enhanced.min() >= 0.0
    assert enhanced.max() <= 1.0


def test_config_names_every_variant() -> None:
    assert tuple(VARIANTS) == VARIANT_NAMES


def test_edge_variants_keep_convolutions_at_quarter_resolution() -> None:
    for name in ("n", "s", "m"):
        assert VARIANTS[name].stride == 4
    assert VARIANTS["seed"].stride == 1


def test_global_attention_has_both_kernels_and_a_residual() -> None:
    module = GlobalAttentionModule(8, 4)
    nn.init.zeros_(module.fuse.weight)
    nn.init.zeros_(module.fuse.bias)
    features = torch.randn(1, 8, 9, 9)
    assert module.conv7.kernel_size == (7, 7)
    assert module.conv5 is not None
    assert module.conv5.kernel_size == (5, 5)
    assert torch.equal(module(features), features)


def test_channel_attention_survives_a_sum_beyond_fp16() -> None:
    features = torch.full((1, 8, 512, 512), 30.0, dtype=torch.float16)
    gates = ChannelAttention(8).half()(features)
    assert gates.dtype == torch.float16
    assert bool(gates.isfinite().all())


def test_discriminator_judges_at_five_depths() -> None:
    maps = MultiScaleDiscriminator(4)(torch.rand(2, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [(2, 1, 64 >> k, 96 >> k) for k in range(1, 6)]
    assert all(bool((m.abs() < 1).all()) for m in maps)


def test_head_is_a_bilinear_interpolation_so_it_can_print_no_grid() -> None:
    head = awake("n").head
    features = torch.randn(1, 16, 9, 7)
    expected = functional.interpolate(head.field(features), scale_factor=4, mode="bilinear", align_corners=False)
    torch.testing.assert_close(head(features), expected)


def test_head_carries_a_constant_to_every_pixel() -> None:
    head = build_generator("n").head
    nn.init.constant_(head.conv.bias, 0.25)
    expected = torch.full((1, 3, 20, 28), GAIN_LIMIT * math.tanh(0.25))
    torch.testing.assert_close(head(torch.zeros(1, 16, 5, 7)), expected)


@pytest.mark.parametrize("variant", ["n", "s", "m"])
def test_flat_picture_stays_flat(variant: str) -> None:
    image = torch.full((1, 3, 512, 512), 0.4)
    change = (awake(variant, cap=1.0)(image) - image)[..., 200:312, 200:312]  # away from the borders
    assert change.abs().max() > 0.01
    assert change.std(dim=(2, 3)).max() < 1e-4


@pytest.mark.parametrize("variant", ["n", "s", "m"])
def test_edge_variants_keep_black_black(variant: str) -> None:
    image = torch.rand(1, 3, 64, 64)
    image[..., 16:48, 16:48] = 0.0
    assert awake(variant, cap=1.0)(image)[..., 16:48, 16:48].max() == 0.0


def test_gain_near_black_is_bounded() -> None:
    image = torch.full((1, 3, 64, 64), 0.01)
    generator = build_generator("n", cap=0.4).eval()
    nn.init.constant_(generator.head.conv.bias, 100.0)
    assert generator(image).max() <= 0.01 * (1 + 0.4 * (GAIN_LIMIT + COLOUR_LIMIT)) + 1e-6


def test_channels_share_their_gain_but_for_a_little_colour() -> None:
    head = awake("n").head
    field = head(torch.randn(1, 16, 9, 7) * 10)
    assert field.abs().max() > 1.0
    assert (field - field.mean(dim=1, keepdim=True)).abs().max() <= 2 * COLOUR_LIMIT
