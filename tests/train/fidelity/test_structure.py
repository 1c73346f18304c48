"""The structure score: blind to tone, awake to blur, shift and drawn lines."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.errors import PictureError
from edgeenh_train.fidelity.structure import structure_of, structure_term

Picture = NDArray[np.float32]
Scene = Callable[..., Picture]


def lines(picture: Picture) -> Picture:
    drawn = picture.copy()
    for x in range(30, 230, 40):
        cv2.line(drawn, (x, 150), (x + 20, 175), (0.2, 0.2, 0.2), 2, cv2.LINE_AA)
    return drawn


def test_the_input_itself_is_exactly_one(scene: Scene) -> None:
    structure = structure_of(scene(), scene())
    assert structure.likeness == pytest.approx(1.0, abs=1e-9)
    assert structure.worst.mean == pytest.approx(1.0, abs=1e-9)
    assert structure.added_edges == 0.0


@pytest.mark.parametrize(("name", "least"), [("gain", 0.99), ("gamma", 0.99), ("smooth gain", 0.975)])
def test_tone_is_forgiven(
    name: str, least: float, scene: Scene, fakes: dict[str, Callable[[Picture], Picture]]
) -> None:
    structure = structure_of(scene(), fakes[name](scene()))
    assert structure.likeness > least
    assert structure.added_edges < 1e-4


def test_a_linear_map_of_the_logarithm_is_exactly_forgiven() -> None:
    x = np.random.default_rng(0).normal(0.0, 0.2, (40, 40))
    assert structure_term(x, 3.0 * x - 1.0).min() > 1.0 - 1e-9
    assert structure_term(x, -x).max() < -0.8


def test_blur_shift_and_noise_cost_structure(scene: Scene, fakes: dict[str, Callable[[Picture], Picture]]) -> None:
    picture = scene()
    noisy = np.clip(picture + np.random.default_rng(1).normal(0.0, 0.05, picture.shape), 0, 1).astype(np.float32)
    shifted = np.roll(picture, 4, axis=1)
    assert structure_of(picture, fakes["blur"](picture)).likeness < 0.995
    assert structure_of(picture, shifted).likeness < 0.95
    assert structure_of(picture, shifted).worst.mean < 0.5
    assert structure_of(picture, noisy).likeness < 0.9


def test_drawn_lines_are_added_edges(scene: Scene) -> None:
    picture = scene()
    structure = structure_of(picture, lines(picture))
    assert structure.added_edges > 0.2
    assert structure.worst.mean < 0.7
    assert structure.worst.y > 100  # where the lines are
    assert structure_of(lines(picture), picture).added_edges < 0.01  # taking lines away adds none


def test_shifted_edges_are_added_edges(scene: Scene) -> None:
    assert structure_of(scene(), np.roll(scene(), 6, axis=1)).added_edges > 0.2


def test_small_and_flat_pictures(scene: Scene) -> None:
    small = scene()[:64, :64]
    assert len(structure_of(small, small).scales) == 2
    flat = np.full((64, 64, 3), 0.5, np.float32)
    assert structure_of(flat, flat).added_edges == 0.0
    assert structure_of(flat, flat).likeness == pytest.approx(1.0)


def test_what_cannot_be_compared() -> None:
    fine = np.full((64, 64, 3), 0.5, np.float32)
    with pytest.raises(PictureError, match="the output"):
        structure_of(fine, fine.astype(np.float64))  # type: ignore[arg-type]  # the point of the test
