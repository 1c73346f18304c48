"""Networks: identity when untrained, a change that is bounded and keeps the order of levels, any size, the table of variants."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgeenh.stream.health import Bounds
from edgeenh_train.config import VARIANT_NAMES
from edgeenh_train.networks import (
    SIZE_MULTIPLE,
    VARIANTS,
    EdgeGenerator,
    Generator,
    MultiScaleDiscriminator,
    build_generator,
)
from edgeenh_train.networks.curves import GainCurve, WindowCurve

EDGE = tuple(name for name in VARIANTS if name != "seed")


def awake(variant: str, channels: int = 3, std: float = 2.0) -> Generator:
    torch.manual_seed(3)
    generator = build_generator(variant, 0.4, channels).eval()
    nn.init.normal_(generator.head.weight, std=std)
    return generator.requires_grad_(requires_grad=False)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_untrained_is_the_identity(variant: str, channels: int) -> None:
    image = torch.rand(1, channels, 3 * SIZE_MULTIPLE, 2 * SIZE_MULTIPLE)
    assert torch.equal(build_generator(variant, channels=channels).eval()(image), image)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_any_size_bounded_and_strength_0_exact(variant: str, channels: int) -> None:
    generator = awake(variant, channels)
    for height, width in ((16, 16), (24, 40), (48, 80), (208, 104)):
        image = torch.rand(1, channels, height, width)
        enhanced = generator(image)
        assert enhanced.shape == image.shape
        assert (enhanced - image).abs().max() <= 0.4 + 1e-6
        assert not torch.equal(enhanced, image)
        assert torch.equal(generator(image, 0.0), image)
        assert torch.equal(generator(image, torch.zeros(1)), image)


def test_names_agree_with_the_configuration() -> None:
    assert VARIANTS == VARIANT_NAMES
    with pytest.raises(KeyError):
        build_generator("x")


def test_variants_grow_and_n_is_small() -> None:
    sizes = [sum(p.numel() for p in build_generator(name).parameters()) for name in VARIANTS]
    assert sizes == sorted(sizes)
    assert sizes[0] < 100_000


@pytest.mark.parametrize("variant", EDGE)
def test_black_stays_black_and_white_stays_white(variant: str) -> None:
    generator = awake(variant)
    image = torch.rand(1, 3, 64, 64)
    image[:, :, ::4], image[:, :, 1::4] = 0.0, 1.0
    enhanced = generator(image)
    assert torch.equal(enhanced[:, :, ::4], image[:, :, ::4])
    assert torch.equal(enhanced[:, :, 1::4], image[:, :, 1::4])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([GainCurve, WindowCurve]), st.floats(0.05, 1.0), st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))
def test_a_curve_keeps_the_order_of_levels(
    form: type[GainCurve] | type[WindowCurve], cap: float, a: float, b: float
) -> None:
    curve = form(cap)
    raw = torch.tensor([a, b][: form.outputs], dtype=torch.float64).reshape(1, -1, 1, 1)
    levels = torch.linspace(0.0, 1.0, 513, dtype=torch.float64).reshape(1, 1, 1, -1)
    shown = (levels + curve(levels, curve.bounded(raw))).clamp(0.0, 1.0)
    assert (shown - levels).abs().max() <= cap + 1e-9
    assert (shown.flatten().diff() >= -1e-9).all()


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([GainCurve, WindowCurve]), st.floats(0.05, 1.0), st.floats(-1.0, 1.0), st.floats(-1.0, 1.0),
    st.floats(0.0, 1.0),
)  # fmt: skip
def test_a_curve_stays_within_the_bounds_that_a_stream_judges_by(
    form: type[GainCurve] | type[WindowCurve], cap: float, a: float, b: float, strength: float
) -> None:
    curve = form(cap)
    raw = torch.tensor([a, b][: form.outputs], dtype=torch.float64).reshape(1, -1, 1, 1)
    levels = torch.linspace(0.0, 1.0, 513, dtype=torch.float64).reshape(1, 1, 1, -1)
    shown = (levels + strength * curve(levels, curve.bounded(raw))).clamp(0.0, 1.0)
    assert (shown - levels).abs().max() <= cap * Bounds(cap, (), ()).share(strength) + 1e-9


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 1.0), st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))
def test_a_window_loses_no_level(cap: float, dark: float, bright: float) -> None:
    """Every step of the input is a step of the output, and the whole range is used: nothing is clipped."""
    curve = WindowCurve(cap)
    levels = torch.linspace(0.0, 1.0, 257, dtype=torch.float64).reshape(1, 1, 1, -1)
    raw = torch.tensor([dark, bright], dtype=torch.float64).reshape(1, 2, 1, 1)
    shown = (levels + curve(levels, curve.bounded(raw))).flatten()
    narrow = 1e-3 / 2  # a knee narrower than this is left out gradually
    assert -narrow <= shown[0] <= 1e-9
    assert 1.0 - 1e-9 <= shown[-1] <= 1.0 + narrow
    steps = shown[(shown > 0.0) & (shown < 1.0)].diff()
    assert (steps > 0.0).all()


def test_one_window_for_the_whole_radiograph() -> None:
    generator = awake("n", channels=1)
    field = generator.coefficients(torch.rand(2, 1, 64, 96))
    assert {tuple(part.shape) for part in field} == {(2, 1, 1, 1)}


@pytest.mark.parametrize("gain", [-0.3, 0.5, 1.0])
def test_a_gain_keeps_the_contrast_of_neighbours_in_linear_light(gain: float) -> None:
    """A mark of 10 % in linear light stays one of 8 to 12 %, from where a screen shows more than black to 77 % of the encoded range."""
    curve = GainCurve(0.6)
    light = torch.linspace(0.0194, 0.3, 64, dtype=torch.float64)
    light = light[light * (1.0 + gain) ** 2.4 * 1.1 < 0.55]
    pair = [1.055 * (factor * light) ** (1 / 2.4) - 0.055 for factor in (1.0, 1.1)]
    shown = [x + curve(x, (torch.full_like(x, gain),)) for x in pair]
    without, marked = (((x + 0.055) / 1.055) ** 2.4 for x in shown)
    assert len(light) > 16
    assert ((marked / without - 1.0) / 0.1 - 1.0).abs().max() < 0.2


@pytest.mark.parametrize("variant", EDGE)
def test_a_flat_picture_stays_flat(variant: str) -> None:
    """No grid, and no frame along the borders beyond what is left of the network's own."""
    generator = awake(variant, std=0.2)
    assert isinstance(generator, EdgeGenerator)
    image = torch.full((1, 3, 96, 128), 0.4)
    field = generator.coefficients(image)[0]
    inner = field[:, :, 24:-24, 24:-24]
    assert inner.std(dim=(2, 3)).max() < 0.05 * inner.abs().max()


