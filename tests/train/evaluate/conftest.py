"""Small paired sets made on the spot, and the real data where it is at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).parents[3]
MakePicture = Callable[..., NDArray[np.uint8]]


@pytest.fixture(scope="session")
def real_data() -> Path:
    path = Path(os.environ.get("EDGEENH_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; EDGEENH_DATA names its folder")
    return path


@pytest.fixture
def paired(tmp_path: Path, make_picture: MakePicture) -> Path:
    """Three pictures, each at 0.4 of its brightness."""
    folder = tmp_path / "pairs"
    for side, gain in (("input", 0.4), ("truth", 1.0)):
        (folder / side).mkdir(parents=True)
        for index in range(3):
            cv2.imwrite(str(folder / side / f"{index}.png"), make_picture(index, height=48, width=64, gain=gain))
    return folder
