"""`edgeenh dataset degrade`: pairs that can be made again to the byte, and that say how they were made."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh import cli
from edgeenh.pictures import write_picture
from edgeenh_train.camera import CAMERAS, draw_from_json
from edgeenh_train.data.reading import as_float, as_uint8, read_any


def scene(seed: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(60, 240, (4, 5, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    write_picture(folder / "a.png", scene(1))
    write_picture(folder / "b.jpg", scene(2))
    write_picture(folder / "sub" / "a.png", scene(3))
    return folder


def run(*words: object) -> int:
    return cli.main(["dataset", "degrade", *map(str, words)])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_pairs_are_what_the_draws_say(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(pictures, "--out", out, "--copies", 2, "--width", 40) == 0
    assert "6 pairs by camera dental, seed 1" in capsys.readouterr().out
    document = json.loads((out / "draws.json").read_text())
    assert all((out / "input" / record["name"]).exists() for record in document["pictures"])
    records = {Path(record["name"]).stem: record for record in document["pictures"]}
    assert sorted(records) == ["a__0", "a__1", "b__0", "b__1", "sub-a__0", "sub-a__1"]
    for name, record in records.items():
        degraded, truth = (read_any(out / side / f"{name}.png") for side in ("input", "truth"))
        draw = draw_from_json(record["draw"])
        assert degraded.shape == truth.shape == (30, 40, 3)
        assert record["size"] == [40, 30]
        again = CAMERAS["dental"].degrade(as_float(truth), draw)
        assert np.array_equal(np.rint(again * 255), degraded)
    assert records["sub-a__0"]["source"] == "sub/a.png"
    assert len({json.dumps(record["draw"]) for record in records.values()}) == 6


def test_evaluation_reads_the_set_with_its_draws(pictures: Path, tmp_path: Path) -> None:
    from edgeenh_train.evaluate.pairs import read_set

    assert run(pictures, "--out", tmp_path / "o", "--seed", 4) == 0
    found = read_set(tmp_path / "o")
    assert found.paired
    for pair in found.pairs:
        given, truth = pair.read()
        assert truth is not None
        again = CAMERAS["dental"].degrade(as_float(truth), draw_from_json(pair.draw))
        assert np.array_equal(np.rint(again * 255), given)


def test_the_truth_is_the_picture(pictures: Path, tmp_path: Path) -> None:
    assert run(pictures, "--out", tmp_path / "o") == 0
    assert np.array_equal(read_any(tmp_path / "o" / "truth" / "a__0.png"), scene(1))


@pytest.mark.parametrize("camera", ["dental", "dental-b"])
def test_the_same_command_writes_the_same_bytes(pictures: Path, tmp_path: Path, camera: str) -> None:
    words = (pictures, "--camera", camera, "--seed", 5)
    assert run(*words, "--out", tmp_path / "a") == run(*words, "--out", tmp_path / "b") == 0
    first = contents(tmp_path / "a")
    assert first == contents(tmp_path / "b")
    assert run(*words, "--out", tmp_path / "a") == 0
    assert contents(tmp_path / "a") == first
    assert run(pictures, "--camera", camera, "--seed", 6, "--out", tmp_path / "c") == 0
    other = contents(tmp_path / "c")
    assert all(other[name] != first[name] for name in first if not name.startswith("truth"))


def test_another_picture_changes_no_draw(pictures: Path, tmp_path: Path) -> None:
    assert run(pictures, "--out", tmp_path / "a") == 0
    write_picture(pictures / "0.png", scene(9))
    assert run(pictures, "--out", tmp_path / "b") == 0
    before, after = contents(tmp_path / "a"), contents(tmp_path / "b")
    assert all(after[name] == data for name, data in before.items() if name != "draws.json")


def test_inputs_only(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pictures, "--out", tmp_path / "pairs", "--short-side", 24) == 0
    assert run(pictures, "--out", tmp_path / "low", "--short-side", 24, "--inputs-only") == 0
    assert "next: edgeenh train --low" in capsys.readouterr().out
    pairs, low = contents(tmp_path / "pairs"), contents(tmp_path / "low")
    assert sorted(low) == ["a__0.png", "b__0.png", "draws.json", "sub-a__0.png"]
    assert all(low[name] == pairs[f"input/{name}"] for name in low if name != "draws.json")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_radiographs_keep_their_depth(tmp_path: Path, dtype: type) -> None:
    image = scene(4)[..., 0].astype(dtype) * (np.iinfo(dtype).max // 255)
    (tmp_path / "p").mkdir()
    cv2.imwrite(str(tmp_path / "p" / "x.png"), image)
    assert run(tmp_path / "p", "--out", tmp_path / "o", "--camera", "xray", "--copies", 6) == 0
    pictures = json.loads((tmp_path / "o" / "draws.json").read_text())["pictures"]
    draws = {Path(record["name"]).stem: record for record in pictures}
    assert {record["draw"]["bits"] for record in draws.values()} == {8, 12}
    for name, record in draws.items():
        degraded, truth = (read_any(tmp_path / "o" / side / f"{name}.png") for side in ("input", "truth"))
        bits = 16 if dtype is np.uint16 or record["draw"]["bits"] == 12 else 8
        assert degraded.shape == truth.shape == (48, 64, 1)
        assert degraded.dtype == truth.dtype == (np.uint16 if bits == 16 else np.uint8)
        assert record["bits"] == bits
        assert np.array_equal(as_uint8(truth)[..., 0], scene(4)[..., 0])
        steps = as_float(degraded).astype(np.float64) * (2 ** record["draw"]["bits"] - 1)
        assert np.abs(steps - np.rint(steps)).max() < 0.04


def test_radiographs_of_twelve_bits_are_brought_to_full_scale(tmp_path: Path) -> None:
    levels = scene(4)[..., 0].astype(np.uint16) * 16  # of 4,095
    for name, image in (("twelve", levels), ("full", np.rint(levels / 4095 * 65_535).astype(np.uint16))):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "x.png"), image)
    words = ("--camera", "xray", "--copies", 2)
    assert run(tmp_path / "twelve", "--out", tmp_path / "a", *words, "--bits", 12) == 0
    assert run(tmp_path / "full", "--out", tmp_path / "b", *words) == 0
    for side in ("input", "truth"):
        assert contents(tmp_path / "a" / side) == contents(tmp_path / "b" / side)
    assert run(tmp_path / "full", "--out", tmp_path / "c", *words, "--bits", 12) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--width", "40", "--short-side", "40"], "both set the size"),
        (["--camera", "phone"], "no camera 'phone'"),
        (["--camera", "xray"], "is a colour picture, camera xray takes grey ones"),
        (["--width", "16"], "expected at least 16 a side"),
        (["--width", "8"], "--width"),
        (["--copies", "0"], "--copies"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_bad_words(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run(pictures, "--out", tmp_path / "o", *words) == 2
    assert message in capsys.readouterr().err


def test_bad_folders(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [(tmp_path / "none", tmp_path / "o", "is not a folder")]
    cases += [(pictures, out, "lie in one another") for out in (pictures, pictures / "o", tmp_path)]
    for source, out, message in cases:
        assert run(source, "--out", out) == 2
        assert message in capsys.readouterr().err
    write_picture(pictures / "a.jpg", scene(1))
    assert run(pictures, "--out", tmp_path / "o") == 2
    assert "rename one of them" in capsys.readouterr().err
    (pictures / "a.jpg").write_bytes(b"x")
    (pictures / "a.png").unlink()
    assert run(pictures, "--out", tmp_path / "o") == 2
    assert "a.jpg begins with" in capsys.readouterr().err


def test_a_bad_picture_is_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "many", tmp_path / "o"
    for index in range(20):
        write_picture(folder / f"{index:02}.png", scene(index))
    assert run(folder, "--out", out) == 0
    data = (folder / "07.png").read_bytes()
    (folder / "07.png").write_bytes(data[: len(data) // 2])
    assert run(folder, "--out", out) == 0
    assert "left out: " in (error := capsys.readouterr().err)
    assert "07.png" in error
    document = json.loads((out / "draws.json").read_text())
    assert len(document["unreadable"]) == 1
    made = {record["name"] for record in document["pictures"]}
    assert len(made) == 19
    for side in ("input", "truth"):  # what the first run made of it is gone
        assert {file.name for file in (out / side).iterdir()} == made
    (folder / "08.png").write_bytes(b"x")
    assert run(folder, "--out", out) == 2
    assert "2 of 20 pictures cannot be used, more than 5 %" in capsys.readouterr().err


def test_other_files_are_not_mixed_in(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pictures, "--out", tmp_path / "o", "--copies", 2) == 0
    assert run(pictures, "--out", tmp_path / "o", "--copies", 1) == 2
    assert "already holds 3 other file(s), such as a__1.png" in capsys.readouterr().err
