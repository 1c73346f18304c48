"""What is written, in a real archive: Orthanc takes it and gives it back bit for bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import edgeenh
from edgeenh.dicom import read_dicom
from edgeenh.dicom.names import is_dicom_file
from edgeenh.dicom.network import Archive
from edgeenh.sinks import open_sink

from .conftest import free_port, noise, serving

pytest.importorskip("pynetdicom")


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[tuple[Archive, Path]]:
    """Orthanc on a free port, and the folder where it keeps what it has taken."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if program is None:
        pytest.skip("Orthanc is not installed (Debian: orthanc)")
    kept = tmp_path / "orthanc"
    kept.mkdir()
    port = free_port()
    settings = {
        "StorageDirectory": str(kept), "IndexDirectory": str(kept), "HttpServerEnabled": False, "DicomPort": port,
        "DicomAet": "ORTHANC", "DicomCheckCalledAet": True, "Plugins": [],
    }  # fmt: skip
    (tmp_path / "orthanc.json").write_text(json.dumps(settings))
    with serving([program, str(tmp_path / "orthanc.json")], port):
        yield Archive("ORTHANC", "127.0.0.1", port), kept


def test_orthanc_takes_what_is_written(
    orthanc: tuple[Archive, Path], folder: Path, tmp_path: Path, enhancer: edgeenh.Enhancer
) -> None:
    address, kept = orthanc
    sink = open_sink(f"dicom://{address}?outbox={tmp_path / 'outbox'}")
    with edgeenh.Stream(str(folder), enhancer) as stream, sink:
        for frame in stream:
            sink.write(frame)
    assert [notice.detail for notice in sink.notices] == []
    assert list((tmp_path / "outbox").glob("*.dcm")) == []
    stored = {image.header.bits: image for image in map(read_dicom, filter(is_dicom_file, kept.rglob("*")))}
    assert set(stored) == {12, 16}
    for number, depth in enumerate((12, 16)):
        expected = enhancer(noise(32, 48, depth, number), bits=depth)
        assert np.array_equal(stored[depth].frame(0), expected)
        assert list(stored[depth].dataset.ImageType)[:2] == ["DERIVED", "SECONDARY"]
