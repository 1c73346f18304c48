"""A clip of twelve frames at 50 a second, small and lossless."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

FRAMES, FPS = 12, 50.0


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.avi", (64, 48))


def make_clip(path: Path, size: tuple[int, int]) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), FPS, size)
    coarse = np.random.default_rng(3).integers(30, 200, (6, 8, 3), dtype=np.uint8)
    for number in range(FRAMES):
        writer.write(cv2.resize(np.roll(coarse, number, 1), size, interpolation=cv2.INTER_CUBIC))
    writer.release()
    return path
