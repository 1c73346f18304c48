"""Grey pictures through the commands: the depth of the file stays, and what does not fit is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeenh.pictures import read_grey, write_grey, write_picture

Run = Callable[..., Any]
MakeGrey = Callable[..., Any]


@pytest.fixture
def model(grey_bundle_path: Path) -> list[object]:
    return ["--model", grey_bundle_path, "--backend", "onnxruntime", "--precision", "fp32"]


@pytest.fixture
def xrays(tmp_path: Path, make_grey: MakeGrey) -> Path:
    """A folder with pictures of both depths and both formats."""
    folder = tmp_path / "xrays"
    write_grey(folder / "a.png", make_grey(50, 70))
    write_grey(folder / "b.tif", make_grey(40, 60))
    write_grey(folder / "c.png", make_grey(45, 61, 8))
    return folder


def test_every_picture_keeps_its_depth_and_strength_0_is_the_picture(
    edgeenh: Run, xrays: Path, tmp_path: Path, model: list[object]
) -> None:
    report = tmp_path / "r.json"
    done = edgeenh("enhance", xrays, *model, "--out", tmp_path / "out", "--strength", "0", "--json", report)
    assert (done.code, done.err) == (0, "")
    assert "next: edgeenh inspect" in done.out
    for name in ("a.png", "b.tif", "c.png"):
        before, after = read_grey(xrays / name), read_grey(tmp_path / "out" / f"{Path(name).stem}.png")
        assert after.dtype == before.dtype
        assert np.array_equal(after, before)
    assert [entry["bits"] for entry in json.loads(report.read_text())["pictures"]] == [16, 16, 8]


def test_enhanced_as_the_model_does(
    edgeenh: Run, xrays: Path, tmp_path: Path, model: list[object], grey_brightened: Callable[..., Any]
) -> None:
    assert edgeenh("enhance", xrays / "a.png", *model, "--out", tmp_path / "out").code == 0
    expected = grey_brightened(read_grey(xrays / "a.png"))
    assert np.abs(read_grey(tmp_path / "out" / "a.png").astype(int) - expected).max() <= 1


def test_12_bits_in_a_16_bit_file_stay_12_bits(
    edgeenh: Run, tmp_path: Path, model: list[object], make_grey: MakeGrey
) -> None:
    write_grey(tmp_path / "in" / "p.png", make_grey(40, 60, 12))
    assert edgeenh("enhance", tmp_path / "in", *model, "--bits", "12", "--out", tmp_path / "out").code == 0
    after = read_grey(tmp_path / "out" / "p.png")
    assert after.dtype == np.uint16
    assert after.max() == 4095
    done = edgeenh("enhance", tmp_path / "in", *model, "--bits", "10", "--out", tmp_path / "no")
    assert done.code == 2
    assert "expected at most 1023 with 10 bits" in done.err


@pytest.mark.parametrize("command", ["enhance", "run"])
@pytest.mark.parametrize("bits", ["7", "17"])
def test_bits_that_no_picture_has_are_bad_usage(
    edgeenh: Run, xrays: Path, tmp_path: Path, model: list[object], command: str, bits: str
) -> None:
    done = edgeenh(command, xrays, *model, "--bits", bits, "--out", tmp_path / "out")
    assert done.code == 2
    assert f"--bits is {bits} and tiny takes 8 to 16 bits" in done.err


def test_bits_for_colour_are_bad_usage(edgeenh: Run, tmp_path: Path, fake: list[object], picture: Any) -> None:
    write_picture(tmp_path / "in" / "p.png", picture)
    done = edgeenh("enhance", tmp_path / "in", *fake, "--bits", "12", "--out", tmp_path / "out")
    assert done.code == 2
    assert "takes 8 bits in colour" in done.err


def test_colour_for_grey_and_grey_for_colour_are_refused_by_name(
    edgeenh: Run, xrays: Path, tmp_path: Path, model: list[object], fake: list[object], picture: Any
) -> None:
    write_picture(tmp_path / "photo.png", picture)
    done = edgeenh("enhance", tmp_path / "photo.png", *model, "--out", tmp_path / "out")
    assert done.code == 2
    assert "photo.png is 8-bit RGB, expected 8- or 16-bit grey" in done.err
    done = edgeenh("enhance", xrays / "a.png", *fake, "--out", tmp_path / "out")
    assert done.code == 2
    assert "a.png is 16-bit grey, expected 8-bit RGB colour" in done.err
    assert "or use a model for grey pictures" in done.err


def test_a_folder_streams_into_a_folder(edgeenh: Run, xrays: Path, tmp_path: Path, model: list[object]) -> None:
    done = edgeenh("run", xrays, *model, "--strength", "0", "--out", tmp_path / "out", "--json", "-")
    accounting = done.document["accounting"]
    assert (accounting["captured"], accounting["passthrough"], accounting["holds"]) == (3, {}, True)
    assert done.code == 0
    for written, name in (("000000_a.png", "a.png"), ("000001_b.png", "b.tif"), ("000002_c.png", "c.png")):
        before, after = read_grey(xrays / name), read_grey(tmp_path / "out" / written)
        assert after.dtype == before.dtype
        assert np.array_equal(after, before)


def test_16_bit_grey_into_a_video_is_refused_by_name(
    edgeenh: Run, xrays: Path, tmp_path: Path, model: list[object]
) -> None:
    done = edgeenh("run", xrays / "a.png", *model, "--out", tmp_path / "out.mp4")
    assert done.code == 2
    assert "frame 0 is 16-bit grey, and a video such as" in done.err
    assert not (tmp_path / "out.mp4").exists()


def test_a_source_that_is_never_grey_is_refused_at_once(edgeenh: Run, model: list[object]) -> None:
    done = edgeenh("run", "synthetic:64x48@30", *model)
    assert done.code == 2
    assert "gives frames in colour and the model takes grey pictures" in done.err
