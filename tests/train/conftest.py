"""Small pictures made on the spot: textured colour scenes, a dim and a bright folder of them, pairs, and one tiny configuration."""

from __future__ import annotations

import struct
import zlib
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


_COLORANTS = {  # X, Y, Z of red, green and blue at D50, as profiles hold them
    "sRGB": ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)),
    "Display P3": ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)),
    "ProPhoto": ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249)),
}


def _profile(name: str) -> bytes:
    """A matrix profile with nothing but its colorants (ICC.1:2022, 7.2, 7.3 and 10.31)."""
    values = [struct.pack(">4s4x3i", b"XYZ ", *(round(v * 65536) for v in xyz)) for xyz in _COLORANTS[name]]
    table = [struct.pack(">4sII", key, 168 + 20 * i, 20) for i, key in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
    body = struct.pack(">I", 3) + b"".join(table) + b"".join(values)
    head = struct.pack(">I4sI4s4s4s", 128 + len(body), b"test", 0x04000000, b"mntr", b"RGB ", b"XYZ ").ljust(128, b"\0")
    return head + body


@pytest.fixture
def with_profile() -> Callable[[bytes, str], bytes]:
    """A PNG file's content with the colour profile of a name put into it."""

    def put(data: bytes, name: str) -> bytes:
        body = b"iCCP" + b"test\0\0" + zlib.compress(_profile(name))
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return data[:33] + chunk + data[33:]  # behind the signature and IHDR

    return put
