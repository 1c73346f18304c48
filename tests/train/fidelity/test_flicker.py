"""Flicker: exact panning, registration without remainder, and enhancers that flicker or do not."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.errors import InputError, SourceError
from edgeenh_train.fidelity.flicker import clip_jitter, jitter_of, panned, ratio_of

Picture = NDArray[np.float32]
Scene = Callable[..., Picture]


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


class Nervous:
    """A gain that changes from picture to picture."""

    def __init__(self, spread: float) -> None:
        self.rng, self.spread = np.random.default_rng(3), spread

    def __call__(self, picture: Picture) -> Picture:
        return np.clip(picture * np.float32(1.0 + self.rng.normal(0.0, self.spread)), 0, 1)


@pytest.mark.parametrize(("condition", "levels"), [("clean", None), ("levels", 255), ("dim", 255)])
def test_identity_flickers_as_its_input(condition: str, levels: int | None, scene: Scene) -> None:
    flicker = panned(lambda p: p.copy(), scene(), "x", rng(), condition=condition, frames=4)
    assert (flicker.condition, flicker.levels, flicker.ratio, flicker.own) == (condition, levels, 1.0, 0.0)
    assert flicker.raw_in == flicker.raw_out > 0.5
    assert flicker.jitter.ratio == 1.0


def test_registration_leaves_little_where_nothing_flickers(scene: Scene) -> None:
    smooth = np.asarray(cv2.GaussianBlur(scene(), (0, 0), 1.5))
    assert panned(lambda p: p.copy(), smooth, "x", rng(), condition="clean", frames=4, noise=0.0).raw_in < 0.02


def test_a_gain_alone_is_not_penalised(scene: Scene) -> None:
    flicker = panned(lambda p: np.clip(p * np.float32(1.3), 0, 1), scene() * np.float32(0.7), "x", rng(), frames=4)
    assert flicker.raw_out / flicker.raw_in == pytest.approx(1.3, abs=0.01)
    assert flicker.ratio == pytest.approx(1.0, abs=0.005)
    assert flicker.own < 0.001


def test_an_uneven_gain_that_stays_with_the_scene_is_not_penalised(scene: Scene) -> None:
    dark = scene() * np.where(np.arange(240) < 120, 0.4, 1.0).astype(np.float32)[None, :, None]

    def lift(picture: Picture) -> Picture:  # a function of the scene alone: dark places get more
        mean = cv2.GaussianBlur(picture.mean(axis=2), (0, 0), 10)
        return np.clip(picture * np.sqrt(0.5 / mean)[..., None], 0, 1).astype(np.float32)

    flicker = panned(lift, dark, "x", rng(), frames=4)
    assert flicker.raw_out > 1.05 * flicker.raw_in
    assert flicker.ratio == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("spread", [0.005, 0.02])
def test_a_nervous_gain_is_found(spread: float, scene: Scene) -> None:
    flicker = panned(Nervous(spread), scene(), "x", rng(), frames=8)
    assert round(flicker.ratio, 2) > 1.0
    assert flicker.own > 0.3 * spread
    assert flicker.jitter.ratio > 3.0


def test_a_steady_window_of_radiographs_is_not_penalised(radiograph: Picture) -> None:
    flicker = panned(lambda p: np.clip((p - np.float32(0.2)) / np.float32(0.6), 0, 1), radiograph, "x", rng(), frames=4)
    assert flicker.raw_out > 1.5 * flicker.raw_in
    assert flicker.ratio == pytest.approx(1.0, abs=0.01)


def test_a_nervous_window_of_radiographs_is_found(radiograph: Picture) -> None:
    assert panned(Nervous(0.05), radiograph, "x", rng(), frames=4).ratio > 1.2


def eight_bit(picture: Picture) -> Picture:
    """What a bundle for 8-bit colour does to what lies between the levels."""
    return np.asarray(np.rint(picture * 255) / 255, dtype=np.float32)


def test_rounding_that_a_camera_has_done_already_is_no_flicker(scene: Scene) -> None:
    quiet = {"frames": 4, "noise": 0.002}
    assert panned(eight_bit, scene(), "x", rng(), condition="clean", **quiet).ratio > 1.02
    assert panned(eight_bit, scene(), "x", rng(), condition="levels", **quiet).ratio == 1.0


def test_flicker_that_comes_with_the_dark_is_found(scene: Scene) -> None:
    nervous = Nervous(0.05)

    def in_the_dark(picture: Picture) -> Picture:
        return nervous(picture) if picture.mean() < 0.45 else picture

    assert panned(in_the_dark, scene(), "x", rng(), condition="levels", frames=4).ratio == 1.0
    assert panned(in_the_dark, scene(), "x", rng(), condition="dim", frames=4).ratio > 1.1


def test_a_gain_that_lifts_the_dark_steadily_is_not_penalised(scene: Scene) -> None:
    flicker = panned(lambda p: np.clip(p * np.float32(1.5), 0, 1), scene(), "x", rng(), condition="dim", frames=4)
    assert flicker.raw_out > 1.4 * flicker.raw_in
    assert flicker.ratio == pytest.approx(1.0, abs=0.005)


def test_contrast_that_amplifies_noise_is_found(scene: Scene) -> None:
    flicker = panned(
        lambda p: np.clip(0.5 + (p - 0.5) * np.float32(1.5), 0, 1).astype(np.float32), scene(), "x", rng(), frames=4
    )
    assert flicker.ratio > 1.2


def test_black_has_nothing_to_divide_by() -> None:
    flicker = panned(lambda p: p.copy(), np.zeros((80, 80, 3), np.float32), "x", rng(), frames=3, noise=0.0)
    assert (flicker.raw_in, flicker.relative_in, flicker.ratio) == (0.0, 0.0, 1.0)


def test_jitter_forgives_a_steady_rise_and_any_gain() -> None:
    rising = [10.0, 12.0, 14.0, 16.0]
    assert jitter_of(rising, rising).raw_in == 0.0
    restless = [10.0, 11.0, 10.0, 11.0, 10.0]
    jitter = jitter_of(restless, [2 * value for value in restless])
    assert jitter.raw_in == pytest.approx(math.sqrt(32 / 9))  # second differences −2, 2, −2
    assert jitter.raw_out == pytest.approx(2 * jitter.raw_in)
    assert jitter.ratio == pytest.approx(1.0)
    assert jitter_of(rising, restless[:4]).ratio == math.inf
    with pytest.raises(InputError, match="at least 3"):
        jitter_of([1.0, 2.0], [1.0, 2.0])


def test_ratio_of_nothing() -> None:
    assert (ratio_of(0.0, 0.0), ratio_of(1.0, 0.0), ratio_of(1.0, 2.0)) == (1.0, math.inf, 0.5)


def test_a_clip(tmp_path: Path, scene: Scene) -> None:
    file = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 25, (240, 180))
    for index in range(6):
        writer.write(np.round(scene()[..., ::-1] * (250 - 20 * (index % 2))).astype(np.uint8))
    writer.release()
    told: list[int] = []
    same = clip_jitter(lambda p: p.copy(), file, frames=5, long_side=120, progress=told.append)
    assert (same.frames, same.ratio) == (5, 1.0)
    assert same.raw_in > 1.0
    assert told == [1, 2, 3, 4, 5]
    steady = clip_jitter(lambda p: np.full_like(p, 0.5), file, frames=5, long_side=120)
    assert steady.raw_out == 0.0


def test_a_folder_is_no_clip(tmp_path: Path, scene: Scene) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.round(scene() * 255).astype(np.uint8))
    with pytest.raises(SourceError, match="not a video"):
        clip_jitter(lambda p: p.copy(), tmp_path, frames=5, long_side=120)
