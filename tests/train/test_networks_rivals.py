"""The rivals' networks: the published parameter counts and costs, the range 0…1, sizes, starts of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgeenh_train.networks import build_generator
from edgeenh_train.networks.cost import convolution_macs
from edgeenh_train.networks.rivals import (
    DnCnn,
    PatchDiscriminator,
    ResnetGenerator,
    UeganDiscriminator,
    UeganGenerator,
)
from edgeenh_train.networks.rivals.uegan import GlobalAttention


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (ResnetGenerator(), 11_378_179),
        (PatchDiscriminator(), 2_764_737),
        (UeganGenerator(), 4_158_435),
        (UeganDiscriminator(), 4_633_632),
        (DnCnn(17), 558_400),
        (DnCnn(20), 669_376),
        (DnCnn(17, channels=1), 556_096),
    ],
)
def test_parameters_are_those_of_the_paper(network: nn.Module, expected: int) -> None:
    assert parameters(network) == expected


@pytest.mark.parametrize(
    ("network", "side", "expected"),
    [(UeganGenerator(), 256, 8.48e9), (ResnetGenerator(), 512, 198e9), (DnCnn(17), 512, 145.9e9)],
)
def test_cost_is_that_measured_on_the_authors_code(network: nn.Module, side: int, expected: float) -> None:
    assert convolution_macs(network, 3, side, side) == pytest.approx(expected, rel=2e-3)
    assert next(network.parameters()).device.type == "cpu"  # counting leaves it where it is


def test_macs_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Conv2d(8, 8, 5, padding=2, groups=4), nn.ConvTranspose2d(8, 2, 4, 2, 1)
    )  # fmt: skip
    assert convolution_macs(network, 3, 16, 32) == 8 * 16 * (8 * 3 * 9 + 8 * 2 * 25 + 8 * 2 * 16)


def test_counting_keeps_the_mode_and_the_statistics() -> None:
    network = DnCnn(4, 4).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    convolution_macs(network, 3, 16, 16)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_our_generator_is_counted_too() -> None:
    assert convolution_macs(build_generator("n"), 3, 720, 1280) > 0


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("kind", "height", "width"), [(ResnetGenerator, 36, 44), (UeganGenerator, 48, 80), (DnCnn, 35, 41)]
)
def test_a_picture_stays_in_range_and_of_its_size(
    kind: type[nn.Module], height: int, width: int, channels: int
) -> None:
    torch.manual_seed(1)
    network = kind(width=8, channels=channels).eval()
    for parameter in network.parameters():
        parameter.data.mul_(3.0)  # far from the gentle start
    image = torch.rand(2, channels, height, width)
    enhanced = network(image)
    assert enhanced.shape == image.shape
    assert enhanced.min() >= 0.0
    assert enhanced.max() <= 1.0


def test_generators_work_at_their_smallest_size() -> None:
    assert bool(ResnetGenerator(4)(torch.rand(1, 3, 8, 8)).isfinite().all())
    assert bool(UeganGenerator(8)(torch.rand(1, 3, 32, 32)).isfinite().all())
    assert DnCnn(3, 4).eval()(torch.rand(1, 3, 1, 1)).shape == (1, 3, 1, 1)


def test_uegan_starts_close_to_the_picture_and_adds_to_it() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 3, 64, 64)
    assert (UeganGenerator()(image) - image).abs().max() < 0.01


def test_global_attention_tells_every_pixel_of_the_whole() -> None:
    torch.manual_seed(0)
    module = GlobalAttention(64)
    module.norm = nn.Identity()
    features = torch.rand(1, 64, 8, 8)
    changed = features.clone()
    changed[..., 7, 7] += 5.0
    assert (module(changed) - module(features))[..., 0, 0].abs().max() > 1e-3


def test_global_attention_is_normalised_per_picture() -> None:
    values = GlobalAttention(16)(torch.rand(2, 16, 8, 8))
    torch.testing.assert_close(values.mean(dim=(2, 3)), torch.zeros(2, 16), atol=1e-5, rtol=0)
    torch.testing.assert_close(values.std(dim=(2, 3), correction=0), torch.ones(2, 16), atol=1e-2, rtol=0)


def test_uegan_judges_at_five_depths_within_bounds() -> None:
    maps = UeganDiscriminator(4)(torch.rand(2, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [(2, 1, 64 >> k, 96 >> k) for k in range(1, 6)]
    assert all(bool((m.abs() < 1).all()) for m in maps)


def test_uegan_judge_has_spectral_norm_one() -> None:
    judge = UeganDiscriminator(4)
    for _ in range(20):
        judge(torch.rand(1, 3, 64, 64))
    for stage in judge.eval().stages:
        weight = stage.weight.flatten(1)
        assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1.0, abs=0.02)


def test_a_judgement_sees_a_patch_of_seventy_pixels() -> None:
    torch.manual_seed(0)
    judge = PatchDiscriminator(2)
    for module in judge.modules():  # instance norm looks everywhere; the patch is that of the convolutions
        if isinstance(module, nn.InstanceNorm2d):
            module.forward = lambda features: features  # type: ignore[method-assign]
    image = torch.rand(1, 3, 160, 160, requires_grad=True)
    judged = judge(image)
    assert judged.shape == (1, 1, 18, 18)
    (gradient,) = torch.autograd.grad(judged[0, 0, 9, 9], image)
    rows = gradient.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert int(rows[-1] - rows[0]) + 1 == 70


def test_resnet_starts_with_a_deviation_of_two_hundredths() -> None:
    weight = ResnetGenerator().layers[-2].weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_dncnn_predicts_what_to_take_away() -> None:
    network = DnCnn(5, 8)
    nn.init.zeros_(network.layers[-1].weight)
    image = torch.rand(1, 3, 9, 11) * 2.0 - 0.5
    assert torch.equal(network(image), image)  # training: the loss sees what lies outside 0…1
    assert torch.equal(network.eval()(image), image.clamp(0.0, 1.0))
    assert all(norm.momentum == 0.05 for norm in network.modules() if isinstance(norm, nn.BatchNorm2d))
