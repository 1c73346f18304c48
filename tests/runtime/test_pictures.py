import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.errors import PictureError, UsageError
from edgeenh.pictures import PICTURE_SUFFIXES, decode_picture, encode_picture, read_picture, write_picture

FORMATS = (".png", ".jpg", ".tif", ".webp", ".bmp")


def smooth(height=24, width=40, channels=3):
    """A picture that JPEG keeps within a few steps, with unlike channels and unlike sides."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 5 + 20, y * 8 + 10, 200 - x * 2 - y, x + y][:channels]
    return np.stack(planes, axis=-1).astype(np.uint8)


ENCODED = {suffix: encode_picture(smooth(), suffix) for suffix in FORMATS}


def png_block(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def by_opencv(image, suffix=".png"):
    """Encode what edgeenh itself would not: grey, 16-bit, transparent."""
    return cv2.imencode(suffix, image)[1].tobytes()


def tiff(order, tags, tail=b""):
    """A TIFF file of one directory; every tag is one value, or the offset of its values in `tail`, which begins at 200."""
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    magic = b"II*\0" if order == "<" else b"MM\0*"
    head = magic + struct.pack(order + "IH", 8, len(tags)) + entries + bytes(4)
    return head.ljust(200, b"\0") + tail


def exif(orientation, order=">"):
    return tiff(order, {274: orientation})[:40]


def with_orientation(suffix, orientation):
    """The smooth picture with an EXIF orientation, in each format's own way."""
    data = ENCODED[suffix]
    if suffix == ".jpg":
        block = b"Exif\0\0" + exif(orientation)
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    if suffix == ".png":
        return data[:33] + png_block(b"eXIf", exif(orientation, "<")) + data[33:]
    if suffix == ".webp":
        canvas = b"VP8X" + struct.pack("<IB3x", 10, 8) + (39).to_bytes(3, "little") + (23).to_bytes(3, "little")
        body = b"WEBP" + canvas + data[12:] + b"EXIF" + struct.pack("<I", 40) + exif(orientation)
        return b"RIFF" + struct.pack("<I", len(body)) + body
    rgb = {256: 40, 257: 24, 258: 8, 259: 1, 262: 2, 273: 200, 274: orientation, 277: 3, 278: 24, 279: 2880}
    return tiff("<", rgb, smooth().tobytes())


@pytest.mark.parametrize("suffix", PICTURE_SUFFIXES)
def test_a_written_picture_is_read_back(tmp_path, suffix):
    path = tmp_path / f"p{suffix.upper()}"
    write_picture(path, smooth())
    read = read_picture(path)
    assert (read.dtype, read.shape, read.flags.c_contiguous, read.flags.writeable) == (
        np.uint8,
        (24, 40, 3),
        True,
        True,
    )
    tolerance = 6 if suffix in (".jpg", ".jpeg") else 0
    assert np.abs(read.astype(int) - smooth()).max() <= tolerance
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_decides_and_not_the_suffix(tmp_path):
    (tmp_path / "p.jpg").write_bytes(ENCODED[".png"])
    np.testing.assert_array_equal(read_picture(tmp_path / "p.jpg"), smooth())


UPRIGHT = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_exif_orientation_is_undone(suffix, orientation):
    read = decode_picture(with_orientation(suffix, orientation), "p")
    expected = UPRIGHT[orientation](decode_picture(ENCODED[suffix], "p"))
    np.testing.assert_array_equal(read, expected)
    assert read.flags.c_contiguous


