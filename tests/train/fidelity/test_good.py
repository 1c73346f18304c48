"""Change on good pictures: known differences, the worst patch where it is, and what cannot be measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.errors import JobFailed, PictureError
from edgeenh_train.fidelity.good import change_of_bytes, good_change, worst_patch

Picture = NDArray[np.float32]
Scene = Callable[..., Picture]


def test_no_change_is_zero(scene: Scene) -> None:
    change = good_change(lambda p: p.copy(), scene(), "a")
    assert (change.name, change.mean, change.p95, change.largest, change.shift) == ("a", 0.0, 0.0, 0.0, (0.0, 0.0, 0.0))


def test_grey_one_step_apart() -> None:
    # Between neutral greys ΔE2000 is ΔL* / S_L with S_L = 1 + 0.015 (L̄ − 50)² / √(20 + (L̄ − 50)²); the middle lies near L* 50.
    before = np.full((64, 64, 3), 118, np.uint8)
    after = np.full((64, 64, 3), 121, np.uint8)
    change = change_of_bytes("grey", before, after)
    assert change.mean == pytest.approx(1.19, abs=0.03)  # L* 49.6 and 50.8
    assert change.shift == (3.0, 3.0, 3.0)
    assert change.p95 == pytest.approx(change.mean)


def test_shift_has_its_sign_and_channel(scene: Scene) -> None:
    before = np.round(scene() * 255).astype(np.uint8)
    after = before.copy()
    after[..., 2] -= 2
    assert change_of_bytes("b", before, after).shift == (0.0, 0.0, -2.0)


def test_worst_patch_is_found_where_it_is() -> None:
    figure = np.zeros((90, 120))
    figure[41 : 41 + 32, 67 : 67 + 32] = 2.0
    patch = worst_patch(figure)
    assert (patch.x, patch.y, patch.side, patch.mean) == (67, 41, 32, 2.0)
    assert worst_patch(np.ones((20, 50))).side == 20


def test_grey_pictures_are_measured(scene: Scene) -> None:
    change = good_change(lambda p: np.clip(p + np.float32(2 / 255), 0, 1), scene(channels=1), "grey")
    assert change.shift == pytest.approx((2.0, 2.0, 2.0))


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (np.zeros((80, 80, 3), np.uint8), "expected float32"),
        (np.zeros((80, 80), np.float32), "expected float32"),
        (np.zeros((80, 80, 2), np.float32), "expected float32"),
        (np.zeros((80, 63, 3), np.float32), "at least 64×64"),
        (np.full((80, 80, 3), 1.5, np.float32), "outside 0…1"),
        (np.full((80, 80, 3), np.nan, np.float32), "outside 0…1"),
    ],
)
def test_pictures_that_cannot_be_measured(picture: Picture, expected: str) -> None:
    with pytest.raises(PictureError, match=expected):
        good_change(lambda p: p.copy(), picture, "x")


@pytest.mark.parametrize(
    ("enhance", "expected"),
    [
        (lambda p: p[:-1], r"returned float32 \[179, 240, 3\]"),
        (lambda p: p.astype(np.float64), "returned float64"),
        (lambda p: None, "a NoneType"),
        (lambda p: p * np.float32("nan"), "not finite"),
        (lambda p: p + np.float32(0.5), "outside 0…1"),
    ],
)
def test_results_that_cannot_be_measured(enhance: Callable[[Picture], Picture], expected: str, scene: Scene) -> None:
    with pytest.raises(JobFailed, match=expected):
        good_change(enhance, scene(), "x")


def test_an_enhancer_that_writes_into_its_input_fools_nobody(scene: Scene) -> None:
    def inplace(picture: Picture) -> Picture:
        picture *= np.float32(0.5)
        return picture

    assert good_change(inplace, scene(), "x").mean > 10.0
