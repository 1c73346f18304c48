"""Methods that need no training: what each undoes, and that none breaks on any picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeenh.errors import UsageError
from edgeenh_train.evaluate.levels import MEAN_LUMA, METHODS, training_free, white

MakePicture = Callable[..., NDArray[np.uint8]]


def unit(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return picture.astype(np.float32) / np.float32(255)


def dimmed(picture: NDArray[np.float32], gains: tuple[float, float, float]) -> NDArray[np.float32]:
    """The picture under a darker, coloured light: gains in linear light."""
    linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4) * np.array(gains)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(encoded, dtype=np.float32)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=25)
@given(
    height=st.integers(16, 40),
    width=st.integers(16, 40),
    channels=st.sampled_from([1, 3]),
    level=st.sampled_from([0.0, 0.004, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_any_picture_gives_a_picture(
    name: str, height: int, width: int, channels: int, level: float, seed: int
) -> None:
    image = (np.random.default_rng(seed).random((height, width, channels)) * level).astype(np.float32)
    image[: height // 2] = level  # half of it flat
    before = image.copy()
    result = METHODS[name](image)
    assert result.shape == image.shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert 0.0 <= result.min() <= result.max() <= 1.0
    assert np.array_equal(image, before)
    assert np.array_equal(result, METHODS[name](image))


def test_white_undoes_a_dark_coloured_light(make_picture: MakePicture) -> None:
    good = unit(make_picture(3))
    good = good / good.max(axis=(0, 1))
    restored = white(dimmed(good, (0.3, 0.2, 0.1)))
    assert np.abs(restored - white(good)).max() < 2e-3
    assert np.abs(restored - good).mean() < 0.05


def test_every_method_of_levels_brings_a_dark_cast_closer(make_picture: MakePicture) -> None:
    good = unit(make_picture(3))
    bad = dimmed(good, (0.3, 0.2, 0.1))
    for name, method in METHODS.items():
        assert np.abs(method(bad) - good).mean() < np.abs(bad - good).mean(), name


def test_gamma_reaches_the_mean_luma(make_picture: MakePicture) -> None:
    result = METHODS["levels-white-gamma"](unit(make_picture(3, gain=0.5)))
    assert float((result @ np.array([0.299, 0.587, 0.114])).mean()) == pytest.approx(MEAN_LUMA, abs=0.05)


def test_clahe_keeps_colour_and_raises_contrast(make_picture: MakePicture) -> None:
    flat = 0.4 + 0.1 * unit(make_picture(3))
    result = METHODS["clahe"](flat)
    assert result.std() > 1.5 * flat.std()
    grey = METHODS["clahe"](np.full((32, 32, 3), 0.4, np.float32))
    assert np.ptp(grey, axis=2).max() < 0.01


def test_choosing_methods() -> None:
    assert [c.name for c in training_free([])] == list(METHODS)
    assert [c.name for c in training_free(["clahe", "levels"])] == ["clahe", *(m for m in METHODS if m != "clahe")]
    assert [c.name for c in training_free(["levels-white", "levels-white"])] == ["levels-white"]
    with pytest.raises(UsageError, match="method 'magic' is unknown; choose levels or one of levels-white"):
        training_free(["magic"])