@pytest.mark.parametrize("block", [b"", b"II*\0", exif(9), exif(0), exif(6)[:12], b"MM\0*\xff\xff\xff\xff", b"\0" * 50])
def test_an_exif_block_that_says_nothing_useful_is_ignored(block):
    data = ENCODED[".png"][:33] + png_block(b"eXIf", block) + ENCODED[".png"][33:]
    np.testing.assert_array_equal(decode_picture(data, "p"), smooth())


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (by_opencv(smooth()[..., 0]), "8-bit grey"),
        (by_opencv(smooth()[..., 0], ".jpg"), "8-bit grey"),
        (by_opencv(smooth()[..., 0], ".tif"), "8-bit grey"),
        (by_opencv(smooth().astype(np.uint16) * 257), "16-bit RGB"),
        (by_opencv(smooth().astype(np.uint16) * 257, ".tif"), "16-bit RGB"),
        (by_opencv(smooth()[..., 0].astype(np.uint16)), "16-bit grey"),
        (by_opencv(smooth(channels=4)), "8-bit RGB with transparency"),
        (by_opencv(smooth(channels=4), ".webp"), "8-bit RGB with transparency"),
        (by_opencv(smooth(channels=4), ".tif"), "8-bit RGB with transparency"),
        (by_opencv(smooth(channels=4), ".bmp"), "8-bit RGB with transparency"),
        (by_opencv(smooth()[..., 0], ".bmp"), "8-bit palette"),
        (by_opencv(smooth().astype(np.float32), ".tif"), "32-bit non-RGB colour"),
        (b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 8, 8, 24, 40, 4) + b"\xff\xd9", "8-bit CMYK"),
        (
            ENCODED[".png"][:33] + png_block(b"tRNS", bytes([0, 20, 0, 10, 0, 200])) + ENCODED[".png"][33:],
            "8-bit RGB with transparency",
        ),
    ],
)
def test_a_picture_of_another_kind_is_refused_by_name(data, found):
    with pytest.raises(
        PictureError, match=rf"^p\.x is {found}, expected 8-bit RGB colour: convert it first, e\.g\. `magick"
    ):
        decode_picture(data, "p.x")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp"])
def test_an_alpha_channel_that_is_opaque_throughout_is_no_loss(suffix):
    opaque = np.dstack([smooth(), np.full((24, 40), 255, np.uint8)])
    np.testing.assert_array_equal(decode_picture(by_opencv(opaque[..., [2, 1, 0, 3]], suffix), "p"), smooth())
    opaque[23, 39, 3] = 254
    with pytest.raises(PictureError, match="with transparency"):
        decode_picture(by_opencv(opaque, suffix), "p")


def palette_png(alpha):
    """Rows of two palette entries in turn; `alpha` is the body of the block that makes entries transparent, or None."""
    rows = b"".join(b"\0" + bytes([row % 2]) * 16 for row in range(16))
    blocks = [(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 3, 0, 0, 0)), (b"PLTE", bytes([255, 0, 9, 1, 2, 3]))]
    blocks += [] if alpha is None else [(b"tRNS", alpha)]
    blocks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_block(*block) for block in blocks)


@pytest.mark.parametrize("alpha", [None, b"\xff\xff"])
def test_a_png_with_a_palette_is_colour(alpha):
    read = decode_picture(palette_png(alpha), "p")
    assert read[:2, 0].tolist() == [[255, 0, 9], [1, 2, 3]]
    with pytest.raises(PictureError, match="8-bit RGB with transparency"):
        decode_picture(palette_png(b"\xff\x80"), "p")


@pytest.mark.parametrize(
    "data",
    [
        cv2.imencodemulti(".tif", [smooth(), smooth()])[1].tobytes(),
        ENCODED[".png"][:33] + png_block(b"acTL", struct.pack(">II", 2, 0)) + ENCODED[".png"][33:],
        b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<IB3x", 10, 2) + bytes([39, 0, 0, 23, 0, 0]),
    ],
)
def test_more_than_one_picture_in_a_file_is_refused(data):
    with pytest.raises(PictureError, match="holds 2 pictures or frames, expected one"):
        decode_picture(data, "p")


def jpeg_header(width, height):
    return b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 8, 8, height, width, 3) + b"\xff\xd9"


