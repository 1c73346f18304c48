"""Objects of many frames in a stream: every frame comes out, and says which it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeenh
from edgeenh.dicom import read_dicom
from edgeenh.dicom.network import Archive, send
from edgeenh.sinks import open_sink
from edgeenh.sources.dicom_listener import DicomListener

from .conftest import noise

PICTURES = [noise(32, 48, 8, seed) for seed in (0, 1, 1)]  # two hold the same pixels


@pytest.fixture
def many(tmp_path: Path, make_object: Callable[..., bytes]) -> Path:
    """A multi-frame grey object, whose frames follow each other in time."""
    path = tmp_path / "many.dcm"
    path.write_bytes(
        make_object(
            PICTURES[0],
            "sc",
            8,
            pixels=np.stack(PICTURES),
            SOPClassUID="1.2.840.10008.5.1.4.1.1.7.2",
            NumberOfFrames=3,
            FrameIncrementPointer=[0x00181065],
            FrameTimeVector=[0, 40, 40],
        )
    )
    return path


def _written(source: Any, enhancer: edgeenh.Enhancer, out: Path, **options: Any) -> list[Any]:
    sink = open_sink(f"dicom:{out}")
    with edgeenh.Stream(source, enhancer, strength=0.0, **options) as stream, sink:
        for frame in stream:
            sink.write(frame)
        assert stream.report()["accounting"]["captured"] == len(PICTURES)
    return [read_dicom(path) for path in sorted(out.glob("*_enhanced.dcm"))]


@pytest.mark.parametrize("mode", ["offline", "exposure"])
def test_every_frame_becomes_a_derived_image_that_names_it(
    many: Path, tmp_path: Path, enhancer: edgeenh.Enhancer, verified: Callable[[bytes], list[str]], mode: str
) -> None:
    options = {"mode": mode, "spool": tmp_path / "spool"} if mode == "exposure" else {}
    written = _written(str(many), enhancer, tmp_path / "out", **options)
    assert len({image.dataset.SOPInstanceUID for image in written}) == len(PICTURES)
    assert len({image.dataset.SeriesInstanceUID for image in written}) == 1
    source, before = read_dicom(many), verified(many.read_bytes())
    for number, (image, picture) in enumerate(zip(written, PICTURES, strict=True), start=1):
        assert image.header.frames == 1
        assert np.array_equal(image.frame(0), picture)
        (origin,) = image.dataset.SourceImageSequence
        assert origin.ReferencedSOPInstanceUID == source.dataset.SOPInstanceUID
        assert (origin.ReferencedFrameNumber, image.dataset.InstanceNumber) == (number, number)
        assert not {"FrameTimeVector", "FrameIncrementPointer", "FrameExtractionSequence"} & set(image.dataset.dir())
    path = sorted((tmp_path / "out").glob("*.dcm"))[1]
    assert set(verified(path.read_bytes())) <= set(before)


def test_every_frame_that_is_sent_comes(listener: DicomListener, many: Path) -> None:
    send(Archive("STATION", "127.0.0.1", listener.port), many)
    frames = [listener.read() for _ in PICTURES]
    for number, (frame, picture) in enumerate(zip(frames, PICTURES, strict=True), start=1):
        assert frame is not None
        assert frame.label == f"00000001.dcm#{number}"
        assert np.array_equal(frame.image, picture)
