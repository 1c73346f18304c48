"""`edgeenh enhance` over an archive: folders in folders, DICOM, a second run, metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeenh.picture_metadata import Metadata, encode_with, read_metadata, upright
from edgeenh.pictures import read_grey, read_picture, write_grey

Run = Callable[..., Any]


@pytest.fixture
def model(grey_bundle_path: Path) -> list[object]:
    return ["--model", grey_bundle_path, "--backend", "onnxruntime", "--precision", "fp32"]


@pytest.fixture
def archive(tmp_path: Path, make_grey: Callable[..., Any]) -> Path:
    """Two patients' folders, and files that are none of ours."""
    folder = tmp_path / "archive"
    write_grey(folder / "anna" / "p.png", make_grey(40, 50))
    write_grey(folder / "ben" / "p.tif", make_grey(44, 52))
    write_grey(folder / ".trash" / "p.png", make_grey(44, 52))
    (folder / "notes.txt").write_text("not a picture")
    return folder


def test_folders_in_folders_are_kept(edgeenh: Run, archive: Path, tmp_path: Path, model: list[object]) -> None:
    done = edgeenh("enhance", archive, *model, "--out", tmp_path / "out", "--strength", "0")
    assert (done.code, done.err) == (0, "")
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")) == [
        "anna/p.png", "ben/p.png", "enhanced.jsonl",
    ]  # fmt: skip
    assert np.array_equal(read_grey(tmp_path / "out" / "ben" / "p.png"), read_grey(archive / "ben" / "p.tif"))


def test_a_second_run_does_what_is_missing_changed_or_damaged(
    edgeenh: Run, archive: Path, tmp_path: Path, model: list[object], make_grey: Callable[..., Any]
) -> None:
    out = tmp_path / "out"

    def counts(*more: object) -> tuple[int, int]:
        done = edgeenh("enhance", archive, *model, "--out", out, "--json", "-", *more)
        assert done.code == 0
        return done.document["counts"]["enhanced"], done.document["counts"]["done_before"]

    assert counts() == (2, 0)
    assert counts() == (0, 2)
    assert counts("--strength", "0.5") == (2, 0)  # other settings, other pictures
    assert counts("--strength", "0.5") == (0, 2)
    write_grey(archive / "anna" / "p.png", make_grey(40, 50, 8))  # another input under the same name
    assert counts("--strength", "0.5") == (1, 1)
    (out / "ben" / "p.png").write_bytes(b"damaged")
    assert counts("--strength", "0.5") == (1, 1)
    with (out / "enhanced.jsonl").open("a") as file:
        file.write('{"output": "anna/p.png", "cut')  # as a full disk leaves it
    assert counts("--strength", "0.5") == (0, 2)
    assert counts("--strength", "0.5", "--again") == (2, 0)
    line = json.loads((out / "enhanced.jsonl").read_text().splitlines()[0])
    assert line["provenance"]["strength"] == 1.0


def test_dicom_becomes_derived_objects_with_all_their_frames(edgeenh: Run, tmp_path: Path, model: list[object]) -> None:
    pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")
    from edgeenh.dicom import read_dicom
    from edgeenh.dicom.context import empty_context
    from edgeenh.dicom.derived import new_uid
    from edgeenh.dicom.original import Session, header_of, original_object
    from edgeenh.dicom.storing import to_bytes

    frames = np.random.default_rng(0).integers(0, 4096, (3, 32, 48)).astype(np.uint16)
    session = Session("sc", empty_context(), new_uid(), new_uid())
    from datetime import datetime

    dataset = original_object(frames[0], header_of(frames[0], "grey", 12), session, 1, new_uid(), datetime(2026, 1, 2))
    dataset.NumberOfFrames, dataset.PixelData = 3, frames.tobytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(to_bytes(dataset))
    (tmp_path / "in" / "broken.dcm").write_bytes(to_bytes(dataset)[:3000])
    done = edgeenh(
        "enhance", tmp_path / "in", *model, "--out", tmp_path / "out", "--strength", "0", "--json", tmp_path / "r.json"
    )
    assert done.code == 1
    assert "broken.dcm" in done.err
    assert json.loads((tmp_path / "r.json").read_text())["pictures"][0]["frames"] == 3
    image = read_dicom(tmp_path / "out" / "a.dcm")
    assert all(np.array_equal(image.frame(index), frame) for index, frame in enumerate(frames))
    assert list(image.dataset.ImageType)[:2] == ["DERIVED", "SECONDARY"]
    assert pydicom.dcmread(tmp_path / "out" / "a.dcm").NumberOfFrames == 3


EXIF = (
    b"MM\0*\0\0\0\x08\0\x02"
    b"\x01\x0f\0\x02\0\0\0\x06\0\0\0\x26"
    b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    b"\0\0\0\0Maker\0"
)  # fmt: skip
"""Make = "Maker", orientation 6 (to be turned by 90°)."""


