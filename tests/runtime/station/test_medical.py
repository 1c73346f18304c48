"""Grey pictures of 8 and 16 bits and DICOM objects over HTTP: the same type out, and clear answers to what is wrong."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")

import pydicom
from pydicom.dataset import FileMetaDataset

from edgeenh.config.tables import Model
from edgeenh.dicom import decode_dicom
from edgeenh.dicom.derived import new_uid
from edgeenh.errors import WorkerFailed
from edgeenh.frames import PassthroughReason
from edgeenh.pictures import decode_grey, encode_frame
from edgeenh.station.pictures import SeriesBook

from .conftest import Reply, Running, Start

DICOM = "application/dicom"


@pytest.fixture
def grey(start: Start, grey_bundle_path: Path) -> Running:
    return start(Model(bundle=grey_bundle_path, backend="onnxruntime", precision="fp32", in_process=True, threads=1))


def post(running: Running, body: bytes, kind: str = DICOM, query: str = "") -> Reply:
    return running.ask("POST", f"/v1/enhance{query}", body, Content_Type=kind)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("kind", "suffix"), [("png", ".png"), ("tiff", ".tif")])
def test_a_grey_picture_keeps_its_depth(
    grey: Running, kind: str, suffix: str, bits: int, make_grey: Any, grey_brightened: Any
) -> None:
    picture = make_grey(40, 56, bits)
    reply = post(grey, encode_frame(picture, suffix), f"image/{kind}")
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == f"image/{kind}"
    out = decode_grey(reply.body, "out")
    assert out.dtype == picture.dtype
    assert np.abs(out.astype(int) - grey_brightened(picture)).max() <= 1
    same = post(grey, encode_frame(picture, suffix), f"image/{kind}", "?strength=0")
    assert np.array_equal(decode_grey(same.body, "same"), picture)


def test_twelve_bits_in_sixteen_are_said_by_the_client(grey: Running, make_grey: Any, grey_brightened: Any) -> None:
    picture = (make_grey(40, 56, 16) >> 4).astype(np.uint16)
    reply = post(grey, encode_frame(picture, ".png"), "image/png", "?bits=12")
    assert np.abs(decode_grey(reply.body, "out").astype(int) - grey_brightened(picture, bits=12)).max() <= 1
    full = encode_frame(make_grey(40, 56, 16), ".png")
    beyond = post(grey, full, "image/png", "?bits=12")
    assert beyond.status in (400, 422)
    assert "12 bits" in beyond.json["error"]


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_an_object_comes_back_as_a_derived_object(
    grey: Running, bits: int, make_grey: Any, grey_brightened: Any, dicom_of: Any
) -> None:
    picture = make_grey(40, 56, 16) >> (16 - bits) if bits > 8 else make_grey(40, 56, 8)
    body = dicom_of(picture, bits)
    reply = post(grey, body)
    assert reply.status == 200, reply.body
    assert (reply.headers["content-type"], reply.headers["x-edgeenh-status"]) == (DICOM, "ENHANCED")
    assert reply.headers["x-edgeenh-bundle-sha256"] == grey.station.model.bundle.sha256
    source, derived = decode_dicom(body, "source"), decode_dicom(reply.body, "derived")
    assert derived.header.bits == bits
    assert np.abs(derived.frame(0).astype(int) - grey_brightened(picture, bits=bits)).max() <= 1
    assert derived.dataset.SOPInstanceUID != source.dataset.SOPInstanceUID
    assert derived.dataset.SeriesInstanceUID != source.dataset.SeriesInstanceUID
    assert derived.dataset.ImageType[:2] == ["DERIVED", "SECONDARY"]
    assert derived.dataset.SourceImageSequence[-1].ReferencedSOPInstanceUID == source.dataset.SOPInstanceUID
    assert derived.dataset.PatientID == "4711"
    assert grey.station.model.bundle.sha256 in derived.dataset.DerivationDescription


def test_objects_of_a_series_stay_one_series_and_get_another_for_another_strength(
    grey: Running, make_grey: Any, dicom_of: Any
) -> None:
    uid = new_uid()
    first, second = (dicom_of(make_grey(40, 56, 8), SeriesInstanceUID=uid, InstanceNumber=n) for n in (1, 2))

    def series(body: bytes, query: str = "") -> str:
        return str(decode_dicom(post(grey, body, query=query).body, "derived").dataset.SeriesInstanceUID)

    assert series(first) == series(second)
    assert series(first) != series(first, "?strength=0.5")
    other = dicom_of(make_grey(40, 56, 8))
    assert series(other) != series(first)


def test_series_of_nobody_are_never_put_together_and_old_ones_are_forgotten() -> None:
    numbers = iter(range(100))
    book = SeriesBook(lambda: str(next(numbers)), kept=2)
    assert book.of("", "m") != book.of("", "m")
    first = book.of("a", "m")
    assert book.of("a", "m") == first
    book.of("b", "m")
    book.of("c", "m")
    assert book.of("a", "m") != first


def test_every_frame_of_an_object_is_enhanced(
    grey: Running, make_grey: Any, grey_brightened: Any, dicom_of: Any
) -> None:
    frames = [np.roll(make_grey(40, 56, 8), 5 * n, axis=1) for n in range(3)]
    derived = decode_dicom(post(grey, dicom_of(frames[0], 8, *frames[1:])).body, "derived")
    assert derived.header.frames == 3
    for index, frame in enumerate(frames):
        assert np.abs(derived.frame(index).astype(int) - grey_brightened(frame)).max() <= 1


def test_colour_objects_go_through_a_colour_bundle(running: Running, make_picture: Any, dicom_of: Any) -> None:
    picture = make_picture(40, 56)
    reply = post(running, dicom_of(picture), query="?strength=0")
    assert reply.status == 200, reply.body
    assert np.array_equal(decode_dicom(reply.body, "derived").frame(0), picture)


def test_the_other_kind_is_refused_before_anything_is_decoded(
    grey: Running, running: Running, make_grey: Any, make_picture: Any, dicom_of: Any
) -> None:
    for where, body, kind in (
        (grey, encode_frame(make_picture(40, 56), ".png"), "image/png"),
        (grey, encode_frame(make_picture(40, 56), ".tif"), "image/tiff"),
        (grey, dicom_of(make_picture(40, 56)), DICOM),
        (running, encode_frame(make_grey(40, 56, 16), ".png"), "image/png"),
        (running, dicom_of(make_grey(40, 56, 8)), DICOM),
    ):
        reply = post(where, body, kind)
        assert reply.status == 422, reply.body
        assert "\n" not in reply.json["error"]


def test_a_grey_jpeg_is_told_what_to_send(grey: Running, make_grey: Any) -> None:
    jpeg = bytes(cv2.imencode(".jpg", make_grey(40, 56, 8))[1])
    reply = post(grey, jpeg, "image/jpeg")
    assert (reply.status, "PNG or TIFF" in reply.json["error"]) == (415, True)


def deflated(inflated: int) -> bytes:
    """A deflated DICOM file that inflates to so many bytes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", new_uid()
    meta.TransferSyntaxUID, meta.ImplementationClassUID = "1.2.840.10008.1.2.1.99", new_uid()
    buffer = io.BytesIO()
    pydicom.filewriter.write_file_meta_info(buffer, meta)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, inflated)
    return b"\0" * 128 + b"DICM" + buffer.getvalue() + packer.compress(head + bytes(inflated)) + packer.flush()


