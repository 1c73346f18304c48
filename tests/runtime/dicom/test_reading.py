"""Objects are read as a model takes them, exactly; what is no such object is refused by name."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.dicom import decode_dicom, read_dicom
from edgeenh.dicom.codestream import size_in
from edgeenh.dicom.stored import Stored
from edgeenh.errors import PictureError

from .conftest import DATA, noise

Make = Callable[..., bytes]


@given(bits=st.integers(8, 16), signed=st.booleans(), inverted=st.booleans(), seed=st.integers(0, 99))
def test_every_stored_value_comes_back(bits: int, signed: bool, inverted: bool, seed: int) -> None:
    stored = Stored(bits, signed, inverted)
    values = np.random.default_rng(seed).integers(stored.lowest, stored.lowest + (1 << bits), (16, 17))
    values[0, :2] = stored.lowest, stored.lowest + (1 << bits) - 1
    levels = stored.to_levels(values, "p")
    assert levels.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert levels[0, 0] == ((1 << bits) - 1 if inverted else 0)  # 0 is black, whatever the object says
    assert np.array_equal(stored.from_levels(levels, levels), values)


def test_padding_stays_padding_and_nothing_else_does() -> None:
    stored = Stored(12, signed=True, padding=(-2000, -2000))
    values = np.array([[-2000, 5], [7, -2000]])
    levels = stored.to_levels(values, "p")
    assert stored.from_levels(levels + 1, levels).tolist() == [[-2000, 6], [8, -2000]]


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("interpretation", ["MONOCHROME1", "MONOCHROME2"])
def test_grey_of_every_depth(make_object: Make, bits: int, interpretation: str) -> None:
    picture = noise(20, 31, bits)
    image = decode_dicom(make_object(picture, bits=bits, PhotometricInterpretation=interpretation), "x.dcm")
    assert (image.header.bits, image.header.photometric, image.header.frames) == (bits, "grey", 1)
    expected = picture if interpretation == "MONOCHROME2" else (1 << bits) - 1 - picture
    assert np.array_equal(image.frame(0), expected)


def test_several_frames(make_object: Make) -> None:
    frames = [noise(16, 18, 12, seed) for seed in range(3)]
    content = make_object(frames[0], bits=12, NumberOfFrames=3, pixels=np.stack(frames))
    image = decode_dicom(content, "x.dcm")
    assert all(np.array_equal(image.frame(index), frame) for index, frame in enumerate(frames))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"BitsStored": 7, "HighBit": 6}, "grey of 7 bits"),
        ({"BitsAllocated": 32}, "in 32"),
        ({"Rows": 60000, "Columns": 60000}, "at most 64 megapixels"),
        ({"Rows": 8}, "at least 16×16"),
        ({"NumberOfFrames": 2_000_000}, "expected fewer"),
        ({"PhotometricInterpretation": "HSV"}, "'HSV'"),
        ({"Columns": None}, "Columns"),
        ({"Rows": 30}, "cannot be decoded"),
    ],
)
def test_what_contradicts_itself_or_is_not_taken_is_refused(make_object: Make, changes: Any, words: str) -> None:
    with pytest.raises(PictureError, match=words) as raised:
        decode_dicom(make_object(noise(20, 31, 12), bits=12, **changes), "x.dcm").frame(0)
    assert "x.dcm" in str(raised.value)


def test_a_value_beyond_its_bits_is_refused(make_object: Make) -> None:
    content = make_object(noise(20, 31, 12), bits=12, pixels=np.full((20, 31), 5000, np.uint16))
    with pytest.raises(PictureError, match="holds the value 5000, expected 0 to 4095"):
        decode_dicom(content, "x.dcm").frame(0)


def test_colour_of_16_bits_is_refused(make_object: Make) -> None:
    content = make_object(np.zeros((20, 31, 3), np.uint8), BitsAllocated=16, BitsStored=16, HighBit=15)
    with pytest.raises(PictureError, match="colour of 16 bits"):
        decode_dicom(content, "x.dcm")


def test_no_dicom_and_half_of_it(make_object: Make, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no DICOM file"):
        decode_dicom(b"\0" * 200, "x.dcm")
    content = make_object(noise(20, 31, 16))
    for end in range(132, len(content) - 2, 37):
        with pytest.raises(PictureError, match=r"x\.dcm"):
            decode_dicom(content[:end], "x.dcm").frame(0)
    with pytest.raises(PictureError, match="cannot be read"):
        read_dicom(tmp_path / "missing.dcm")


def test_a_deflated_bomb_is_refused_before_it_is_inflated(make_object: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    content = make_object(noise(20, 31, 16))
    end = 132 + 12 + struct.unpack_from("<I", content, 140)[0]
    meta = content[:end].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    length = struct.unpack_from("<I", meta, 140)[0]
    grown = len(meta) - end
    meta = meta[:140] + struct.pack("<I", length + grown) + meta[144:]
    meta = meta.replace(b"UI\x14\x001.2.840.10008.1.2.1.99", b"UI\x16\x001.2.840.10008.1.2.1.99")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    sound = meta + packer.compress(content[end:]) + packer.flush()
    assert np.array_equal(decode_dicom(sound, "x.dcm").frame(0), noise(20, 31, 16))
    monkeypatch.setattr("edgeenh.dicom.reading.MAX_INFLATED", 1000)
    with pytest.raises(PictureError, match="inflates to more than"):
        decode_dicom(sound, "x.dcm")


def test_the_size_that_a_codestream_claims() -> None:
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 20, 31) + b"\1\1\x11\0"
    assert size_in(jpeg) == (31, 20)
    j2k = b"\xff\x4f\xff\x51\x00\x29\0\0" + struct.pack(">4I", 131, 220, 100, 200)
    assert size_in(j2k) == (31, 20)
    assert size_in(b"\0\0\0\x0cjP  \r\n\x87\n" + b"x" * 30 + j2k) == (31, 20)
    assert size_in(b"") is size_in(b"\xff\xd8\xff") is size_in(b"RLE") is None


READABLE = {
    "CR-ModalitySequenceLUT", "dx_image", "CT_small", "JPEG-lossy", "MR_small_bigendian", "SC_ybr_full_422_uncompressed",
    "examples_jpeg2k", "examples_palette", "examples_rgb_color", "image_dfl", "JPEG2000Lossless__966_fixed",
    "JPEG2000Lossless__JPEG2KLossless_1s_1f_u_16_16", "JPEGLosslessSV1__RG2_JPLL", "LittleEndianExplicit__emri_small",
}  # fmt: skip
REFUSED = {
    "GH1376": "cannot be decoded",
    "GH340": "no DICOM file",
    "JPEGLSNearLossless_16": "10×50 pixels",
    "MR_truncated": "cannot be decoded",
    "SC_rgb_rle_16bit_2frame": "colour of 16 bits",
    "badVR": "NumberOfFrames",
    "waveform_ecg": "no picture",
    "JPEG2000Lossless__966": "cannot be decoded",
}


@pytest.mark.skipif(not (DATA / "dicom").is_dir(), reason="no real DICOM files: EDGEENH_DATA names their folder")
def test_every_real_file_is_read_or_refused_by_name() -> None:
    pytest.importorskip("gdcm", reason="python-gdcm is not installed (extra dicom)")
    files = {path.stem: path for path in (DATA / "dicom").rglob("*.dcm")}
    assert files.keys() == READABLE | REFUSED.keys()
    for name in READABLE:
        image = read_dicom(files[name])
        for index in range(image.header.frames):
            assert image.frame(index).shape[:2] == (image.header.height, image.header.width), name
    for name, words in REFUSED.items():
        with pytest.raises(PictureError, match=words):
            read_dicom(files[name]).frame(0)
