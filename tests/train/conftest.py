"""Small pictures made on the spot: textured colour scenes, a dim and a bright folder of them, pairs, and one tiny configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgeenh_train.config import TrainConfig
from edgeenh_train.data import Folders

MakePicture = Callable[..., NDArray[np.uint8]]

PICTURES = 8
"""Per folder: as many as estimating a camera takes."""


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
    """A dim and a bright folder of other scenes."""
    root = tmp_path_factory.mktemp("domains")
    for name, gain in (("low", 0.4), ("high", 1.0)):
        (root / name).mkdir()
        for index in range(PICTURES):
            cv2.imwrite(str(root / name / f"{index}.png"), make_picture(index + 100 * (name == "high"), gain=gain))
    return root / "low", root / "high"


@pytest.fixture(scope="session")
def folders(domains: tuple[Path, Path]) -> Folders:
    return Folders(low=domains[0], high=domains[1])


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory, make_picture: MakePicture) -> Path:
    """`input` and `truth`: the same scenes, dim and bright."""
    root = tmp_path_factory.mktemp("pairs")
    for name, gain in (("input", 0.4), ("truth", 1.0)):
        (root / name).mkdir()
        for index in range(4):
            cv2.imwrite(str(root / name / f"{index}.png"), make_picture(index, gain=gain))
    return root


@pytest.fixture(scope="session")
def tiny() -> TrainConfig:
    """Six steps of `unpaired` with an estimated camera; a checkpoint after every second."""
    return TrainConfig(
        images=12, batch=2, view_height=64, view_width=64, discriminator_width=2, checkpoint_every=4, sample_every=8, decode_side=96,
        frozen_norm_share=0.5, average=0.5,
    )  # fmt: skip
