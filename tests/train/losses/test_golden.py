"""Losses against figures worked out by hand or by another library."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from edgeenh_train.losses import (
    colour_loss,
    consistency_loss,
    discriminator_loss,
    generator_loss,
    identity_loss,
    structure_loss,
    truth_loss,
)
from edgeenh_train.losses.colour import lab_of
from edgeenh_train.losses.precision import at_least_float32


def map_of(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(-1, 1, 1, 1)


def test_quality_sums_the_relativistic_average_hinge_over_all_depths() -> None:
    """E D(y) = 0.5 and E D(f) = −0.1; D(y) − E D(f) = 1.0, 0.2; D(f) − E D(y) = −1.0, −0.2."""
    good, fake = map_of(0.9, 0.1), map_of(-0.5, 0.3)
    assert discriminator_loss([good], [fake]).item() == pytest.approx(0.5 * (0.4 + 0.4))
    assert generator_loss([good], [fake]).item() == pytest.approx(0.5 * (1.6 + 1.6))
    # a further depth at which both are judged 0 adds ½ (1 + 1), whatever its size
    nothing = torch.zeros(2, 1, 5, 7)
    assert discriminator_loss([good, nothing], [fake, nothing]).item() == pytest.approx(1.4)
    assert generator_loss([good, nothing, nothing], [fake, nothing, nothing]).item() == pytest.approx(3.6)
    assert generator_loss([good], [fake]).item() != pytest.approx(discriminator_loss([good], [fake]).item())


def test_depths_must_match() -> None:
    with pytest.raises(ValueError, match="shorter"):
        discriminator_loss([map_of(0.0), map_of(0.0)], [map_of(0.0)])


def test_truth_is_psnr_turned_round() -> None:
    truth = torch.full((2, 3, 8, 8), 0.5)
    off = truth.clone()
    off[0] += 0.1  # MSE 0.01: ln(101) / 10; the other picture is perfect
    assert truth_loss(off, truth).item() == pytest.approx(math.log(101) / 20, rel=1e-5)
    ten_db = truth_loss(truth + 0.1, truth) - truth_loss(truth + 0.1 * math.sqrt(0.1), truth)
    assert ten_db.item() == pytest.approx(0.2224, abs=1e-3)


def test_lab_is_that_of_scikit_image() -> None:
    image = np.random.default_rng(0).random((16, 20, 3))
    image[0, :4] = [[0, 0, 0], [1, 1, 1], [1, 0, 0], [0.02, 0.03, 0.04]]
    ours = lab_of(torch.from_numpy(image).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - rgb2lab(image)).max() < 0.02


def test_colour_is_the_mean_distance_of_patches() -> None:
    black, white = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    assert colour_loss(white, black).item() == pytest.approx(1.0, abs=1e-3)
    assert colour_loss(white[:, :1], black[:, :1]).item() == pytest.approx(1.0, abs=1e-3)  # grey, taken as R = G = B
    half = torch.cat([white[..., :4], black[..., :4]], dim=3)
    assert colour_loss(half, black).item() == pytest.approx(0.5, abs=1e-3)
    board = torch.zeros(8, 8)
    board[::2, ::2] = board[1::2, 1::2] = 1.0
    assert colour_loss(board.expand(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5)).item() == pytest.approx(0.0, abs=1e-4)


def textured(seed: int = 0) -> torch.Tensor:
    coarse = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(96, 96), mode="bicubic", align_corners=False)


def test_structure_is_one_minus_the_correlation_of_windows() -> None:
    image = textured()
    assert structure_loss(image, image).item() == pytest.approx(0.0, abs=1e-3)
    assert structure_loss(0.5 * image + 0.2, image).item() < 0.05  # gain and offset are forgiven
    assert structure_loss(1.0 - image, image).item() > 1.8  # every edge turned round: 2, less the floor
    assert 0.7 < structure_loss(textured(1), image).item() < 1.3  # unrelated: 1
    blurred = torch.nn.functional.avg_pool2d(image, 15, stride=1, padding=7)
    assert 0.05 < structure_loss(blurred, image).item() < 1.0


def test_consistency_of_a_negative_is_four() -> None:
    """Each layer has deviation 1 and is turned round: (a − (−a))² = 4 a², whose mean is 4."""
    image = textured()
    assert consistency_loss(1.0 - image, image).item() == pytest.approx(4.0, rel=0.02)


def test_identity_averages_over_two_and_four_pixels() -> None:
    """A board of ±0.1 pixel by pixel is 0 on both coarser scales; one of 2×2 squares is 0 on the coarsest alone."""
    good = torch.full((1, 1, 16, 16), 0.5)
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    for square, expected in ((1, 0.1), (2, 0.1 + 0.05), (4, 0.1 + 0.05 + 0.025)):
        board = 0.1 - 0.2 * ((rows // square + columns // square) % 2)
        assert identity_loss(good + board, good).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(torch.float16, torch.float32), (torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)],
)  # fmt: skip
def test_precision_only_grows(given: torch.dtype, expected: torch.dtype) -> None:
    assert at_least_float32(torch.zeros(1, dtype=given)).dtype == expected