@pytest.mark.parametrize("variant", EDGE)
def test_coefficients_do_not_depend_on_the_size_of_the_frame(variant: str) -> None:
    generator = awake(variant, std=0.1)
    scene = nn.functional.interpolate(
        torch.rand(1, 3, 6, 8), size=(192, 256), mode="bicubic", align_corners=False
    ).clamp(0, 1)
    small = generator.coefficients(scene)[0]
    large_scene = nn.functional.interpolate(scene, scale_factor=3, mode="bilinear", align_corners=False)
    large = nn.functional.interpolate(generator.coefficients(large_scene)[0], size=(192, 256), mode="area")
    assert (small - large).abs().mean() < 0.1 * small.abs().mean() + 1e-3


def test_discriminator_judges_at_five_depths() -> None:
    for channels in (1, 3):
        maps = MultiScaleDiscriminator(4, channels)(torch.rand(2, channels, 64, 96))
        assert [tuple(m.shape) for m in maps] == [(2, 1, 64 >> k, 96 >> k) for k in range(1, 6)]
        assert all(m.abs().max() <= 1 for m in maps)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_learns(variant: str) -> None:
    generator = awake(variant).train().requires_grad_()
    (generator(torch.rand(2, 3, 64, 64)) ** 2).mean().backward()
    without = [name for name, p in generator.named_parameters() if p.grad is None]
    assert without == []


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_untrained_generator_can_begin_to_learn(variant: str, channels: int) -> None:
    """It is the identity, and its head must nevertheless have a gradient."""
    generator = build_generator(variant, channels=channels).train()
    (generator(torch.rand(2, channels, 64, 64)) - 0.5).square().mean().backward()
    assert generator.head.weight.grad is not None
    assert generator.head.weight.grad.abs().max() > 0.0
