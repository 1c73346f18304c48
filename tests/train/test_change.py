"""The figures of a model card: computed as written, and from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgeenh.errors import InputError
from edgeenh.pictures import write_picture
from edgeenh_train.change import change_of, main, thirds
from edgeenh_train.checkpoint import CheckpointInfo, save_generator
from edgeenh_train.domains import lab
from edgeenh_train.networks import build_generator


def test_lab_of_known_colours() -> None:
    white, black = np.full((2, 2, 3), 255, np.uint8), np.zeros((2, 2, 3), np.uint8)
    assert lab(white)[0, 0] == pytest.approx([100, 0, 0], abs=0.1)
    change = change_of("x", black, white)
    assert change.difference == pytest.approx(100, abs=0.1)
    assert (change.clipped_before, change.clipped_after) == (0.0, 1.0)


def test_command_line(domains: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = tmp_path / "g.safetensors"
    torch.manual_seed(0)
    save_generator(checkpoint, build_generator("n").state_dict(), CheckpointInfo("x", 1, "n", 0.4, 0, "", ""))
    words = [
        str(domains[0]),
        "--checkpoint",
        str(checkpoint),
        "--json",
        str(tmp_path / "f.json"),
        "--sheet",
        str(tmp_path / "s.png"),
    ]
    assert main(words) == 0
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["good third"]["difference"] == 0.0  # an untrained generator is the identity
    assert "dim third" in capsys.readouterr().out
    assert (tmp_path / "s.png").exists()
    assert main([str(tmp_path / "none")]) == 2


def test_too_few_pictures_for_thirds(tmp_path: Path, make_picture: Callable[..., NDArray[np.uint8]]) -> None:
    for index in range(2):
        write_picture(tmp_path / f"{index}.png", make_picture(index))
    with pytest.raises(InputError, match=r"2 picture\(s\) cannot be judged in thirds"):
        thirds(sorted(tmp_path.iterdir()))
