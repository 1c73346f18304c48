"""The estimated camera: the method of moments gives a known camera back from two folders of other scenes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from edgeenh.errors import InputError, UsageError
from edgeenh_train.camera import draw_of, optics
from edgeenh_train.camera.base import Float
from edgeenh_train.camera.estimated import EstimatedCamera, EstimatedDraw, describe

MEAN = np.array([-1.2, 0.25, -0.15, -0.4, -0.3, 0.1, 0.2, -0.4])
DEVIATION = np.array([0.35, 0.2, 0.15, 0.1, 0.1, 0.05, 0.1, 0.15])
NOISE = 0.02
SCENES = 300
TOLERANCE = 0.08
"""Stops, of every mean: three standard errors of 300 pictures a side, whose own level varies by 0.3, and of clipping to 8 bit."""


def scenes(seed: int, count: int = SCENES) -> list[Float]:
    """Smooth coloured scenes between 0.25 and 0.8: what light does to them is never cut off."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        coarse = rng.uniform(0.35, 0.7, (5, 6, 3)) * rng.uniform(0.85, 1.1)
        smooth = cv2.resize(coarse.astype(np.float32), (96, 72), interpolation=cv2.INTER_CUBIC)
        found.append(np.clip(smooth, 0.25, 0.8).astype(np.float32))
    return found


def taken(camera: EstimatedCamera, pictures: Sequence[Float], seed: int) -> list[Float]:
    rng = np.random.default_rng(seed)
    return [camera.degrade(picture, camera.draw(rng)) for picture in pictures]


@pytest.fixture(scope="module")
def known() -> EstimatedCamera:
    return EstimatedCamera(MEAN, np.diag(DEVIATION), NOISE)


@pytest.fixture(scope="module")
def found(known: EstimatedCamera) -> EstimatedCamera:
    return EstimatedCamera.fit(taken(known, scenes(1), 3), scenes(2))


def test_moments_of_a_known_camera_come_back(found: EstimatedCamera) -> None:
    assert found.mean == pytest.approx(MEAN, abs=TOLERANCE)
    covariance = found.root @ found.root.T
    deviation = np.sqrt(np.diag(covariance))
    assert deviation[1:] == pytest.approx(DEVIATION[1:], abs=TOLERANCE)
    # cells of 3×3 pixels leave noise in the bright percentile, and the darker a picture, the more
    assert deviation[0] == pytest.approx(DEVIATION[0], abs=1.5 * TOLERANCE)
    assert found.noise == pytest.approx(NOISE, rel=0.15)


def test_its_pictures_look_like_the_low_ones_on_average(known: EstimatedCamera, found: EstimatedCamera) -> None:
    low, made = taken(known, scenes(5, 150), 6), taken(found, scenes(7, 150), 8)
    apart = np.mean([describe(p) for p in low], axis=0) - np.mean([describe(p) for p in made], axis=0)
    assert np.abs(apart).max() < 1.5 * TOLERANCE


def test_two_folders_of_one_kind_have_no_camera_between_them() -> None:
    camera = EstimatedCamera.fit(scenes(1, 100), scenes(2, 100))
    assert np.abs(camera.mean).max() < TOLERANCE
    assert camera.noise == pytest.approx(0.0, abs=0.003)


def test_describe_reads_stops_off_a_picture() -> None:
    linear = np.full((48, 64, 3), 0.2, np.float32)
    flat = describe(optics.linear_to_srgb(linear))
    assert flat[0] == pytest.approx(np.log2(0.2), abs=0.02)
    assert flat[1:] == pytest.approx(np.zeros(7), abs=1e-3)
    x = (np.arange(64, dtype=np.float32) + 0.5) / 64 * 2 - 1
    slanted = describe(optics.linear_to_srgb(linear * np.exp2(0.5 * x)[None, :, None]))
    assert slanted[1] == pytest.approx(0.5, abs=0.02)
    assert np.abs(slanted[2:]).max() < 0.02
    warm = describe(optics.linear_to_srgb(linear * np.array([1.5, 1.0, 0.5], np.float32)))
    luminance = np.log2(0.2126 * 1.5 + 0.7152 + 0.0722 * 0.5)
    assert warm[6:] == pytest.approx([np.log2(1.5) - luminance, -1 - luminance], abs=0.02)


def test_a_draw_without_anything_changes_nothing_and_one_stop_is_one_stop() -> None:
    camera = EstimatedCamera(np.zeros(8), np.zeros((8, 8)), 0.0)
    image = np.random.default_rng(0).integers(0, 256, (40, 56, 3)).astype(np.float32) / np.float32(255)
    still = camera.draw(np.random.default_rng(1))
    assert np.array_equal(np.rint(camera.degrade(image, still) * 255), np.rint(image * 255))
    dim = EstimatedDraw(0, level=-1.0, across=0, down=0, across2=0, down2=0, twist=0, red=0, blue=0, noise=0)
    grey = np.full((32, 32, 3), 0.8, np.float32)
    ratio = optics.srgb_to_linear(camera.degrade(grey, dim)).mean() / optics.srgb_to_linear(grey).mean()
    assert ratio == pytest.approx(0.5, abs=0.01)


def test_a_draw_says_everything() -> None:
    camera = EstimatedCamera(MEAN, np.diag(DEVIATION), NOISE)
    image = scenes(1, 1)[0]
    draw = camera.draw(np.random.default_rng(4))
    assert draw == camera.draw(np.random.default_rng(4)) != camera.draw(np.random.default_rng(5))
    before = image.copy()
    assert np.array_equal(camera.degrade(image, draw), camera.degrade(image, draw))
    assert np.array_equal(image, before)


def test_too_few_pictures_and_foreign_draws_are_refused(known: EstimatedCamera) -> None:
    few, enough = scenes(1, 7), scenes(2, 8)
    with pytest.raises(
        InputError, match=r'low domain has 7 pictures; .* at least 8: add pictures, or .* camera = "none"'
    ):
        EstimatedCamera.fit(few, enough)
    with pytest.raises(InputError, match="high domain has 7"):
        EstimatedCamera.fit(enough, few)
    with pytest.raises(UsageError, match="use its own draws"):
        known.degrade(few[0], draw_of("dental", 1))
    with pytest.raises(UsageError, match="was given an array"):
        known.degrade(few[0][..., :1], known.draw(np.random.default_rng(0)))