def test_bad_objects_are_refused_in_one_line(
    start: Start, grey_bundle_path: Path, make_grey: Any, dicom_of: Any
) -> None:
    model = Model(bundle=grey_bundle_path, backend="onnxruntime", precision="fp32", in_process=True, threads=1)
    grey = start(model, megapixels=0.01)
    body = dicom_of(make_grey(40, 56, 8))
    png = encode_frame(make_grey(40, 56, 8), ".png")
    bad = [
        (body[:100], 415), (body[:140], 422), (body[: len(body) // 2], 422), (body[:-50], 422),
        (b"", 415), (png, 415), (b"\0" * 128 + b"DICM" + b"\xff" * 400, 422), (deflated(100_000_000), 422),
        (dicom_of(make_grey(128, 128, 8)), 422),
        (dicom_of(make_grey(40, 56, 8), 8, *[make_grey(40, 56, 8)] * 5), 422),
        (dicom_of(make_grey(40, 56, 8), Rows=60_000, Columns=60_000), 422),
        (dicom_of(make_grey(40, 56, 8), Rows=40, Columns=60), 422),
    ]  # fmt: skip
    for number, (content, status) in enumerate(bad):
        reply = post(grey, content)
        assert reply.status == status, (number, reply.body)
        assert "\n" not in reply.json["error"]
    assert post(grey, body, "image/png").status in (415, 422)
    assert post(grey, body, query="?bits=12").status == 422
    assert post(grey, body, f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.1").status == 200


def test_a_model_that_fails_on_an_object(
    grey: Running, monkeypatch: pytest.MonkeyPatch, make_grey: Any, dicom_of: Any
) -> None:
    def fail(*_arguments: Any) -> Any:
        raise WorkerFailed("the worker died", PassthroughReason.WORKER_DIED)

    monkeypatch.setattr(grey.station.model, "enhance", fail)
    body = dicom_of(make_grey(40, 56, 8))
    assert post(grey, body).status == 503
    reply = post(grey, body, query="?on_failure=passthrough")
    assert (reply.status, reply.body, reply.headers["x-edgeenh-status"]) == (200, body, "PASSTHROUGH")


def test_an_object_is_of_one_model(
    grey: Running, monkeypatch: pytest.MonkeyPatch, make_grey: Any, dicom_of: Any
) -> None:
    enhance: Callable[..., Any] = grey.station.model.enhance
    count = 0

    def changing(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        image, made = enhance(*arguments)
        return image, replace(made, bundle_sha256=str(count))

    monkeypatch.setattr(grey.station.model, "enhance", changing)
    picture = make_grey(40, 56, 8)
    reply = post(grey, dicom_of(picture, 8, picture))
    assert (reply.status, "changed between two frames" in reply.json["error"]) == (503, True)


def test_no_file_is_left_of_an_object(
    start: Start, grey_bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_grey: Any, dicom_of: Any
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    model = Model(bundle=grey_bundle_path, backend="onnxruntime", precision="fp32", in_process=True, threads=1)
    grey = start(model)
    body = dicom_of(make_grey(480, 500, 16), 16)
    for _ in range(3):
        assert post(grey, body).status == 200
    assert list(temporary.iterdir()) == []