def png_header(width, height):
    head = png_block(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + png_block(b"IEND", b"")


@pytest.mark.parametrize("header", [jpeg_header, png_header])
def test_sizes_out_of_bounds_are_refused_from_the_header_alone(header):
    with pytest.raises(PictureError, match="20000×20000 pixels, expected at most 64 megapixels"):
        decode_picture(header(20_000, 20_000), "p")
    with pytest.raises(PictureError, match="is 40×15 pixels, expected at least 16×16"):
        decode_picture(header(40, 15), "p")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_picture_of_one_pixel_is_refused(suffix):
    with pytest.raises(PictureError, match="is 1×1 pixels, expected at least 16×16: give a larger picture"):
        decode_picture(encode_picture(smooth(1, 1), suffix), "p")


@pytest.mark.parametrize("suffix", FORMATS)
def test_half_a_file_is_refused_wherever_it_was_cut(suffix):
    data = ENCODED[suffix]
    for end in range(len(data)):
        with pytest.raises(PictureError, match=r"truncated or damaged|is empty|begins with|cannot be decoded"):
            decode_picture(data[:end], "p")


@given(st.data())
def test_a_png_with_a_changed_byte_never_gives_other_pixels(data):
    png = bytearray(ENCODED[".png"])
    png[data.draw(st.integers(0, len(png) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PictureError):
        decode_picture(bytes(png), "p")


@given(st.sampled_from(FORMATS), st.data())
def test_damaged_files_are_read_or_refused_and_never_crash(suffix, data):
    damaged = bytearray(ENCODED[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged), 400) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = decode_picture(bytes(damaged), "p")
    except PictureError:
        return
    assert (read.dtype, read.ndim, read.shape[2]) == (np.uint8, 3, 3)


MAGIC = [b"", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"RIFF\x40\0\0\0WEBP", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]


@given(st.sampled_from(MAGIC), st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_in_one_way(magic, data):
    with pytest.raises(PictureError, match=r"^p\.png "):
        decode_picture(magic + data, "p.png")


def test_a_file_that_is_no_picture_is_named():
    with pytest.raises(
        PictureError, match=r"^notes begins with 68 65 6c 6c 6f, expected a PNG, JPEG, TIFF, WebP or BMP"
    ):
        decode_picture(b"hello", "notes")


def test_a_bmp_that_claims_more_rows_than_it_holds_is_refused():
    taller = bytearray(ENCODED[".bmp"])
    at = taller.index(struct.pack("<ii", 40, 24))
    taller[at : at + 8] = struct.pack("<ii", 40, 25)
    with pytest.raises(PictureError, match="ends before its last BMP row"):
        decode_picture(bytes(taller), "p")


def test_missing_and_unreadable_files_are_named(tmp_path):
    with pytest.raises(PictureError, match=r"absent\.png cannot be read \(No such file"):
        read_picture(tmp_path / "absent.png")
    with pytest.raises(PictureError, match="Is a directory"):
        read_picture(tmp_path)


def test_a_file_that_is_too_long_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("edgeenh.pictures.MAX_BYTES", 1 << 20)
    (tmp_path / "p.png").write_bytes(bytes(2 << 20))
    with pytest.raises(PictureError, match="is larger than 1 MiB"):
        read_picture(tmp_path / "p.png")


@pytest.mark.parametrize("suffix", ["", ".gif", ".jp2"])
def test_an_unknown_suffix_is_bad_usage(tmp_path, suffix):
    with pytest.raises(UsageError, match=r"expected one of \.png"):
        write_picture(tmp_path / f"p{suffix}", smooth())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "image", [smooth().astype(np.float32), smooth()[..., 0], smooth(channels=4), np.zeros((0, 4, 3), np.uint8)]
)
def test_an_array_that_is_no_picture_is_refused(tmp_path, image):
    with pytest.raises(PictureError, match=r"is an array of .* expected uint8"):
        write_picture(tmp_path / "p.png", image)


def test_a_side_that_the_format_cannot_hold_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "p.jpg"
    write_picture(path, smooth())
    before = path.read_bytes()
    with pytest.raises(PictureError, match="70000×16 pixels cannot be written as JPG: choose another format"):
        write_picture(path, np.zeros((16, 70_000, 3), np.uint8))
    assert path.read_bytes() == before


def test_what_is_written_can_be_any_view(tmp_path):
    write_picture(tmp_path / "p.png", smooth()[::-1, ::2])
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png"), smooth()[::-1, ::2])
