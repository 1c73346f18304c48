"""What holds for every camera model: draws that say everything, results that depend on nothing else, and refusals."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh.errors import InputError, UsageError
from edgeenh_train.camera import CAMERAS, camera_named, draw_from_json, draw_of
from edgeenh_train.camera.base import SEED_END, Float

NAMES = sorted(CAMERAS)
LEVELS = {"dental": 255, "dental-b": 255, "dental-noise": 255}


def scene(channels: int, height: int = 37, width: int = 51) -> Float:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = [0.5 + 0.4 * np.sin(x / (5 + c) + y / 9) for c in range(channels)]
    return np.stack(planes, axis=-1).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_result_is_on_the_levels_of_the_camera_and_the_input_stays(name: str) -> None:
    image = scene(CAMERAS[name].channels)
    before = image.copy()
    draw = draw_of(name, 3)
    result = CAMERAS[name].degrade(image, draw)
    levels = LEVELS.get(name, 2 ** getattr(draw, "bits", 8) - 1)
    assert (result.dtype, result.shape) == (np.float32, image.shape)
    assert 0.0 <= result.min() < result.max() <= 1.0
    assert np.abs(result * levels - np.rint(result * levels)).max() < 1e-3
    assert np.array_equal(image, before)
    assert not np.shares_memory(result, image)


@settings(max_examples=8)
@given(
    name=st.sampled_from(NAMES), seed=st.integers(0, 2**40), sides=st.tuples(st.integers(16, 40), st.integers(16, 40))
)
def test_a_draw_read_from_json_gives_the_same_bits(name: str, seed: int, sides: tuple[int, int]) -> None:
    image = scene(CAMERAS[name].channels, *sides)
    draw = draw_of(name, seed, 1)
    again = draw_from_json(json.loads(json.dumps(draw.to_json())))
    assert again == draw == draw_of(name, seed, 1)
    assert np.array_equal(CAMERAS[name].degrade(image, draw), CAMERAS[name].degrade(image.copy(), again))


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_noise_fields_differ(name: str) -> None:
    assert draw_of(name, 1, 2) != draw_of(name, 2, 1)
    draw = draw_of(name, 1)
    other = dataclasses.replace(draw, seed=draw.seed + 1)
    image = scene(CAMERAS[name].channels)
    assert not np.array_equal(CAMERAS[name].degrade(image, draw), CAMERAS[name].degrade(image, other))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zoom": 2.0}, r"unknown keys \['zoom'\]"),
        ({"exposure": None}, "exposure = None"),
        ({"exposure": float("nan")}, "exposure = nan"),
        ({"jpeg": 80.5}, "jpeg = 80.5, expected a finite int"),
        ({"jpeg": True}, "jpeg = True"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": SEED_END}, f"seed = {SEED_END}"),
        ({"camera": "dental-c"}, "names camera 'dental-c'"),
        ({"camera": ["dental"]}, "names camera"),
        ({"camera": "dental-b"}, "unknown keys"),
    ],
)
def test_a_draw_that_is_not_exactly_one_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_from_json(draw_of("dental", 1).to_json() | change)


def test_a_draw_that_lacks_a_field_is_refused() -> None:
    document = draw_of("xray", 1).to_json()
    del document["photons"]
    with pytest.raises(InputError, match=r"lacks \['photons'\]"):
        draw_from_json(document)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_pictures_and_draws_of_others_are_refused(name: str) -> None:
    camera = CAMERAS[name]
    image = scene(camera.channels)
    other = draw_of("xray" if camera.channels == 3 else "dental", 1)
    for wrong in (image[..., 0], image.astype(np.float64), np.repeat(image, 2, axis=2), image[:0]):
        with pytest.raises(UsageError, match=f"camera '{name}' was given an array"):
            camera.degrade(wrong, draw_of(name, 1))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="use its own draws"):
        camera.degrade(image, other)


def test_unknown_cameras_and_bad_seeds_are_refused() -> None:
    with pytest.raises(UsageError, match="no camera 'phone', expected one of dental"):
        camera_named("phone")
    for seed in ((), (-1,), (1, -2)):
        with pytest.raises(UsageError, match="integers from 0"):
            draw_of("dental", *seed)
