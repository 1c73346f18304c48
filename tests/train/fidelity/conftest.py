"""A small scene as a dental photograph is built: gums, teeth with edges, shading, little noise; and enhancers that do harm."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Scene = Callable[..., Picture]


@pytest.fixture(scope="session")
def scene() -> Scene:
    def make(seed: int = 0, *, height: int = 180, width: int = 240, channels: int = 3) -> Picture:
        rng = np.random.default_rng([77, seed])
        picture = np.empty((height, width, 3), np.float32)
        picture[:] = (0.62, 0.36, 0.35)
        for column in range(4):
            centre = (int(width * (column + 0.5) / 4), int(height * (0.45 + 0.1 * rng.random())))
            cv2.ellipse(picture, centre, (width // 11, height // 4), 0, 0, 360, (0.74, 0.71, 0.62), -1)
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.2))
        shade = cv2.resize(
            rng.uniform(0.85, 1.1, (3, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        picture = picture * shade[..., None] + rng.normal(0.0, 0.003, picture.shape)
        return np.clip(picture, 0.0, 1.0).astype(np.float32)[..., 3 - channels :]

    return make


@pytest.fixture(scope="session")
def radiograph(scene: Scene) -> Picture:
    """The scene in grey, within 0.3…0.7, so that a window has something to open."""
    return (np.float32(0.3) + np.float32(0.4) * scene(channels=1)).astype(np.float32)


def clipped(values: NDArray[np.floating]) -> Picture:
    return np.clip(values, 0.0, 1.0).astype(np.float32)


def smooth_gain(picture: Picture) -> Picture:
    """An uneven lighting and a white balance, changing slowly."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    field = 1.0 + 0.15 * np.sin(x / 90.0) * np.cos(y / 80.0)
    balance = np.array([0.95, 1.0, 1.1]) if picture.shape[2] == 3 else np.ones(1)
    return clipped(picture * field[..., None] * balance)


def median(picture: Picture) -> Picture:
    levels = np.round(picture * 255.0).astype(np.uint8)
    return clipped(cv2.medianBlur(levels, 7).reshape(picture.shape) / 255.0)


def blurred(picture: Picture) -> Picture:
    return clipped(cv2.GaussianBlur(picture, (0, 0), 1.5).reshape(picture.shape))


def overshooting(picture: Picture) -> Picture:
    """A sharpening that overshoots by half."""
    return clipped(picture + 0.5 * (picture - cv2.GaussianBlur(picture, (0, 0), 2.5).reshape(picture.shape)))


SPOTS = ((40, 150), (100, 20), (165, 160), (215, 25))


def drawing(picture: Picture, contrast: float = -0.2) -> Picture:
    """Four spots that nobody asked for."""
    drawn = picture.copy()
    for place in SPOTS:
        spot = np.zeros(picture.shape[:2], np.float32)
        cv2.circle(spot, place, 4, 1.0, -1, cv2.LINE_AA)
        drawn *= 1.0 + contrast * spot[..., None]
    return clipped(drawn)


def identity(picture: Picture) -> Picture:
    return picture.copy()


@pytest.fixture(scope="session")
def fakes() -> dict[str, Callable[[Picture], Picture]]:
    return {
        "identity": identity,
        "gain": lambda p: clipped(p * 1.2),
        "gamma": lambda p: clipped(p**0.8),
        "smooth gain": smooth_gain,
        "median": median,
        "blur": blurred,
        "overshoot": overshooting,
        "spots": drawing,
    }
