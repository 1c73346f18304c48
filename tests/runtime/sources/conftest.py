"""Small videos and pictures, made here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.stream import ManualClock

WriteVideo = Callable[..., Path]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000)


@pytest.fixture
def image() -> NDArray[np.uint8]:
    """A picture whose left half is red and whose right half is blue."""
    image = np.zeros((32, 48, 3), np.uint8)
    image[:, :24, 0], image[:, 24:, 2] = 200, 200
    return image


@pytest.fixture
def write_video(tmp_path: Path) -> WriteVideo:
    """Write `frames` frames of red left and blue right; frame k has a white column at k."""

    def write(name: str = "clip.mp4", frames: int = 20, codec: str = "mp4v") -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), 25.0, (96, 64))
        noise = np.random.default_rng(7).integers(0, 40, (64, 96, 3), np.uint8)
        for index in range(frames):
            bgr = noise.copy()
            bgr[:, :48, 2] += 180
            bgr[:, 48:, 0] += 180
            bgr[:, index : index + 2] = 255
            writer.write(bgr)
        writer.release()
        return path

    return write
