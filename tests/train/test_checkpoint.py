"""Checkpoints: what goes in comes out; what is damaged, foreign or of another variant is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edgeenh.errors import CheckpointError
from edgeenh_train.checkpoint import SHIPPED, CheckpointInfo, load_generator, save_generator
from edgeenh_train.networks import build_generator


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "g.safetensors"
    torch.manual_seed(0)
    info = CheckpointInfo("tiny", 2, "n", 0.25, 80, "made up", "none", config={"seed": 1})
    save_generator(path, build_generator("n", 0.25).state_dict(), info)
    return path


def test_round_trip(checkpoint: Path) -> None:
    generator, info = load_generator(checkpoint)
    torch.manual_seed(0)
    fresh = build_generator("n", 0.25).state_dict()
    assert all(torch.equal(value, fresh[name]) for name, value in generator.state_dict().items())
    assert (info.name, info.version, info.variant, info.cap, info.images_seen, info.config) == (
        "tiny",
        2,
        "n",
        0.25,
        80,
        {"seed": 1},
    )
    assert len(info.sha256) == 64
    assert not generator.training


def test_missing_truncated_and_foreign_files(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_generator(tmp_path / "none.safetensors")
    data = checkpoint.read_bytes()
    for cut in (0, 4, 100, len(data) - 1):
        checkpoint.write_bytes(data[:cut])
        with pytest.raises(CheckpointError):
            load_generator(checkpoint)
    checkpoint.write_bytes(b"\x80\x04pickled" * 10)
    with pytest.raises(CheckpointError, match="not an edgeenh checkpoint"):
        load_generator(checkpoint)


def test_other_variant_and_non_finite_weights(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    state = build_generator("s").state_dict()
    save_generator(path, state, CheckpointInfo("x", 1, "n", 0.5, 0, "", ""))
    with pytest.raises(CheckpointError, match="do not fit variant 'n'"):
        load_generator(path)
    state["head.bias"][0] = float("nan")
    save_generator(path, state, CheckpointInfo("x", 1, "s", 0.5, 0, "", ""))
    with pytest.raises(CheckpointError, match="not finite"):
        load_generator(path)


def test_shipped_checkpoint_loads_and_is_small() -> None:
    _, info = load_generator(SHIPPED)
    assert info.variant == "n"
    assert SHIPPED.stat().st_size <= 2_000_000
    assert SHIPPED.with_suffix(".md").is_file()
