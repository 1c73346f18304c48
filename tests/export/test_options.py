from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.errors import CheckpointError, EdgeenhError, UsageError
from edgeenh_export import options
from edgeenh_train import networks

SIDES = st.integers(1, 99_999)


def test_the_multiple_is_the_networks():
    assert options.SIZE_MULTIPLE == networks.SIZE_MULTIPLE


@given(st.integers(2, 1024), st.integers(2, 1024))
def test_multiples_of_8_are_read(columns, rows):
    size = (columns * 8, rows * 8)
    assert options.parse_size(f"{size[0]}x{size[1]}") == options.parse_size(f" {size[0]}X{size[1]}") == size


@given(SIDES, SIDES)
def test_every_other_size_is_refused_with_sizes_that_work(width, height):
    try:
        assert options.parse_size(f"{width}x{height}") == (width, height)
    except UsageError as exc:
        nearest = str(exc).split("nearest that work: ")[1].split(" or ")
        assert 1 <= len(nearest) <= 4
        assert all(options.parse_size(text) for text in nearest)
    else:
        assert options.nearest_sizes((width, height)) == [(width, height)]


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_a_usage_error(text):
    with contextlib.suppress(UsageError):
        assert len(options.parse_size(text)) == 2


def test_the_message_names_the_nearest_sizes():
    with pytest.raises(UsageError, match=r"1280x718: .*multiples of 8 .*nearest that work: 1280x712 or 1280x720"):
        options.parse_size("1280x718")


def test_one_size_is_fixed_and_several_are_bounds():
    assert options.bounds([]) == options.Bounds((16, 16), (1280, 720), (8192, 8192), ())
    assert options.bounds([(640, 480)]).fixed == (640, 480)
    several = options.bounds([(640, 480), (320, 720)])
    assert (several.min, several.opt, several.max, several.fixed) == ((320, 480), (640, 480), (640, 720), None)


@pytest.mark.parametrize("sizes", [[(64, 64), (64, 64)], [(16 * n, 16) for n in range(1, 10)], [(20, 16)]])
def test_sizes_that_make_no_sense_together_are_refused(sizes):
    with pytest.raises(UsageError, match="--size"):
        options.bounds(sizes)


def test_precisions():
    assert options.choose_precisions(fp16=False, fp32=False, int8=False) == ("fp32", "fp16")
    assert options.choose_precisions(fp16=True, fp32=False, int8=False) == ("fp32", "fp16")
    assert options.choose_precisions(fp16=False, fp32=True, int8=False) == ("fp32",)
    with pytest.raises(UsageError, match="exclude each other"):
        options.choose_precisions(fp16=True, fp32=True, int8=False)
    assert options.choose_precisions(fp16=False, fp32=False, int8=True) == ("fp32", "int8")
    assert options.choose_precisions(fp16=True, fp32=False, int8=True) == ("fp32", "fp16", "int8")


@pytest.mark.parametrize(("psnr", "ssim"), [(math.nan, 0.9), (math.inf, 0.9), (-1, 0.9), (50, math.nan), (50, 1.5)])
def test_thresholds_that_nothing_can_reach_are_refused(psnr, ssim):
    with pytest.raises(UsageError, match="is not a threshold"):
        options.check_thresholds(psnr, ssim)


def test_a_missing_checkpoint_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(CheckpointError, match="is a folder"):
        options.check_checkpoint_name(tmp_path)
    with pytest.raises(CheckpointError, match=r"there is nothing at .* training run"):
        options.check_checkpoint_name(tmp_path / "none.safetensors")


def test_the_bundle_does_not_take_the_place_of_its_checkpoint(tmp_path):
    checkpoint = tmp_path / "generator.safetensors"
    checkpoint.touch()
    (tmp_path / "link").symlink_to(checkpoint)
    for out in (checkpoint, tmp_path / "link"):
        with pytest.raises(UsageError, match="is the checkpoint itself: choose another place"):
            options.check_apart(out, checkpoint)
    options.check_apart(tmp_path / "m.edgeenh", checkpoint)


def test_only_a_bundle_is_replaced(tmp_path):
    photograph, bundle, empty = tmp_path / "p.png", tmp_path / "m.edgeenh", tmp_path / "empty"
    photograph.write_bytes(b"\x89PNG....")
    bundle.write_bytes(b"PK\x03\x04....")
    empty.touch()
    with pytest.raises(UsageError, match="exists and is not a bundle"):
        options.check_out(photograph)
    options.check_out(bundle)
    options.check_out(empty)


def test_checking_the_output_makes_nothing(tmp_path):
    options.check_out(tmp_path / "a" / "b" / "m.edgeenh")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["", "file/m.edgeenh", "/dev/null/m.edgeenh"])
def test_an_output_that_cannot_be_is_refused(tmp_path, out):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--out"):
        options.check_out(tmp_path / out)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(EdgeenhError, match="choose a place you may write to"):
        options.check_out(Path(tmp_path) / "m.edgeenh")


def test_compute_capabilities_are_read_and_refused_by_name():
    from edgeenh_export.options import parse_capabilities

    assert parse_capabilities(None, "off") == ()
    assert parse_capabilities("8.6, 12.0") == ("8.6", "12.0")
    for text, tensorrt, words in (
        ("8", "rtx", "'8' is none, expected numbers such as 8.6"),
        ("", "auto", "'' is none"),
        ("8.6,8.6", "rtx", "twice"),
        ("8.6", "full", "builds for the GPU of this machine"),
        ("8.6", "off", "no plan is built"),
    ):
        with pytest.raises(UsageError, match=words):
            parse_capabilities(text, tensorrt)
