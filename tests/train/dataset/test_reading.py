"""`read_any`: 8 and 16 bit, colour and grey, exactly; everything else by name."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeenh.errors import PictureError
from edgeenh_train.data.reading import as_float, as_uint8, at_full_scale, decode_any, read_any


def picture(dtype: type, channels: int) -> NDArray[np.generic]:
    top = np.iinfo(dtype).max
    return np.random.default_rng(1).integers(0, top + 1, (20, 33, channels)).astype(dtype)


def encoded(image: NDArray[np.generic], suffix: str) -> bytes:
    return bytes(cv2.imencode(suffix, image[..., ::-1])[1].tobytes())  # type: ignore[call-overload]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_depth_and_colour_comes_back_exactly(tmp_path: Path, suffix: str, channels: int, dtype: type) -> None:
    image = picture(dtype, channels)
    file = tmp_path / f"a{suffix}"
    file.write_bytes(encoded(image, suffix))
    read = read_any(file)
    assert read.dtype == dtype
    assert read.flags.c_contiguous
    assert np.array_equal(read, image)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bit_colour_is_turned_upright_like_8_bit(orientation: int) -> None:
    def turned(image: NDArray[np.generic]) -> bytes:
        data = encoded(image, ".png")
        exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + bytes([0, orientation]) + bytes(6)
        body = b"eXIf" + exif
        import struct
        import zlib

        return data[:33] + struct.pack(">I", len(exif)) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]

    small = picture(np.uint8, 3)
    eight, sixteen = decode_any(turned(small), "a"), decode_any(turned(small.astype(np.uint16) * 257), "a")
    assert sixteen.dtype == np.uint16
    assert np.array_equal(sixteen, eight.astype(np.uint16) * 257)
    assert eight.shape[:2] == ((20, 33) if orientation < 5 else (33, 20))


def test_other_kinds_are_refused_by_name() -> None:
    alpha = np.dstack([picture(np.uint16, 3), picture(np.uint16, 1)])
    floating = np.zeros((20, 20, 3), np.float32)
    half = encoded(picture(np.uint16, 3), ".png")
    for data, message in (
        (bytes(cv2.imencode(".png", alpha)[1].tobytes()), "16-bit RGB with transparency, expected RGB or grey"),
        (bytes(cv2.imencode(".tif", floating)[1].tobytes()), "non-RGB colour, expected RGB or grey"),
        (half[: len(half) // 2], "truncated or damaged"),
        (b"", "is empty"),
        (b"no picture", "expected a PNG, JPEG"),
        (encoded(picture(np.uint16, 3)[:8], ".png"), "expected at least 16×16"),
    ):
        with pytest.raises(PictureError, match=message):
            decode_any(data, "a")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"none\.png cannot be read"):
        read_any(tmp_path / "none.png")


@given(st.integers(0, 65535))
def test_16_bit_to_8_is_rounded_to_nearest(value: int) -> None:
    image = np.full((1, 1, 1), value, np.uint16)
    assert as_uint8(image).item() == round(value / 257)
    assert as_float(image).item() == pytest.approx(value / 65535, abs=1e-7)


def test_8_bit_stays() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert np.array_equal(as_uint8(image), image)
    assert np.array_equal(as_uint8(image.astype(np.uint16) * 257), image)
    assert as_float(image).max() == 1.0


@pytest.mark.parametrize("bits", [9, 12, 16])
def test_fewer_bits_are_brought_to_full_scale(bits: int) -> None:
    top = (1 << bits) - 1
    levels = np.arange(top + 1, dtype=np.uint16).reshape(1, -1, 1)
    full = at_full_scale(levels, bits, "a.png")
    assert full.dtype == np.uint16
    assert (full[0, 0, 0], full[0, -1, 0]) == (0, 65_535)
    assert np.array_equal(np.rint(full[0, :, 0] / 65_535 * top), levels[0, :, 0])  # no two levels become one
    if bits < 16:
        with pytest.raises(PictureError, match=rf"a\.png holds the value {top + 1}, expected at most {top}"):
            at_full_scale(levels + np.uint16(1), bits, "a.png")


def test_bits_are_of_16_bit_grey_alone() -> None:
    for other in (np.full((2, 2, 1), 9, np.uint8), np.full((2, 2, 3), 9, np.uint16)):
        assert at_full_scale(other, 12, "a") is other
    assert at_full_scale(grey := np.full((2, 2, 1), 9, np.uint16), 0, "a") is grey
