"""Each loss against its formula written out, and its defining property."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh_train.losses import consistency_loss, discriminator_loss, generator_loss, identity_loss
from edgeenh_train.losses.consistency import laplacian_pyramid


def test_quality_follows_the_relativistic_hinge() -> None:
    good, fake = torch.tensor([0.9, 0.1]).view(2, 1, 1, 1), torch.tensor([-0.5, 0.3]).view(2, 1, 1, 1)
    mean_good, mean_fake = good.mean(), fake.mean()
    expected_d = 0.5 * (torch.relu(1 - (good - mean_fake)).mean() + torch.relu(1 + (fake - mean_good)).mean())
    expected_g = 0.5 * (torch.relu(1 + (good - mean_fake)).mean() + torch.relu(1 - (fake - mean_good)).mean())
    torch.testing.assert_close(discriminator_loss([good, good], [fake, fake]), 2 * expected_d)
    torch.testing.assert_close(generator_loss([good], [fake]), expected_g)


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.5, 2.0), offset=st.floats(-0.3, 0.3))
def test_consistency_forgives_gain_and_offset(gain: float, offset: float) -> None:
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert consistency_loss(gain * image + offset, image) < 1e-3


def test_consistency_punishes_added_structure() -> None:
    image = torch.rand(1, 3, 64, 64)
    marked = image.clone()
    marked[..., 20:40, 20:40] += 1.0
    assert consistency_loss(marked, image) > 0.05


def test_pyramid_bands_add_up_to_the_image() -> None:
    image = torch.rand(1, 3, 48, 80)
    *bands, total = laplacian_pyramid(image)
    for band in reversed(bands):
        total = band + torch.nn.functional.interpolate(
            total, size=band.shape[-2:], mode="bilinear", align_corners=False
        )
    torch.testing.assert_close(total, image, atol=1e-5, rtol=0)


def test_identity_is_a_weighted_sum_over_three_scales() -> None:
    good = torch.rand(1, 3, 32, 32)
    assert identity_loss(good, good) == 0
    torch.testing.assert_close(identity_loss(good + 0.1, good), torch.tensor(0.1 * (1 + 0.5 + 0.25)))
