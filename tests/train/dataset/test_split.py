"""`edgeenh dataset split` as it is typed: two ways, subjects on one side, no picture on two."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh import cli
from edgeenh.pictures import write_picture
from edgeenh_train.dataset.cli import register
from edgeenh_train.dataset.halves import GOOD_SHARE

SUBJECT = r"s(\d+)_"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Five subjects of eight noisy grey pictures; a picture's brightness is its number, then its subject."""
    folder = tmp_path / "pictures"
    for subject in range(1, 6):
        for index in range(8):
            rng = np.random.default_rng([subject, index])
            image = rng.integers(0, 8, (24, 32, 1)) + 20 + 25 * index + subject
            write_picture(folder / f"s{subject}_{index}.png", np.repeat(image, 3, axis=2).astype(np.uint8))
    return folder


def run(*words: object) -> int:
    return cli.main(["dataset", "split", *map(str, words)])


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def pixels(folder: Path) -> set[bytes]:
    from edgeenh_train.data.reading import read_any

    return {read_any(file).tobytes() for file in folder.iterdir()}


def test_half(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(pictures, "--out", out, "--subject", SUBJECT, "--hold-out", "4, 5", "--by", "half") == 0
    assert "next: edgeenh dataset degrade" in capsys.readouterr().out
    parts = {name: names(out / name) for name in ("high", "low", "held-out", "held-out-dim")}
    ranked = [(i, s) for i in range(8) for s in (1, 2, 3)]  # as the fixture's brightness ranks them
    good = ranked[int(len(ranked) * (1 - GOOD_SHARE)) :]
    assert not parts["high"] & parts["low"]
    assert parts["high"] | parts["low"] == {f"s{s}_{i}.png" for i, s in good}
    for subject in (1, 2, 3):
        counts = [sum(n.startswith(f"s{subject}_") for n in parts[side]) for side in ("high", "low")]
        assert abs(counts[0] - counts[1]) <= 1
    held = [(i, s) for i in range(8) for s in (4, 5)]
    assert parts["held-out"] == {f"s{s}_{i}.png" for i, s in held if (i, s) >= good[0]}
    assert parts["held-out-dim"] == {f"s{s}_{i}.png" for i, s in held if (i, s) < good[0]}
    assert all(parts.values())
    document = json.loads((out / "split.json").read_text())
    assert {name: set(members) for name, members in document["parts"].items()} == parts
    assert (document["left_out"], document["seed"], document["hold_out"]) == (24 - len(good), 0, ["4", "5"])


def test_the_seed_decides_the_halves(pictures: Path, tmp_path: Path) -> None:
    words = (pictures, "--subject", SUBJECT, "--hold-out", "5", "--by", "half")
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run(*words, "--out", tmp_path / out, "--seed", seed) == 0
    texts = {out: (tmp_path / out / "split.json").read_bytes() for out in "abc"}
    assert texts["a"] == texts["b"]
    assert names(tmp_path / "a" / "high") != names(tmp_path / "c" / "high")
    assert run(*words, "--out", tmp_path / "a", "--seed", 1) == 0  # the same again is no conflict


def test_copies_of_a_picture_stay_on_one_side(pictures: Path, tmp_path: Path) -> None:
    from edgeenh.pictures import read_picture

    for index in range(3, 8):  # every good picture of subject 1 twice more: a copied file, and another format
        shutil.copyfile(pictures / f"s1_{index}.png", pictures / f"s1_{index}_copy.png")
        write_picture(pictures / f"s1_{index}_other.bmp", read_picture(pictures / f"s1_{index}.png"))
    for seed in range(3):
        out = tmp_path / str(seed)
        assert run(pictures, "--out", out, "--subject", SUBJECT, "--by", "half", "--seed", seed) == 0
        assert not pixels(out / "high") & pixels(out / "low")


@pytest.mark.parametrize("by", ["quality", "half"])
def test_a_picture_of_a_held_out_and_another_subject_is_refused(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    shutil.copyfile(pictures / "s5_7.png", pictures / "s1_9.png")
    assert run(pictures, "--out", tmp_path / "o", "--subject", SUBJECT, "--hold-out", "5", "--by", by) == 2
    assert "s1_9.png is the same picture as s5_7.png" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_quality_is_the_split_of_the_module(pictures: Path, tmp_path: Path) -> None:
    from edgeenh_train import domains

    words = ["--subject", SUBJECT, "--hold-out", "5"]
    assert run(pictures, "--out", tmp_path / "a", *words) == 0
    assert domains.main([str(pictures), "--out", str(tmp_path / "b"), *words]) == 0
    for part in ("low", "high", "held-out"):
        assert names(tmp_path / "a" / part) == names(tmp_path / "b" / part)
    document = json.loads((tmp_path / "a" / "split.json").read_text())
    assert {name: len(members) for name, members in document["parts"].items()} == {"low": 16, "high": 10, "held-out": 8}
    assert document["left_out"] == 6


def test_json_on_stdout_is_the_document(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pictures, "--out", tmp_path / "o", "--subject", SUBJECT, "--json", "-") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == json.loads((tmp_path / "o" / "split.json").read_text())
    assert "next: edgeenh train" in captured.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--subject", SUBJECT, "--by", "luck"], "--by is 'luck', expected quality or half"),
        (["--subject", "nobody"], "is not a regular expression with one group|does not match"),
        (["--subject", "s(\\d+"], "is not a regular expression"),
        (["--subject", r"s\d+_"], "is not a regular expression with one group"),
        (["--subject", SUBJECT, "--hold-out", "5,77"], "has no picture of 77"),
        (["--subject", SUBJECT, "--hold-out", "1,2,3,4,5"], "are left to split"),
        (["--subject", SUBJECT, "--hold-out", "1,2,3,4,5", "--by", "half"], "no picture is left"),
    ],
)
def test_bad_words(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    import re

    assert run(pictures, "--out", tmp_path / "o", *words) == 2
    assert re.search(message, capsys.readouterr().err)


def test_bad_folders(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--out", tmp_path / "o", "--subject", SUBJECT, "--by", "half")
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder, message in ((tmp_path / "none", "is not a folder"), (empty, "holds no picture")):
        assert run(folder, *words) == 2
        assert message in capsys.readouterr().err
    for index in range(3):  # of 40
        (pictures / f"s1_{index}.png").write_bytes(b"half a picture")
    assert run(pictures, *words) == 2
    error = capsys.readouterr().err
    assert "3 of 40 pictures cannot be used, more than 5 %" in error
    assert "s1_0.png begins with" in error
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("by", ["quality", "half"])
def test_a_bad_picture_is_left_out_and_named(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    data = (pictures / "s2_7.png").read_bytes()
    (pictures / "s2_7.png").write_bytes(data[: len(data) // 2])
    assert run(pictures, "--out", tmp_path / "o", "--subject", SUBJECT, "--hold-out", "5", "--by", by) == 0
    assert "left out: " in (error := capsys.readouterr().err)
    assert "s2_7.png" in error
    document = json.loads((tmp_path / "o" / "split.json").read_text())
    assert len(document["unreadable"]) == 1
    assert sum(map(len, document["parts"].values())) + document["left_out"] == 39


def test_subfolders_are_read_and_may_name_the_subject(pictures: Path, tmp_path: Path) -> None:
    nested = tmp_path / "nested"
    for file in pictures.iterdir():
        subject, name = file.name.split("_")
        (nested / f"patient{subject[1:]}").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, nested / f"patient{subject[1:]}" / name)
    assert run(pictures, "--out", tmp_path / "flat", "--subject", SUBJECT, "--hold-out", "5") == 0
    assert run(nested, "--out", tmp_path / "o", "--subject", r"patient(\d+)/", "--hold-out", "5") == 0
    for part in ("low", "high", "held-out"):
        flat = {name.replace("s", "patient").replace("_", "-") for name in names(tmp_path / "flat" / part)}
        assert names(tmp_path / "o" / part) == flat


def test_an_out_within_the_pictures_is_refused(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out in (pictures, pictures / "split"):
        assert run(pictures, "--out", out, "--subject", SUBJECT) == 2
        assert "whose subfolders are read: choose a folder beside it" in capsys.readouterr().err


def test_two_files_that_would_become_one_are_refused(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "a").mkdir()
    shutil.copyfile(pictures / "s1_0.png", pictures / "a" / "s1_0.png")
    shutil.copyfile(pictures / "s1_0.png", pictures / "a-s1_0.png")
    assert run(pictures, "--out", tmp_path / "o", "--subject", SUBJECT) == 2
    assert "would both become a-s1_0.png" in capsys.readouterr().err


def test_too_few_good_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image: NDArray[np.uint8] = np.full((24, 32, 3), 90, np.uint8)
    for index in range(6):  # one picture under six names is one picture
        write_picture(tmp_path / "p" / f"s1_{index}.png", image)
    assert run(tmp_path / "p", "--out", tmp_path / "o", "--subject", SUBJECT, "--by", "half") == 2
    assert "expected at least 2 different ones" in capsys.readouterr().err


def test_another_split_is_not_mixed_in(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (pictures, "--out", tmp_path / "o", "--subject", SUBJECT)
    assert run(*words, "--by", "half") == 0
    before = names(tmp_path / "o" / "low")
    assert run(*words) == 2
    assert "already holds" in capsys.readouterr().err
    assert names(tmp_path / "o" / "low") == before


def test_the_group_has_its_three_commands() -> None:
    import typer

    app = typer.Typer()
    register(app)
    group = typer.main.get_command(app)
    assert set(group.commands["dataset"].commands) == {"split", "degrade", "fivek"}  # type: ignore[attr-defined]