def _profile(space: bytes) -> bytes:
    """The smallest colour profile that libpng lets pass: a header (ICC.1, 7.2) and one tag."""
    header = bytearray(144) + bytearray(range(256))
    header[0:4] = (400).to_bytes(4, "big")
    header[128:144] = b"\0\0\0\1cprt" + (144).to_bytes(4, "big") + (256).to_bytes(4, "big")
    header[144:148] = b"text"
    header[8:12], header[12:16], header[16:20], header[20:24] = b"\4\0\0\0", b"mntr", space, b"XYZ "
    header[36:40] = b"acsp"
    header[68:80] = bytes.fromhex("0000f6d6000100000000d32d")  # D50
    return bytes(header)


PROFILE, GREY_PROFILE = _profile(b"RGB "), _profile(b"GRAY")


def test_exif_and_profile_are_kept_and_nothing_is_turned_twice(
    edgeenh: Run, tmp_path: Path, tiny_bundle_path: Path, make_picture: Any
) -> None:
    picture = make_picture(30, 44)
    kinds = [cv2.IMAGE_METADATA_EXIF, cv2.IMAGE_METADATA_ICCP]
    blocks = [np.frombuffer(EXIF, np.uint8), np.frombuffer(PROFILE, np.uint8)]
    written, content = cv2.imencodeWithMetadata(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), kinds, blocks)
    assert written
    (tmp_path / "turned.png").write_bytes(content.tobytes())
    model = ["--model", tiny_bundle_path, "--backend", "fake"]
    done = edgeenh("enhance", tmp_path / "turned.png", *model, "--strength", "0", "--out", tmp_path / "out")
    assert done.code == 0
    metadata = read_metadata((tmp_path / "out" / "turned.png").read_bytes())
    assert metadata.icc == PROFILE
    assert b"Maker" in metadata.exif
    assert metadata.exif == upright(EXIF) != EXIF
    assert np.array_equal(read_picture(tmp_path / "out" / "turned.png"), np.rot90(picture, -1))


def test_a_profile_out_of_a_16_bit_tiff(tmp_path: Path, make_grey: Callable[..., Any]) -> None:
    write_grey(tmp_path / "p.tif", make_grey(20, 24))
    data = bytearray((tmp_path / "p.tif").read_bytes())
    assert read_metadata(bytes(data)) == Metadata()
    order, start = ("<" if data[:2] == b"II" else ">"), len(data)
    import struct

    old = struct.unpack_from(order + "I", data, 4)[0]
    count = struct.unpack_from(order + "H", data, old)[0]
    entries = data[old + 2 : old + 2 + 12 * count] + struct.pack(
        order + "HHII", 34675, 7, len(PROFILE), start + 2 + 12 * (count + 1) + 4
    )
    data += struct.pack(order + "H", count + 1) + entries + b"\0\0\0\0" + PROFILE
    struct.pack_into(order + "I", data, 4, start)
    assert read_metadata(bytes(data)).icc == PROFILE


def test_metadata_that_is_none() -> None:
    assert upright(b"") == upright(b"II*\0") == upright(b"XX" + bytes(40)) == b""
    assert read_metadata(b"no picture") == Metadata()


def test_16_bits_stay_with_their_metadata(make_grey: Callable[..., Any], tmp_path: Path) -> None:
    picture = make_grey(20, 24)
    (tmp_path / "p.png").write_bytes(encode_with(picture, Metadata(icc=GREY_PROFILE), "p"))
    assert np.array_equal(read_grey(tmp_path / "p.png"), picture)
    assert read_metadata((tmp_path / "p.png").read_bytes()).icc == GREY_PROFILE


def test_dicom_of_one_stem_becomes_objects_of_their_own(
    edgeenh: Run, tmp_path: Path, model: list[object], make_grey: Callable[..., Any], dicom_of: Callable[..., bytes]
) -> None:
    pytest.importorskip("pydicom")
    from edgeenh.dicom import read_dicom

    names = {"1.2.1": "1.2.1.dcm", "1.2.2": "1.2.2.dcm", "a.dcm": "a.dcm", "a.dicom": "a.dicom.dcm"}
    (tmp_path / "in").mkdir()
    for number, name in enumerate(names):
        (tmp_path / "in" / name).write_bytes(dicom_of(make_grey(20 + number, 24, 12), 12))
    files = [tmp_path / "in" / name for name in names]
    words = ("enhance", *files, *model, "--strength", "0", "--out", tmp_path / "out", "--json", "-")
    assert edgeenh(*words).document["counts"]["enhanced"] == len(names)
    for name, result in names.items():
        assert np.array_equal(
            read_dicom(tmp_path / "out" / result).frame(0), read_dicom(tmp_path / "in" / name).frame(0)
        )
    assert edgeenh(*words).document["counts"]["done_before"] == len(names)
