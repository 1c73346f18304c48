"""Sets of pictures: the three forms of a folder, what is refused by name, and what a set says of itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.errors import InputError, PictureError
from edgeenh_train.evaluate.pairs import read_set

MakePicture = Callable[..., NDArray[np.uint8]]


def test_paired_folder(paired: Path) -> None:
    found = read_set(paired)
    assert (found.name, found.paired, found.found) == ("pairs", True, 3)
    assert [pair.name for pair in found.pairs] == ["0.png", "1.png", "2.png"]
    assert found.pairs[0].size == (64, 48)
    given, truth = found.pairs[0].read()
    assert truth is not None
    assert given.shape == truth.shape == (48, 64, 3)
    assert given.mean() < truth.mean()


def test_draws_of_the_degraded_pictures(paired: Path) -> None:
    record = {"name": "1.png", "draw": {"camera": "dental", "seed": 7}}
    (paired / "draws.json").write_text(json.dumps({"schema": "edgeenh.dataset.degrade/1", "pictures": [record]}))
    assert [pair.draw for pair in read_set(paired).pairs] == [None, {"camera": "dental", "seed": 7}, None]
    for text in ("{", "[]", '{"pictures": [1]}', '{"pictures": [{"name": "1.png"}]}'):
        (paired / "draws.json").write_text(text)
        with pytest.raises(InputError, match=r"draws\.json is not what"):
            read_set(paired)


def test_fivek_layout_with_other_suffixes_and_depths(paired: Path) -> None:
    (paired / "truth").rename(paired / "expertC")
    deep = np.asarray(cv2.imread(str(paired / "expertC" / "0.png"))).astype(np.uint16) * 257
    cv2.imwrite(str(paired / "expertC" / "0.tif"), deep)
    (paired / "expertC" / "0.png").unlink()
    found = read_set(paired)
    assert found.paired
    truth = found.pairs[0].read()[1]
    assert truth is not None
    assert truth.dtype == np.uint16


def test_real_fivek_sample(real_data: Path) -> None:
    found = read_set(real_data / "fivek-sample")
    assert (len(found.pairs), found.paired) == (12, True)


def test_folder_without_truth(paired: Path) -> None:
    found = read_set(paired / "input")
    assert not found.paired
    assert found.pairs[0].read()[1] is None
    shutil.rmtree(paired / "truth")
    assert [pair.name for pair in read_set(paired).pairs] == ["0.png", "1.png", "2.png"]


def test_a_spread_of_pictures(paired: Path) -> None:
    found = read_set(paired, 2)
    assert [pair.name for pair in found.pairs] == ["0.png", "2.png"]
    assert found.found == 3
    assert read_set(paired, 9).pairs == read_set(paired).pairs


def test_digest_follows_content_and_not_place(paired: Path, tmp_path: Path) -> None:
    before = read_set(paired).sha256
    copy = shutil.copytree(paired, tmp_path / "elsewhere")
    assert read_set(copy).sha256 == before
    shutil.copyfile(copy / "truth" / "0.png", copy / "truth" / "1.png")
    assert read_set(copy).sha256 != before


def test_names_without_a_partner(paired: Path) -> None:
    (paired / "input" / "1.png").unlink()
    (paired / "truth" / "2.png").unlink()
    with pytest.raises(InputError, match=r"input/2, truth/1 without a partner.*every picture in input/"):
        read_set(paired)


def test_many_names_without_a_partner_are_counted(paired: Path) -> None:
    for index in range(10, 20):
        shutil.copyfile(paired / "input" / "0.png", paired / "input" / f"{index}.png")
    with pytest.raises(InputError, match="input/14 and 5 more without"):
        read_set(paired)


def test_pictures_that_are_not_alike(paired: Path, make_picture: MakePicture) -> None:
    cv2.imwrite(str(paired / "truth" / "1.png"), make_picture(1, height=48, width=60))
    with pytest.raises(PictureError, match=r"input/1\.png is 64×48 pixels and its truth .*truth/1\.png 60×48"):
        read_set(paired)
    cv2.imwrite(str(paired / "truth" / "1.png"), make_picture(1, height=48, width=64)[..., 0])
    with pytest.raises(PictureError, match=r"is colour and its truth .* 8-bit grey"):
        read_set(paired)


def test_more_than_five_percent_of_unreadable_pictures_are_an_error(paired: Path) -> None:
    data = (paired / "truth" / "2.png").read_bytes()
    (paired / "truth" / "2.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"1 of 3 pictures cannot be used, .*truth/2\.png.*truncated or damaged"):
        read_set(paired)


def test_a_truncated_picture_is_left_out_and_named(paired: Path) -> None:
    for index in range(3, 20):
        for side in ("input", "truth"):
            shutil.copyfile(paired / side / "0.png", paired / side / f"{index}.png")
    data = (paired / "truth" / "2.png").read_bytes()
    (paired / "truth" / "2.png").write_bytes(data[: len(data) // 2])
    found = read_set(paired)
    assert (len(found.pairs), found.found) == (19, 20)
    assert "2.png" not in {pair.name for pair in found.pairs}
    (line,) = found.left_out
    assert "truth/2.png" in line


def test_wrong_folders(paired: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        read_set(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no picture"):
        read_set(tmp_path / "empty")
    shutil.copyfile(paired / "input" / "0.png", paired / "input" / "0.tif")
    with pytest.raises(InputError, match="same name up to the suffix"):
        read_set(paired)
    (paired / "input" / "0.tif").unlink()
    (paired / "expertC").mkdir()
    with pytest.raises(InputError, match="both truth and expertC"):
        read_set(paired)
    (paired / "expertC").rmdir()
    shutil.rmtree(paired / "input")
    with pytest.raises(InputError, match="but no input/"):
        read_set(paired)
