"""`edgeenh dataset fivek`: layouts found, pairs checked, the protocol kept, 16 bit brought to 8 with rounding."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeenh import cli
from edgeenh.errors import InputError
from edgeenh_train.data.reading import read_any
from edgeenh_train.dataset.fivek import divide
from edgeenh_train.dataset.layouts import find_layout

DATA = Path(os.environ.get("EDGEENH_DATA", Path(__file__).parents[4] / "shared" / "data"))


def picture(seed: int, dtype: type, shape: tuple[int, int] = (40, 56)) -> NDArray[np.generic]:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (*shape, 3)).astype(dtype)


def make(root: Path, given: str = "input", expert: str = "expertC", count: int = 6, suffix: str = ".tif") -> Path:
    dtype = np.uint16 if suffix in (".tif", ".png") else np.uint8
    for offset, name in enumerate((given, expert)):
        (root / name).mkdir(parents=True)
        for index in range(count):
            image = picture(index + 100 * offset, dtype)
            cv2.imwrite(str(root / name / f"a{index:04}{suffix}"), image[..., ::-1])  # type: ignore[call-overload]
    return root


def run(*words: object) -> int:
    return cli.main(["dataset", "fivek", *map(str, words), "--protocol", "proportional"])


def names(folder: Path) -> list[str]:
    return sorted(f.name for f in folder.iterdir())


@pytest.mark.parametrize(
    ("given", "expert", "suffix"),
    [
        ("input", "expertC", ".tif"),
        ("inputs", "C", ".png"),
        ("InputAsShotZeroed", "c", ".jpg"),
        ("raw", "ExpertC", ".tif"),
        ("input", "tiff16_c", ".tif"),
    ],
)
def test_layouts(tmp_path: Path, given: str, expert: str, suffix: str) -> None:
    layout = find_layout(make(tmp_path / "k", given, expert, suffix=suffix))
    assert (layout.input.name, layout.expert.name) == (given, expert)
    assert len(layout.pairs) == 6
    assert str(layout) == f"{given}/ (6 {suffix[1:]}) and {expert}/ (6 {suffix[1:]})"


def test_16_bit_is_rounded_to_8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "k")
    assert run(tmp_path / "k", "--out", tmp_path / "o") == 0
    captured = capsys.readouterr()
    assert "found input/ (6 tif) and expertC/ (6 tif)" in captured.out
    assert "research only" in captured.err
    document = json.loads((tmp_path / "o" / "split.json").read_text())
    assert document["counts"] == {"low": 3, "high": 2, "test": 1, "unused": 0}
    for part, offset in (("low", 0), ("high", 100), ("test/input", 0), ("test/truth", 100)):
        for name in names(tmp_path / "o" / part):
            index = int(name[1:5])
            expected = np.rint(picture(index + offset, np.uint16).astype(np.float64) / 257)
            assert np.array_equal(read_any(tmp_path / "o" / part / name), expected)


def test_copies_are_reduced_and_pairs_fit(tmp_path: Path) -> None:
    make(tmp_path / "k")
    for file in (tmp_path / "k" / "expertC").iterdir():  # as exporters do: a pixel more
        cv2.imwrite(str(file), cv2.resize(cv2.imread(str(file), cv2.IMREAD_UNCHANGED), (57, 40)))
    assert run(tmp_path / "k", "--out", tmp_path / "small", "--short-side", 20) == 2  # 57 : 40 is not 56 : 40
    for file in (tmp_path / "k" / "expertC").iterdir():
        cv2.imwrite(str(file), cv2.resize(cv2.imread(str(file), cv2.IMREAD_UNCHANGED), (57, 41)))
    assert run(tmp_path / "k", "--out", tmp_path / "o", "--short-side", 20) == 0
    for part in ("low", "high", "test/input", "test/truth"):
        for name in names(tmp_path / "o" / part):
            assert read_any(tmp_path / "o" / part / name).shape == (20, 28, 3)


def test_links(tmp_path: Path) -> None:
    make(tmp_path / "k")
    for _ in range(2):  # again is no conflict
        assert run(tmp_path / "k", "--out", tmp_path / "o", "--link") == 0
    links = [f for part in ("low", "high", "test/input", "test/truth") for f in (tmp_path / "o" / part).iterdir()]
    assert len(links) == 7
    assert all(link.is_symlink() and link.resolve().parent.parent == (tmp_path / "k").resolve() for link in links)
    assert run(tmp_path / "k", "--out", tmp_path / "o") == 2


def test_a_list_names_the_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "k")
    listed = tmp_path / "test.txt"
    listed.write_text("# chosen\na0002.tif\n\na0004\n")
    assert run(tmp_path / "k", "--out", tmp_path / "o", "--test-list", listed) == 0
    assert names(tmp_path / "o" / "test" / "input") == ["a0002.png", "a0004.png"]
    for text, message in (
        ("a0002\nb7\n", "names b7"),
        ("a0002\na0002\n", "2 names, 1 different"),
        ("", "0 names"),
        ("a0001\na0002\na0003\n", "leaves 3 pairs"),
    ):
        listed.write_text(text)
        assert run(tmp_path / "k", "--out", tmp_path / "p", "--test-list", listed) == 2
        assert message in capsys.readouterr().err
    assert run(tmp_path / "k", "--out", tmp_path / "p", "--test-list", tmp_path / "none") == 2


@given(st.integers(5, 300), st.integers(0, 2**32))
def test_proportional_division_keeps_account(count: int, seed: int) -> None:
    every = [f"a{i}" for i in range(count)]
    parts = divide(every, "proportional", seed)
    assert sorted(parts.low + parts.high + parts.test) == sorted(every)
    assert not parts.unused
    assert len(parts.test) == max(1, round(count / 10))
    assert 0 <= len(parts.low) - len(parts.high) <= 1
    assert divide(list(reversed(every)), "proportional", seed) == parts


def test_uegan_division() -> None:
    every = [f"a{i:04}" for i in range(5003)]
    parts = divide(every, "uegan", 0)
    assert [len(p) for p in (parts.low, parts.high, parts.test, parts.unused)] == [2250, 2250, 500, 3]
    assert len({*parts.low, *parts.high, *parts.test, *parts.unused}) == 5003
    assert divide(every, "uegan", 1).test != parts.test
    assert divide(every, "uegan", 1, parts.test).test == parts.test
    with pytest.raises(InputError, match="499 names, expected 500"):
        divide(every, "uegan", 0, parts.test[1:])


def test_uegan_needs_5000_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "k")
    assert cli.main(["dataset", "fivek", str(tmp_path / "k"), "--out", str(tmp_path / "o")]) == 2
    assert "6 pairs were found, expected at least 5,000 for --protocol uegan: use --protocol proportional" in (
        capsys.readouterr().err
    )
    assert cli.main(["dataset", "fivek", str(tmp_path / "k"), "--out", str(tmp_path / "o"), "--protocol", "x"]) == 2


def test_bad_layouts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        find_layout(tmp_path / "none")
    with pytest.raises(InputError, match="no folder, expected exactly one of input, inputs"):
        find_layout(tmp_path)
    root = make(tmp_path / "k")
    (root / "input" / "a0001.tif").unlink()
    (root / "expertC" / "a0003.tif").unlink()
    with pytest.raises(InputError, match=r"no partner of the same name for input/a0003\.tif, expertC/a0001\.tif"):
        find_layout(root)
    (root / "raw").mkdir()
    with pytest.raises(InputError, match="holds input and raw, expected exactly one"):
        find_layout(root)
    (root / "raw").rmdir()
    (root / "input" / "a0000.png").write_bytes(b"")
    with pytest.raises(InputError, match="the same name up to the suffix"):
        find_layout(root)
    (root / "input" / "a0009.dng").write_bytes(b"")
    with pytest.raises(InputError, match="DNG files"):
        find_layout(root)


def test_bad_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make(tmp_path / "k")
    for file in (root / "expertC").iterdir():
        cv2.imwrite(str(file), picture(0, np.uint8)[..., 0])  # type: ignore[call-overload]
    assert run(root, "--out", tmp_path / "o") == 2
    assert "is a grey picture, expected RGB" in capsys.readouterr().err
    for file in (root / "expertC").iterdir():
        cv2.imwrite(str(file), picture(0, np.uint8, (56, 40)))  # type: ignore[call-overload]
    assert run(root, "--out", tmp_path / "p") == 2
    assert "expected the same form" in capsys.readouterr().err


def test_the_collections_of_the_catalogue(tmp_path: Path) -> None:
    root = make(tmp_path / "k", "Inputs/InputAsShotZeroed", "Experts/C")
    for other in ("Inputs/InputZeroed", "Experts/A"):
        (root / other).mkdir()
        cv2.imwrite(str(root / other / "a0000.tif"), picture(0, np.uint8))  # type: ignore[call-overload]
    layout = find_layout(root)
    assert (layout.input, layout.expert) == (root / "Inputs/InputAsShotZeroed", root / "Experts/C")
    assert len(layout.pairs) == 6
    (root / "C").mkdir()
    with pytest.raises(InputError, match=r"holds C and Experts/C, expected exactly one"):
        find_layout(root)


@pytest.mark.parametrize("side", ["input", "expertC"])
def test_a_bad_picture_is_left_out_with_its_partner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], side: str
) -> None:
    root, out = make(tmp_path / "k", count=30, suffix=".png"), tmp_path / "o"
    assert run(root, "--out", out) == 0
    before = json.loads((out / "split.json").read_text())
    bad = before["test"][0]
    data = (root / side / f"{bad}.png").read_bytes()
    (root / side / f"{bad}.png").write_bytes(data[: len(data) // 2])
    assert run(root, "--out", out) == 0
    assert f"{side}/{bad}.png" in capsys.readouterr().err
    document = json.loads((out / "split.json").read_text())
    assert document["test"] == before["test"][1:]
    assert document["counts"]["test"] == before["counts"]["test"] - 1
    assert (document["low"], document["high"], len(document["unreadable"])) == (before["low"], before["high"], 1)
    for name in ("input", "truth"):  # what the first run made of it is gone
        assert names(out / "test" / name) == [f"{name}.png" for name in document["test"]]


def test_another_colour_space_is_refused(
    tmp_path: Path, with_profile: Callable[[bytes, str], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    root = make(tmp_path / "k", suffix=".png")
    for file in (root / "expertC").iterdir():
        file.write_bytes(with_profile(file.read_bytes(), "ProPhoto"))
    assert run(root, "--out", tmp_path / "o") == 2
    assert "has a colour profile other than sRGB, which is not applied: export it in sRGB" in capsys.readouterr().err


def test_the_real_sample(tmp_path: Path) -> None:
    if not (DATA / "fivek-sample").is_dir():
        pytest.skip(f"no FiveK sample in {DATA}")
    assert run(DATA / "fivek-sample", "--out", tmp_path, "--short-side", 64) == 0
    counts = json.loads((tmp_path / "split.json").read_text())["counts"]
    assert counts == {"low": 6, "high": 5, "test": 1, "unused": 0}
    low, high = ({Path(n).stem for n in names(tmp_path / part)} for part in ("low", "high"))
    assert not low & high
