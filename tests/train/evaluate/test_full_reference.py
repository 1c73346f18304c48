"""PSNR, SSIM and ΔE2000 against published values and an independent implementation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from edgeenh.errors import PictureError
from edgeenh_train.evaluate.full_reference import (
    CHANGE,
    FULL_REFERENCE,
    delta_e_2000,
    delta_e_2000_of_lab,
    psnr_of,
    ssim_of,
)
from edgeenh_train.evaluate.scoring import View

SHARMA = [  # Sharma, Wu and Dalal (2005), table 1: pairs 1, 2, 7, 9, 17, 20, 26 and 34
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (50.0, 3.1736, 0.5854), 1.0),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("left", "right", "expected"), SHARMA)
def test_delta_e_2000_of_published_pairs(left: Any, right: Any, expected: float) -> None:
    found = delta_e_2000_of_lab(np.array([[left]]), np.array([[right]]))
    assert found[0, 0] == pytest.approx(expected, abs=1e-4)


def test_delta_e_of_pictures(make_picture: Callable[..., NDArray[np.uint8]]) -> None:
    black, white = np.zeros((20, 20, 3), np.uint8), np.full((20, 20, 3), 255, np.uint8)
    assert delta_e_2000(black, white) == pytest.approx(100.0, abs=1e-3)
    tall = make_picture(1, height=300, width=20)  # more rows than one strip
    other = make_picture(2, height=300, width=20)
    halves = [delta_e_2000(tall[rows], other[rows]) for rows in (slice(0, 150), slice(150, 300))]
    assert delta_e_2000(tall, other) == pytest.approx(sum(halves) / 2)
    assert delta_e_2000(tall, tall) == 0.0


def test_psnr_of_a_known_difference() -> None:
    truth = np.full((16, 16, 3), 100, np.uint8)
    assert psnr_of(truth, truth + np.uint8(5)) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr_of(truth, truth) == math.inf


def test_colour_of_16_bits_is_judged_at_8() -> None:
    truth = np.full((16, 16, 3), 100 * 257, np.uint16)
    assert psnr_of(truth, truth + np.uint16(100)) == math.inf  # less than half a step of 8 bits


@pytest.mark.parametrize("data_range", [None, 4095])
def test_grey_of_16_bits_keeps_its_depth_and_range(data_range: int | None) -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 4096, (40, 50, 1)).astype(np.uint16)
    result = np.clip(truth + rng.normal(0, 60, truth.shape), 0, 4095).astype(np.uint16)
    top = data_range or 65_535
    squares = ((truth.astype(float) - result) ** 2).mean()
    assert psnr_of(truth, result, data_range) == pytest.approx(10 * math.log10(top**2 / squares))
    similarity: Any = structural_similarity  # scikit-image leaves it untyped
    _, independent = similarity(
        truth[..., 0].astype(float),
        result[..., 0].astype(float),
        data_range=top,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    assert ssim_of(truth, result, data_range) == pytest.approx(independent[5:-5, 5:-5].mean(), abs=1e-5)


def test_scorers(make_picture: Callable[..., NDArray[np.uint8]]) -> None:
    truth = make_picture(1)
    view = View(result=make_picture(1, gain=0.9), given=make_picture(1, gain=0.4), truth=truth)
    figures = {scorer.key: scorer.score(view) for scorer in FULL_REFERENCE if scorer.score}
    assert figures.keys() == {"psnr_db", "ssim", "delta_e_2000"}
    assert 20 < figures["psnr_db"] < 40
    assert CHANGE.score is not None
    assert CHANGE.score(view) > figures["delta_e_2000"]


def test_what_cannot_be_scored() -> None:
    grey = np.zeros((16, 16, 1), np.uint8)
    for scorer in FULL_REFERENCE:
        assert scorer.score is not None
        with pytest.raises(PictureError, match="no truth"):
            scorer.score(View(grey, grey))
    assert CHANGE.score is not None
    with pytest.raises(PictureError, match="grey"):
        CHANGE.score(View(grey, grey))
