"""Folders, views, batches and the split into domains."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from edgeenh.errors import InputError, UsageError
from edgeenh_train import domains as domains_module
from edgeenh_train.config import TrainConfig
from edgeenh_train.data import Batches, Domains, Folders, PictureFolder, open_domains, view

SMALL = TrainConfig(batch=3, view_height=64, view_width=80, whole_share=0.5, seed=7, camera="none")
BOTH = frozenset({"low", "high"})


def opened(domains: tuple[Path, Path]) -> Domains:
    return open_domains(dataclasses.replace(SMALL, decode_side=96), Folders(*domains), BOTH)


def test_batches_depend_on_the_step_alone(domains: tuple[Path, Path]) -> None:
    pictures = opened(domains)
    with (
        Batches(pictures, SMALL, BOTH, start=0, stop=6) as whole,
        Batches(pictures, SMALL, BOTH, start=4, stop=6, threads=2) as resumed,
    ):
        unbroken, tail = list(whole), list(resumed)
    assert len(unbroken) == 6
    for a, b in zip(unbroken[4:], tail, strict=True):
        assert a.low is not None
        assert b.low is not None
        assert a.high is not None
        assert b.high is not None
        assert a.low.shape == (3, 3, 64, 80)
        assert torch.equal(a.low, b.low)
        assert torch.equal(a.high, b.high)
        assert a.seed == b.seed


def test_the_shares_of_two_processes_are_the_whole_batch(domains: tuple[Path, Path]) -> None:
    pictures = opened(domains)
    whole = Batches(pictures, SMALL, BOTH, start=0, stop=1).make(5).low
    parts = [Batches(pictures, SMALL, BOTH, start=0, stop=1, rank=rank, processes=2).make(5).low for rank in range(2)]
    assert whole is not None
    for rank, part in enumerate(parts):
        assert part is not None
        assert torch.equal(part, whole[rank::2])


def test_an_epoch_shows_every_picture_once(domains: tuple[Path, Path]) -> None:
    pictures = opened(domains)
    count = len(pictures.improved)
    config = dataclasses.replace(SMALL, batch=1, whole_share=1.0)
    loader = Batches(pictures, config, frozenset({"low"}), start=0, stop=count)
    views = [loader.make(step).low for step in range(count)]
    means = {round(float(view.mean()), 6) for view in views if view is not None}
    assert len(means) == count


def test_leaving_early_ends_the_threads(domains: tuple[Path, Path]) -> None:
    with Batches(opened(domains), SMALL, BOTH, start=0, stop=10_000) as loader:
        next(iter(loader))
    with pytest.raises(RuntimeError, match="shutdown"):
        loader._pool.submit(int)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_view_has_the_asked_size_for_any_picture(kind: type[np.uint8 | np.uint16], channels: int) -> None:
    rng = np.random.default_rng(0)
    for height, width in ((40, 500), (500, 40), (64, 80), (17, 19), (300, 300)):
        image = rng.integers(0, np.iinfo(kind).max, (height, width, channels), dtype=kind, endpoint=True)
        for share in (0.0, 1.0):
            result = view(image, height=64, width=80, whole_share=share, rng=rng)
            assert result.shape == (64, 80, channels)
            assert result.dtype == np.float32
            assert 0.0 <= result.min() <= result.max() <= 1.0


def test_a_pair_is_one_view_of_both_partners(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for index in range(2):
        scene = rng.integers(0, 120, (90, 120, 3), dtype=np.uint8)
        for name, gain in (("input", 1), ("truth", 2)):
            (tmp_path / name).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / name / f"{index}.png"), scene * gain)
    config = dataclasses.replace(SMALL, method="paired", whole_share=0.0)
    needs = frozenset({"degraded", "truth"})
    pictures = open_domains(config, Folders(pairs=tmp_path), needs)
    batch = Batches(pictures, config, needs, start=0, stop=1).make(0)
    assert batch.degraded is not None
    assert batch.truth is not None
    assert (batch.truth - 2 * batch.degraded).abs().max() < 0.02
    (tmp_path / "truth" / "1.png").unlink()
    with pytest.raises(InputError, match=r"needs at least 2|without a partner"):
        open_domains(config, Folders(pairs=tmp_path), needs)


def test_overlapping_domains_are_refused_in_any_format(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for name in ("low", "high"):
        (tmp_path / name).mkdir()
        for index in range(2):
            cv2.imwrite(str(tmp_path / name / f"{index}.png"), rng.integers(0, 255, (40, 40, 3), dtype=np.uint8))
    copy = cv2.imread(str(tmp_path / "low" / "1.png"))
    cv2.imwrite(str(tmp_path / "high" / "copy.bmp"), copy)
    with pytest.raises(InputError, match=r"1\.png = copy\.bmp"):
        open_domains(SMALL, Folders(tmp_path / "low", tmp_path / "high"), BOTH)


def test_folders_must_fit_the_method(domains: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="needs --high DIR"):
        open_domains(SMALL, Folders(low=domains[0]), BOTH)
    paired = dataclasses.replace(SMALL, method="paired")
    needs = frozenset({"degraded", "truth"})
    with pytest.raises(UsageError, match="give --pairs DIR"):
        open_domains(paired, Folders(high=domains[1]), needs)
    with pytest.raises(UsageError, match="does not use --pairs"):
        open_domains(SMALL, Folders(*domains, pairs=domains[0]), BOTH)


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
    assert "zz.jpg" in folder.left_out[0]


def test_split_ranks_by_brightness_and_holds_subjects_back(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for subject in range(1, 5):
        for index in range(4):
            grey = np.full((32, 32, 3), 20 + 12 * (4 * index + subject), np.uint8)
            cv2.imwrite(str(pictures / f"s{subject}_{index}.png"), grey)
    found = domains_module.split(pictures, tmp_path / "out", subject=r"s(\d)_", hold_out=frozenset({"4"}))
    assert found == ({"low": 6, "high": 4, "held-out": 4}, [])
    means = {name: [cv2.imread(str(f)).mean() for f in (tmp_path / "out" / name).iterdir()] for name in ("low", "high")}
    assert max(means["low"]) < min(means["high"])
    assert all("s4_" not in f.name for name in ("low", "high") for f in (tmp_path / "out" / name).iterdir())
    with pytest.raises(InputError, match="does not match"):
        domains_module.split(pictures, tmp_path / "out2", subject=r"x(\d)", hold_out=frozenset())


def test_pictures_in_another_colour_space_are_counted_and_named(
    domains: tuple[Path, Path], tmp_path: Path, with_profile: Callable[[bytes, str], bytes]
) -> None:
    low = tmp_path / "low"
    low.mkdir()
    spaces = ["sRGB", "Display P3", "ProPhoto"]
    for index, file in enumerate(sorted(domains[0].iterdir())):
        data = file.read_bytes()
        (low / file.name).write_bytes(with_profile(data, spaces[index]) if index < len(spaces) else data)
    assert PictureFolder(low, decode_side=96).foreign == ["1.png", "2.png"]
    (line,) = opened((low, domains[1])).remarks
    assert (
        line
        == f"{low}: 2 pictures have a colour profile other than sRGB, which is not applied, the first 1.png: convert them"
    )


def test_radiographs_of_twelve_bits_are_noticed_and_brought_to_full_scale(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 4096, (3, 64, 80)).astype(np.uint16)
    levels[0, 0, 0] = 4095
    for index, image in enumerate(levels):
        cv2.imwrite(str(tmp_path / f"{index}.png"), image)
    grey = dataclasses.replace(SMALL, channels=1, camera="xray", method="paired", decode_side=64)
    needs, folders = frozenset({"degraded", "truth"}), Folders(high=tmp_path)
    unsaid = open_domains(grey, folders, needs)
    (line,) = unsaid.remarks
    assert line.startswith(f"{tmp_path}: the brightest of its 16-bit values is 4095, as of 12 bits: if that is full")
    said = open_domains(dataclasses.replace(grey, bits=12), folders, needs)
    assert said.remarks == []
    assert said.high is not None
    assert np.array_equal(np.rint(said.high.images[1][..., 0] / 65_535 * 4095), levels[1])
