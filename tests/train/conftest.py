"""Small pictures made on the spot: textured colour scenes, a dim and a bright folder of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

MakePicture = Callable[..., NDArray[np.uint8]]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make_picture() -> MakePicture:
    def make(seed: int, *, height: int = 96, width: int = 128, gain: float = 1.0) -> NDArray[np.uint8]:
        rng = np.random.default_rng(seed)
        coarse = rng.integers(40, 220, (6, 8, 3)).astype(np.float32)
        scene = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) + rng.normal(
            0, 6, (height, width, 3)
        )
        return np.clip(scene * gain, 0, 255).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def domains(tmp_path_factory: pytest.TempPathFactory, make_picture: MakePicture) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("domains")
    for name, gain in (("low", 0.4), ("high", 1.0)):
        (root / name).mkdir()
        for index in range(5):
            cv2.imwrite(str(root / name / f"{index}.png"), make_picture(index + 100 * (name == "high"), gain=gain))
    return root / "low", root / "high"
