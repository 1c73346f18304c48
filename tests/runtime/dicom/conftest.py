"""Small DICOM objects, made here: a sensor's picture of 8 to 16 bits, and a camera's in colour."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")

import edgeenh  # noqa: E402
from edgeenh.dicom.derived import Making, new_uid  # noqa: E402
from edgeenh.dicom.network import Archive  # noqa: E402
from edgeenh.dicom.original import Session, header_of, original_object  # noqa: E402
from edgeenh.dicom.storing import to_bytes  # noqa: E402
from edgeenh.frames import Provenance  # noqa: E402
from edgeenh.sources.dicom_listener import DicomListener  # noqa: E402
from edgeenh.stream.clock import MonotonicClock  # noqa: E402

NOW = datetime(2026, 11, 27, 9, 30, 0)
DATA = Path(os.environ.get("EDGEENH_DATA", Path(__file__).parents[4] / "shared" / "data"))


def _item(value: str, meaning: str) -> Any:
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


@pytest.fixture
def context() -> Any:
    """What a practice software gives with an intra-oral exposure."""
    dataset = pydicom.Dataset()
    dataset.PatientName, dataset.PatientID, dataset.Manufacturer = "Test^Anna", "4711", "Sensor maker"
    dataset.StudyInstanceUID, dataset.StudyID = new_uid(), "1"
    dataset.ImagerPixelSpacing = [0.02, 0.02]
    dataset.PatientOrientation, dataset.ImageLaterality = ["A", "F"], "R"
    dataset.AnatomicRegionSequence = [_item("661005", "Jaw region")]
    dataset.PrimaryAnatomicStructureSequence = [_item("42868002", "Mandibular right third molar tooth")]
    return dataset


@pytest.fixture
def make_object(context: Any) -> Callable[..., bytes]:
    """The content of a DICOM file with `image`, changed by keywords; `pixels` replaces the stored values."""

    def make(image: Any, kind: str = "sc", bits: int = 0, pixels: Any = None, **changes: Any) -> bytes:
        photometric = "RGB" if image.ndim == 3 else "grey"
        header = header_of(image, photometric, bits or 8 * image.dtype.itemsize)
        dataset = original_object(image, header, Session(kind, context, new_uid(), new_uid()), 1, new_uid(), NOW)
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        if pixels is not None:
            dataset.PixelData = pixels.tobytes()
        return to_bytes(dataset)

    return make


@pytest.fixture
def making() -> Making:
    provenance = Provenance("a" * 64, "b" * 64, "onnxruntime", "CPUExecutionProvider", "fp32", 0.5, "xray-n 1")
    return Making(provenance, inline=True, now=NOW, new_uid=new_uid, series=new_uid())


@pytest.fixture
def verified(tmp_path: Path) -> Callable[[bytes], list[str]]:
    """The errors that `dciodvfy` finds."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")

    def verify(content: bytes) -> list[str]:
        path = tmp_path / "verified.dcm"
        path.write_bytes(content)
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, check=False)
        lines = (done.stdout + done.stderr).decode("latin-1").splitlines()
        assert lines, "dciodvfy said nothing"
        return [line for line in lines if line.startswith("Error")]

    return verify


@pytest.fixture
def enhancer(grey_bundle_path: Path) -> Iterator[edgeenh.Enhancer]:
    with edgeenh.load(grey_bundle_path, backend="onnxruntime", precision="fp32") as loaded:
        yield loaded


@pytest.fixture
def folder(tmp_path: Path, make_object: Callable[..., bytes]) -> Path:
    """Two sound objects and a broken one; one of them has no suffix that says DICOM."""
    place = tmp_path / "in"
    place.mkdir()
    for number, bits in enumerate((12, 16)):
        (place / f"{number}.dcm").write_bytes(make_object(noise(32, 48, bits, number), "io", bits))
    (place / "2.dcm").write_bytes((place / "0.dcm").read_bytes()[:2000])
    return place


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[DicomListener]:
    pytest.importorskip("pynetdicom")
    source = DicomListener(0, tmp_path / "inbox", MonotonicClock(), ae_title="STATION", photometric="grey")
    yield source
    source.interrupt()
    source.close()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[tuple[Archive, Path]]:
    """DCMTK's storage server."""
    if shutil.which("storescp") is None:
        pytest.skip("storescp is not installed (Debian: dcmtk)")
    received = tmp_path / "archive"
    received.mkdir()
    port = free_port()
    with serving(["storescp", "--output-directory", str(received), "--aetitle", "PACS", str(port)], port):
        yield Archive("PACS", "127.0.0.1", port), received


def free_port() -> int:
    """A port of the loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serving(command: Sequence[str], port: int) -> Iterator[None]:
    """A server that listens on a port, and is killed at the end."""
    server = subprocess.Popen(command)
    try:
        _await_listening(server, port)
        yield
    finally:
        server.kill()
        server.wait()


def _await_listening(server: subprocess.Popen[bytes], port: int) -> None:
    """Until somebody listens there; a fast machine is refused a thousand times before a server has started."""
    latest = time.monotonic() + 60.0
    while True:
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < latest, "nobody listens"
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"the server ended with {server.wait(0.02)}")


def noise(height: int, width: int, bits: int, seed: int = 0) -> Any:
    """A picture that uses every bit, its extremes among them."""
    values = np.random.default_rng(seed).integers(0, 1 << bits, (height, width))
    values[0, 0], values[0, 1] = 0, (1 << bits) - 1
    return values.astype(np.uint8 if bits == 8 else np.uint16)
