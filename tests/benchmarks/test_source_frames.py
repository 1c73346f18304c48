from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.bundle import Bundle
from edgeenh.errors import OutputFailed, PictureError, SourceError, UsageError
from edgeenh.pixels import GREY
from edgeenh_bench import source_frames
from edgeenh_bench.source_frames import GOLDEN, collect, fit, parse_size


def test_frames_are_resized_stored_and_described(pictures: Path, bundle_path: Path, tmp_path: Path) -> None:
    frames = collect(str(pictures), Bundle.open(bundle_path), (64, 48), 100, tmp_path / "raw")
    assert (frames.count, frames.size, frames.resized) == (6, (64, 48), 6)
    assert frames.sha256 == hashlib.sha256((tmp_path / "raw").read_bytes()).hexdigest()
    assert np.array_equal(frames.read(7), frames.read(1))  # a short source begins again
    assert not np.array_equal(frames.read(0), frames.read(1))


def test_golden_frames_serve_where_no_source_is_given(bundle_path: Path, tmp_path: Path) -> None:
    bundle = Bundle.open(bundle_path)
    frames = collect(None, bundle, (64, 48), 100, tmp_path / "raw")
    assert (frames.source, frames.count, frames.resized) == (GOLDEN, 2, 0)
    assert np.array_equal(frames.read(1), bundle.golden()[1][1])


def test_the_sources_own_size_is_kept(pictures: Path, bundle_path: Path, tmp_path: Path) -> None:
    frames = collect(str(pictures), Bundle.open(bundle_path), None, 3, tmp_path / "raw")
    assert (frames.size, frames.count, frames.resized) == ((90, 60), 3, 0)


def test_the_store_is_bounded(
    pictures: Path, bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_frames, "MAX_STORED_BYTES", 3 * 64 * 48 * 3)
    frames = collect(str(pictures), Bundle.open(bundle_path), (64, 48), 100, tmp_path / "raw")
    assert frames.count == 3


def test_a_damaged_picture_is_left_out_and_named(pictures: Path, bundle_path: Path, tmp_path: Path) -> None:
    (pictures / "3.png").write_bytes(b"not a picture")
    frames = collect(str(pictures), Bundle.open(bundle_path), None, 100, tmp_path / "raw")
    assert frames.count == 5
    assert any("3.png" in remark for remark in frames.remarks)


def test_a_source_without_frames_and_a_size_that_the_model_does_not_take(bundle_path: Path, tmp_path: Path) -> None:
    bundle = Bundle.open(bundle_path)
    with pytest.raises((SourceError, PictureError)):
        collect(str(tmp_path / "missing.mp4"), bundle, (64, 48), 5, tmp_path / "raw")
    for size in ((15, 48), (64, 4000)):
        with pytest.raises(UsageError, match="16x16 to 256x256"):
            collect(None, bundle, size, 5, tmp_path / "raw")


def test_no_room_for_the_frames_is_told_with_what_to_do(bundle_path: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match="set TMPDIR"):
        collect(None, Bundle.open(bundle_path), (64, 48), 5, Path("/dev/full"))


@given(st.integers(1, 99999), st.integers(1, 99999))
def test_sizes_are_read_back(width: int, height: int) -> None:
    assert parse_size(f"{width}x{height}") == (width, height)


@given(st.text(max_size=12).filter(lambda text: not re.fullmatch(r"\s*[1-9]\d*[xX×][1-9]\d*\s*", text)))
def test_what_is_not_a_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="1280x720"):
        parse_size(text)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_fit_gives_the_size_asked_for(width: int, height: int, to_width: int, to_height: int) -> None:
    fitted = fit(np.zeros((height, width, 3), np.uint8), (to_width, to_height))
    assert (fitted.shape, fitted.dtype) == ((to_height, to_width, 3), np.uint8)
    assert fitted.flags.c_contiguous


def test_fit_crops_the_centre_and_keeps_the_aspect() -> None:
    image = np.zeros((40, 100, 3), np.uint8)
    image[:, 30:70] = 200  # the central square
    assert (fit(image, (20, 20)) == 200).all()


@given(st.integers(8, 16), st.data())
def test_grey_of_any_depth_keeps_black_white_and_every_value(bits: int, data: st.DataObject) -> None:
    top = (1 << bits) - 1
    value = data.draw(st.integers(0, top))
    image = np.array([[0, value, top]], np.uint8 if bits == 8 else np.uint16)
    full = source_frames._in_full_range(image, bits, GREY)
    assert (full.shape, full.dtype) == ((1, 3, 1), np.uint16)
    assert (full[0, 0, 0], full[0, 2, 0]) == (0, 65535)
    assert round(int(full[0, 1, 0]) * top / 65535) == value


def test_a_set_knows_whether_its_source_held_more(pictures: Path, bundle_path: Path, tmp_path: Path) -> None:
    bundle = Bundle.open(bundle_path)
    assert collect(str(pictures), bundle, None, 100, tmp_path / "raw").whole
    assert not collect(str(pictures), bundle, None, 4, tmp_path / "raw").whole


def test_stdin_is_refused_with_what_serves_instead(bundle_path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not read raw frames from stdin: give a video"):
        collect("-", Bundle.open(bundle_path), (64, 48), 100, tmp_path / "raw")
