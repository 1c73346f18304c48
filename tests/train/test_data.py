"""Folders, views, batches and the split into domains."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from edgeenh.errors import InputError
from edgeenh_train import domains as domains_module
from edgeenh_train.data import Batches, PictureFolder, view


def batches(low: PictureFolder, high: PictureFolder, start: int, stop: int) -> Batches:
    return Batches(low, high, batch=3, height=64, width=80, whole_share=0.5, seed=7, start=start, stop=stop)


def test_batches_depend_on_the_step_alone(domains: tuple[Path, Path]) -> None:
    low, high = (PictureFolder(path, decode_side=96) for path in domains)
    with batches(low, high, 0, 6) as whole, batches(low, high, 4, 6) as resumed:
        unbroken = list(whole)
        tail = list(resumed)
    assert len(unbroken) == 6
    assert tail[0][0].shape == (3, 3, 64, 80)
    for (a, b), (c, d) in zip(unbroken[4:], tail, strict=True):
        assert torch.equal(a, c)
        assert torch.equal(b, d)


def test_an_epoch_shows_every_picture_once(domains: tuple[Path, Path]) -> None:
    low = PictureFolder(domains[0], decode_side=96)
    loader = Batches(low, low, batch=1, height=64, width=80, whole_share=1.0, seed=7, start=0, stop=5)
    means = {round(float(loader.make(step)[0].mean()), 6) for step in range(5)}
    assert len(means) == 5


def test_leaving_early_ends_the_thread(domains: tuple[Path, Path]) -> None:
    low, high = (PictureFolder(path, decode_side=96) for path in domains)
    with batches(low, high, 0, 10_000) as loader:
        next(iter(loader))
    assert not loader._thread.is_alive()


def test_view_is_uint8_of_the_asked_size_for_any_picture(make_picture: object) -> None:
    rng = np.random.default_rng(0)
    for height, width in ((40, 500), (500, 40), (64, 80), (17, 19), (300, 300)):
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for share in (0.0, 1.0):
            result = view(image, height=64, width=80, whole_share=share, rng=rng)
            assert result.shape == (64, 80, 3)
            assert result.dtype == np.uint8


def test_bad_folders(tmp_path: Path, make_picture: object) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        PictureFolder(tmp_path / "none", decode_side=96)
    with pytest.raises(InputError, match="holds no picture"):
        PictureFolder(tmp_path, decode_side=96)
    cv2.imwrite(str(tmp_path / "one.png"), np.full((32, 32, 3), 7, np.uint8))
    with pytest.raises(InputError, match="at least 2"):
        PictureFolder(tmp_path, decode_side=96)
    (tmp_path / "two.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"1 of 2 pictures cannot be used.*two\.png"):
        PictureFolder(tmp_path, decode_side=96)


def test_few_unreadable_pictures_are_left_out_and_named(tmp_path: Path) -> None:
    for index in range(20):
        cv2.imwrite(str(tmp_path / f"{index:02}.png"), np.full((32, 32, 3), index, np.uint8))
    (tmp_path / "zz.jpg").write_bytes(b"not a picture")
    folder = PictureFolder(tmp_path, decode_side=96)
    assert len(folder) == 20
    assert len(folder.unreadable) == 1
    assert "zz.jpg" in folder.unreadable[0]


def test_split_ranks_by_brightness_and_holds_subjects_back(tmp_path: Path) -> None:
    for subject in range(1, 5):
        for index in range(4):
            grey = np.full((32, 32, 3), 20 + 12 * (4 * index + subject), np.uint8)
            cv2.imwrite(str(tmp_path / f"s{subject}_{index}.png"), grey)
    counts = domains_module.split(tmp_path, tmp_path / "out", subject=r"s(\d)_", hold_out=frozenset({"4"}))
    assert counts == {"low": 6, "high": 4, "held-out": 4}
    means = {name: [cv2.imread(str(f)).mean() for f in (tmp_path / "out" / name).iterdir()] for name in ("low", "high")}
    assert max(means["low"]) < min(means["high"])
    assert all("s4_" not in f.name for name in ("low", "high") for f in (tmp_path / "out" / name).iterdir())
    with pytest.raises(InputError, match="does not match"):
        domains_module.split(tmp_path, tmp_path / "out2", subject=r"x(\d)", hold_out=frozenset())
