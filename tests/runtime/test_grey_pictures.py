import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.errors import PictureError, UsageError
from edgeenh.pictures import (
    GREY_SUFFIXES,
    decode_frame,
    decode_grey,
    decode_picture,
    encode_frame,
    encode_grey,
    encode_picture,
    read_frame,
    read_grey,
    write_frame,
    write_grey,
)


def grey(bits=16, height=24, width=40):
    y, x = np.mgrid[0:height, 0:width]
    levels = x * 5 + y * 2 + 7
    return levels.astype(np.uint8) if bits == 8 else (levels * 201 + 3).astype(np.uint16)


def by_opencv(image, suffix=".png", options=()):
    return cv2.imencode(suffix, image, options)[1].tobytes()


def tiff(order, image, **changes):
    """A TIFF file of one uncompressed grey strip, with `t<number>` replacing or adding tags."""
    height, width = image.shape
    tags = {256: width, 257: height, 258: 8 * image.dtype.itemsize, 259: 1, 262: 1, 273: 200, 277: 1, 278: height}
    tags |= {279: image.nbytes, **{int(name[1:]): value for name, value in changes.items()}}
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags)) + entries + bytes(4)
    return head.ljust(200, b"\0") + image.astype(image.dtype.newbyteorder(order)).tobytes()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("suffix", [*GREY_SUFFIXES, ".PNG"])
def test_a_written_picture_is_read_back_in_its_own_depth(tmp_path, suffix, bits):
    path = tmp_path / f"p{suffix}"
    write_grey(path, grey(bits)[..., None])
    read = read_grey(path)
    assert read.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert read.flags.c_contiguous
    assert read.flags.writeable
    assert np.array_equal(read, grey(bits))
    assert list(tmp_path.iterdir()) == [path]


@given(bits=st.sampled_from([8, 16]), height=st.integers(16, 40), width=st.integers(16, 40), seed=st.integers(0, 99))
def test_every_value_survives_every_format(bits, height, width, seed):
    dtype = np.uint8 if bits == 8 else np.uint16
    image = np.random.default_rng(seed).integers(0, 1 << bits, (height, width), dtype)
    for suffix in GREY_SUFFIXES:
        assert np.array_equal(decode_grey(encode_grey(image, suffix), "p"), image)


def test_the_frame_functions_choose_by_kind(tmp_path):
    colour = np.dstack([grey(8)] * 3)
    for image, kind in ((grey(16), "grey"), (grey(8), "grey"), (colour, "RGB")):
        write_frame(tmp_path / "p.png", image)
        assert np.array_equal(read_frame(tmp_path / "p.png", kind), image)
        assert np.array_equal(decode_frame(encode_frame(image, ".png"), "p", kind), image)


def test_grey_jpeg_is_read(tmp_path):
    read = decode_grey(by_opencv(grey(8), ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 100]), "p")
    assert (read.dtype, read.shape) == (np.uint8, (24, 40))
    assert np.abs(read.astype(int) - grey(8)).max() <= 3


UPRIGHT = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: p.T,
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_of_tiff_is_undone_in_both_depths_and_byte_orders(orientation, bits, order):
    read = decode_grey(tiff(order, grey(bits), t274=orientation), "p")
    assert np.array_equal(read, UPRIGHT[orientation](grey(bits)))
    assert read.flags.c_contiguous


@pytest.mark.parametrize("orientation", [3, 6])
def test_orientation_of_a_grey_jpeg_is_undone(orientation):
    data = by_opencv(grey(8), ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 100])
    block = b"Exif\0\0MM\0*" + struct.pack(">IHHHII", 8, 1, 274, 4, 1, orientation) + bytes(4)
    turned = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    assert np.array_equal(decode_grey(turned, "p"), UPRIGHT[orientation](decode_grey(data, "p")))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (encode_picture(np.dstack([grey(8)] * 3), ".png"), "8-bit RGB, .* use a model for colour"),
        (encode_picture(np.dstack([grey(8)] * 3), ".webp"), "8-bit RGB"),
        (by_opencv(np.dstack([grey(16)] * 3)), "16-bit RGB"),
        (by_opencv(grey(8), ".bmp"), "8-bit palette"),
        (by_opencv(grey(8).astype(np.float32), ".tif"), "32-bit signed or floating-point grey, .*-depth 16"),
        (tiff("<", grey(16), t339=2), "16-bit signed or floating-point grey"),
        (tiff("<", grey(8), t262=0), "8-bit white-is-zero grey"),
        (tiff("<", grey(16), t262=0), "16-bit white-is-zero grey"),
        (tiff("<", grey(16), t258=12), "12-bit grey"),
        (tiff("<", grey(16), t258=32), "32-bit grey"),
        (by_opencv((grey(8) > 100).astype(np.uint8), ".png", [cv2.IMWRITE_PNG_BILEVEL, 1]), "1-bit grey"),
        (tiff("<", grey(16), t338=2), "16-bit grey with transparency, .*-alpha off"),
    ],
)
def test_another_kind_is_refused_by_name_and_with_a_command(data, found):
    with pytest.raises(PictureError, match=f"^p is {found}") as caught:
        decode_grey(data, "p")
    assert "expected 8- or 16-bit grey: convert it first, e.g. `magick IN " in str(caught.value)


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_where_colour_is_wanted_names_the_model_to_use(bits):
    with pytest.raises(PictureError, match=f"p is {bits}-bit grey, expected 8-bit RGB .*or use a model for grey"):
        decode_picture(encode_grey(grey(bits), ".png"), "p")


@pytest.mark.parametrize("suffix", GREY_SUFFIXES)
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_truncated_picture_is_refused(suffix, keep):
    data = encode_grey(grey(), suffix)
    with pytest.raises(PictureError, match=r"^p "):
        decode_grey(data[: int(keep * len(data))], "p")


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp", ""])
def test_a_format_that_cannot_hold_16_bits_is_bad_usage(tmp_path, suffix):
    with pytest.raises(UsageError, match=r"expected one of \.png, \.tif, \.tiff for a grey picture"):
        write_grey(tmp_path / f"p{suffix}", grey())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "image", [grey().astype(np.float32), np.dstack([grey(8)] * 3), np.zeros((0, 4), np.uint8), grey().astype(np.int16)]
)
def test_an_array_that_is_no_grey_picture_is_refused(tmp_path, image):
    with pytest.raises(PictureError, match=r"expected uint8 or uint16 \[H,W\] grey"):
        write_grey(tmp_path / "p.png", image)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PictureError, match=r"absent\.png cannot be read"):
        read_grey(tmp_path / "absent.png")
