from __future__ import annotations

import pytest
import torch

from edgeenh_export.cost import macs_per_pixel, parameters
from edgeenh_export.graph import FrameGraph
from edgeenh_train.networks import VARIANTS


def every_value() -> torch.Tensor:
    """uint8 [1,16,48,3]: each channel holds each of the 256 values, in another order."""
    ramp = torch.arange(256, dtype=torch.uint8).reshape(16, 16)
    return torch.stack([ramp, ramp.T, 255 - ramp], dim=2)[None].repeat(1, 1, 3, 1)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_strength_0_gives_all_256_values_back(make_generator, variant, precision):
    graph = FrameGraph(make_generator(variant), precision)
    image = every_value()
    assert torch.equal(graph(image, torch.zeros(1)), image)
    assert not torch.equal(graph(image, torch.ones(1)), image)


@pytest.mark.parametrize("strength", [0.25, 1.0])
def test_the_fp32_graph_is_the_generator_on_8_bit_frames(make_generator, strength):
    generator = make_generator()
    image = every_value()
    exact = generator(image.permute(0, 3, 1, 2) / 255.0, torch.tensor([strength])) * 255.0
    difference = FrameGraph(generator, "fp32")(image, torch.tensor([strength])) - exact.permute(0, 2, 3, 1)
    assert float(difference.abs().max()) <= 0.5 + 1e-3


def test_the_fp16_graph_stores_weights_and_features_in_half(make_generator):
    graph = FrameGraph(make_generator(), "fp16")
    assert {parameter.dtype for parameter in graph.parameters()} == {torch.float16}
    seen = set()
    hook = graph.generator.decoder[-1].register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))
    result = graph(every_value(), torch.ones(1))
    hook.remove()
    assert seen == {torch.float16}
    assert result.dtype == torch.uint8


def test_the_change_is_bounded_by_cap_however_large_the_weights(make_generator):
    generator = make_generator(head=1000.0)
    graph = FrameGraph(generator, "fp16")
    image = every_value()
    change = graph(image, torch.ones(1)).int() - image.int()
    x = torch.linspace(0, 1, 1001)
    up = generator.cap * 255
    down = float((0.5 * x * (1 - x**8)).max()) * 255  # towards black the curve stops where levels would swap places
    assert -down - 1 <= int(change.min())
    assert int(change.max()) <= up
    assert max(int(change.max()) / up, -int(change.min()) / down) > 0.9  # the bound is reached


def test_making_a_graph_leaves_the_generator_in_fp32(make_generator):
    network = make_generator()
    FrameGraph(network, "fp16")
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


class OneEach(torch.nn.Module):
    """A 4×4 convolution to 8 channels at a quarter of the size, and an 8×8 transposed one back to the picture's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.down = torch.nn.Conv2d(channels, 8, 4, 4)
        self.up = torch.nn.ConvTranspose2d(8, channels, 8, 4, 2)

    def coefficients(self, planes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.up(self.down(planes)),)


@pytest.mark.parametrize("channels", [1, 3])
def test_cost_counts_one_convolution_of_each_kind_by_hand(channels):
    down, up = 8 * channels * 16 / 16, 8 * channels * 64 / 16
    assert macs_per_pixel(OneEach(channels)) == pytest.approx(down + up)


def every_grey_value(top: int = 65535) -> torch.Tensor:
    """float32 [1,256,256,1]: every 16-bit value, as the runtime maps it."""
    return (torch.arange(top + 1, dtype=torch.float32) / top).reshape(1, 256, 256, 1)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_strength_0_gives_every_grey_value_back_without_rounding(make_generator, variant, precision):
    graph = FrameGraph(make_generator(variant, channels=1), precision)
    image = every_grey_value()
    assert torch.equal(graph(image, torch.zeros(1)), image)
    enhanced = graph(image, torch.ones(1))
    assert (enhanced.dtype, enhanced.shape) == (torch.float32, image.shape)
    assert 0.0 <= float(enhanced.min()) <= float(enhanced.max()) <= 1.0
    assert not torch.equal(enhanced, (enhanced * 65535).round() / 65535)


def test_the_grey_fp32_graph_is_the_generator(make_generator):
    generator = make_generator(channels=1)
    image = every_grey_value()
    exact = generator(image.permute(0, 3, 1, 2), torch.tensor([0.5])).permute(0, 2, 3, 1)
    assert float((FrameGraph(generator, "fp32")(image, torch.tensor([0.5])) - exact).abs().max()) < 1e-5


def test_the_seed_costs_a_hundred_times_more_than_n(make_generator):
    small, large = make_generator("n"), make_generator("seed")
    assert macs_per_pixel(large) > 100 * macs_per_pixel(small)
    assert parameters(large) > parameters(small) > 10_000
