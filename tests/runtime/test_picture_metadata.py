"""What stands beside the pixels, read back by another library (Pillow), and on bytes that are no picture."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh.picture_exif import exif_resolution, upright
from edgeenh.picture_metadata import Metadata, encode_with, fitting, read_metadata
from edgeenh.pictures import decode_frame

DPI_300 = (11811, 11811)
"""In pixels per metre."""


def profile(space):
    """The header of a colour profile (ICC.1, 7.2) with one tag."""
    icc = bytearray(160)
    icc[0:4], icc[16:20], icc[36:40] = (160).to_bytes(4, "big"), space, b"acsp"
    return bytes(icc)


def exif(*entries, order=">", thumbnail=True):
    """An EXIF block of SHORT and LONG entries (tag, type, value)."""
    block = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "IH", 8, len(entries))
    for tag, kind, value in entries:
        block += struct.pack(order + "HHI", tag, kind, 1)
        block += struct.pack(order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,)))
    return block + struct.pack(order + "I", 0x1234 if thumbnail else 0)


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL.Image", reason="Pillow, the second reader, is not installed")


@pytest.fixture
def saved(pillow, make_picture):
    """saved(format, **what) = the content of a file that Pillow wrote."""

    def save(kind, image=None, **what):
        file = io.BytesIO()
        pillow.fromarray(make_picture(20, 30) if image is None else image).save(file, kind, **what)
        return file.getvalue()

    return save


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_resolution_is_kept_from_every_format_that_has_one(saved, pillow, make_picture, kind):
    found = read_metadata(saved(kind, dpi=(300, 150)))
    assert found.resolution == pytest.approx((11811, 5906), abs=1)
    after = pillow.open(io.BytesIO(encode_with(make_picture(20, 30), found, "p")))
    assert after.info["dpi"] == pytest.approx((300, 150), abs=0.02)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_profiles_are_kept_byte_for_byte(saved, pillow, make_picture, kind):
    icc = profile(b"RGB ") + b""
    found = read_metadata(saved(kind, icc_profile=icc))
    assert found.icc == icc
    after = pillow.open(io.BytesIO(encode_with(make_picture(20, 30), found, "p")))
    assert after.info["icc_profile"] == icc
    assert fitting(found, "RGB").left_out == ()


def test_a_profile_of_many_parts_is_put_together_and_one_that_misses_a_part_is_told(saved):
    icc = bytearray(profile(b"RGB ") + bytes(150_000))
    icc[0:4] = len(icc).to_bytes(4, "big")
    data = saved("JPEG", icc_profile=bytes(icc))
    assert read_metadata(data).icc == bytes(icc)
    second = data.index(b"ICC_PROFILE\0\2")
    found = read_metadata(data[:second] + b"XCC" + data[second + 3 :])
    assert (found.icc, found.left_out) == (b"", ("a colour profile of which parts are missing",))


@pytest.mark.parametrize("icc", [profile(b"CMYK"), profile(b"GRAY"), b"no profile", profile(b"RGB ")[:140]])
def test_a_profile_that_cannot_go_with_the_picture_is_left_out_and_told(icc):
    found = fitting(Metadata(icc=icc), "RGB")
    assert found.icc == b""
    assert "a colour profile" in found.left_out[0]


def test_grey_of_16_bits_keeps_its_pixels_profile_and_resolution(make_grey):
    picture = make_grey(20, 24)
    data = encode_with(picture, Metadata(icc=profile(b"GRAY"), resolution=(5000, 6000)), "p")
    assert np.array_equal(decode_frame(data, "p", "grey"), picture)
    assert read_metadata(data) == Metadata(icc=profile(b"GRAY"), resolution=(5000, 6000))


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("kind", [3, 4])  # SHORT as EXIF says, LONG as some write it and all read it
def test_a_turned_picture_is_turned_once(saved, pillow, make_picture, order, kind):
    picture = make_picture(20, 30)
    sizes = ((0xA002, 4, 30), (0xA003, 4, 20))
    block = exif((274, kind, 6), *sizes, order=order)
    data = saved("PNG", picture, exif=block, dpi=(300, 150))
    image, found = decode_frame(data, "p", "RGB"), read_metadata(data)
    assert np.array_equal(image, np.rot90(picture, -1))
    assert found.resolution == (5906, 11811)  # what went across goes down
    after = pillow.open(io.BytesIO(encode_with(image, found, "p")))
    tags = after.getexif()
    assert (tags[274], tags[0xA002], tags[0xA003]) == (1, 20, 30)
    assert found.exif == exif((274, 3, 1), *reversed_sizes(sizes), order=order, thumbnail=False)


def reversed_sizes(sizes):
    (one, kind, across), (other, _, down) = sizes
    return (one, kind, down), (other, kind, across)


def test_exif_says_the_resolution_where_nothing_else_does(saved):
    block = bytearray(exif((282, 5, 62), (283, 5, 62), (296, 3, 3)).ljust(62, b"\0"))
    assert exif_resolution(bytes(block + struct.pack(">II", 2362, 20))) == (11810, 11810)
    assert exif_resolution(bytes(block)) is None  # it points beyond the end


def test_the_exif_of_a_tiff_is_told(saved):
    data = bytearray(saved("TIFF", tiffinfo={50000: 7}))  # a private tag, which becomes the one of EXIF
    at = data.index(struct.pack("<HH", 50000, 3))
    struct.pack_into("<HHI", data, at, 34665, 4, 1)
    assert read_metadata(bytes(data)).left_out == ("EXIF, which is not carried over from TIFF",)


def test_what_values_of_a_png_mean_is_kept():
    picture = np.zeros((20, 24), np.uint16)
    chunks = (("gAMA", struct.pack(">I", 100_000)), ("sBIT", b"\x0c"))
    assert read_metadata(encode_with(picture, Metadata(chunks=chunks), "p")).chunks == chunks
    assert fitting(Metadata(chunks=chunks), "RGB").chunks == chunks[:1]  # sBIT of another number of channels


def test_an_enlarged_picture_has_more_pixels_per_metre():
    assert fitting(Metadata(resolution=DPI_300), "RGB", scale=2).resolution == (23622, 23622)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"II*\0", b"MM\0*", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"BM", b""]), st.binary())
def test_any_bytes_have_an_answer(magic, rest):
    data = magic + rest
    read_metadata(data)
    assert len(upright(data, turned=True)) in (0, len(data))
    exif_resolution(data)
