from __future__ import annotations

import pytest
import torch

from edgeenh_export.cost import macs_per_pixel, parameters
from edgeenh_export.fold import fold
from edgeenh_export.graph import FrameGraph
from edgeenh_train.networks import VARIANTS, build_generator


def every_value() -> torch.Tensor:
    """uint8 [1,16,48,3]: each channel holds each of the 256 values, in another order."""
    ramp = torch.arange(256, dtype=torch.uint8).reshape(16, 16)
    return torch.stack([ramp, ramp.T, 255 - ramp], dim=2)[None].repeat(1, 1, 3, 1)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_strength_0_gives_all_256_values_back(make_generator, variant, precision):
    graph = FrameGraph(fold(make_generator(variant)), precision)
    image = every_value()
    assert torch.equal(graph(image, torch.zeros(1)), image)
    assert not torch.equal(graph(image, torch.ones(1)), image)


@pytest.mark.parametrize("strength", [0.25, 1.0])
def test_the_fp32_graph_is_the_generator_on_8_bit_frames(make_generator, strength):
    generator = make_generator()
    image = every_value()
    exact = generator(image.permute(0, 3, 1, 2) / 255.0, torch.tensor([strength])) * 255.0
    difference = FrameGraph(fold(generator), "fp32")(image, torch.tensor([strength])) - exact.permute(0, 2, 3, 1)
    assert float(difference.abs().max()) <= 0.5 + 1e-3


def test_the_fp16_graph_stores_weights_and_features_in_half(make_generator):
    graph = FrameGraph(fold(make_generator()), "fp16")
    assert {parameter.dtype for parameter in graph.parameters()} == {torch.float16}
    seen = set()
    hook = graph.generator.decoder[-1].register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))
    result = graph(every_value(), torch.ones(1))
    hook.remove()
    assert seen == {torch.float16}
    assert result.dtype == torch.uint8


def test_the_change_is_bounded_by_cap_however_large_the_weights(make_generator):
    graph = FrameGraph(fold(make_generator(head=1000.0)), "fp16")
    image = every_value()
    change = graph(image, torch.ones(1)).int() - image.int()
    assert 90 < int(change.abs().max()) <= 102  # cap 0.4 of 255


def test_making_a_graph_leaves_the_generator_in_fp32(make_generator):
    folded = fold(make_generator())
    FrameGraph(folded, "fp16")
    assert {parameter.dtype for parameter in folded.parameters()} == {torch.float32}


def test_cost_counts_one_convolution_by_hand():
    generator = build_generator("n").eval()
    generator.features = lambda planes: torch.zeros(1, 16, planes.shape[2] // 4, planes.shape[3] // 4)
    # what remains: the head: a 1×1 from 16 to 3 at a quarter of the size, then a bilinear 8×8 at stride 4 per channel
    edge = (18 / 16) ** 2  # the head pads the 16×16 field of a 64×64 frame by one
    assert macs_per_pixel(generator) == pytest.approx(16 * 3 / 16 + edge * 3 * 64 / 16)


def test_the_seed_costs_a_hundred_times_more_than_n(make_generator):
    small, large = make_generator("n"), make_generator("seed")
    assert macs_per_pixel(large) > 100 * macs_per_pixel(small)
    assert parameters(large) > parameters(small) > 10_000
