"""DICOM through a stream: files in, objects out, a sender on one side and an archive on the other."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeenh
from edgeenh.dicom import read_dicom
from edgeenh.dicom.network import Archive, send
from edgeenh.dicom.outbox import Outbox
from edgeenh.errors import JobFailed, SourceError, UsageError
from edgeenh.files import make_folder, replacing
from edgeenh.sinks import open_sink
from edgeenh.sources import open_source
from edgeenh.sources.dicom_listener import DicomListener
from edgeenh.stream.clock import MonotonicClock

from .conftest import noise

pydicom = pytest.importorskip("pydicom")
pytest.importorskip("pynetdicom")
Make = Callable[..., bytes]


def test_files_become_derived_images_and_the_broken_one_is_named(
    folder: Path, tmp_path: Path, enhancer: edgeenh.Enhancer
) -> None:
    sink = open_sink(f"dicom:{tmp_path / 'out'}")
    with edgeenh.Stream(str(folder), enhancer) as stream:
        for frame in stream:
            sink.write(frame)
        report = stream.report()
    sink.close()
    assert report["accounting"]["lost_upstream"] == {"unreadable": 1}
    assert any("2.dcm" in event["detail"] for event in report["events"])
    lines = [json.loads(line) for line in (tmp_path / "out" / "objects.jsonl").read_text().splitlines()]
    assert [line["status"] for line in lines] == ["enhanced", "enhanced"]
    for number, line in enumerate(lines):
        source, derived = read_dicom(folder / f"{number}.dcm"), read_dicom(tmp_path / "out" / line["objects"][0])
        expected = enhancer(source.frame(0), bits=source.header.bits)
        assert np.array_equal(derived.frame(0), expected)
        assert derived.dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == source.dataset.SOPInstanceUID
        assert list(derived.dataset.ImageType)[:2] == ["DERIVED", "SECONDARY"]


def test_a_single_file_without_suffix_and_strength_0_is_exact(
    tmp_path: Path, make_object: Make, enhancer: edgeenh.Enhancer
) -> None:
    picture = noise(32, 48, 12)
    (tmp_path / "IM0001").write_bytes(make_object(picture, "sc", 12, PhotometricInterpretation="MONOCHROME1"))
    sink = open_sink(f"dicom:{tmp_path / 'out'}")
    with edgeenh.Stream(str(tmp_path / "IM0001"), enhancer, strength=0.0) as stream:
        for frame in stream:
            sink.write(frame)
    written = next((tmp_path / "out").glob("*.dcm"))
    stored = pydicom.dcmread(written)
    assert stored.PhotometricInterpretation == "MONOCHROME1"
    assert np.array_equal(np.frombuffer(stored.PixelData, np.uint16).reshape(32, 48), picture)


def test_a_camera_frame_becomes_an_original_and_its_derived_image(
    tmp_path: Path, tiny_bundle_path: Path, make_picture: Any, verified: Callable[[bytes], list[str]]
) -> None:
    sink = open_sink(f"dicom:{tmp_path / 'out'}?class=xc&lossy=yes")
    frames = [make_picture(40, 60, 0), make_picture(40, 60, 1)]
    with edgeenh.load(tiny_bundle_path, backend="onnxruntime") as loaded, edgeenh.Stream(frames, loaded) as stream:
        for frame in stream:
            sink.write(frame)
    written = sorted((tmp_path / "out").glob("*.dcm"))
    assert [path.name.split("_")[1] for path in written] == ["enhanced.dcm", "original.dcm"] * 2
    derived, original = read_dicom(written[0]), read_dicom(written[1])
    assert np.array_equal(original.frame(0), frames[0])
    assert list(original.dataset.ImageType) == ["ORIGINAL", "PRIMARY"]
    assert list(derived.dataset.ImageType) == ["DERIVED", "PRIMARY"]
    assert derived.dataset.LossyImageCompression == original.dataset.LossyImageCompression == "01"
    assert derived.dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == original.dataset.SOPInstanceUID
    assert all(verified(path.read_bytes()) == [] for path in written)


def test_what_was_not_enhanced_becomes_no_derived_image(
    tmp_path: Path, make_picture: Any, scripted_failure: Any
) -> None:
    sink = open_sink(f"dicom:{tmp_path / 'out'}")
    with edgeenh.Stream([make_picture(40, 60)], scripted_failure) as stream:
        for frame in stream:
            assert not frame.enhanced
            sink.write(frame)
    assert [path.name.split("_")[1] for path in (tmp_path / "out").glob("*.dcm")] == ["original.dcm"]
    assert sink.notices[0].kind == "not_derived"


@pytest.fixture
def scripted_failure() -> Any:
    """An enhancer that fails on every frame."""

    class Failing:
        scale = 1

        def prepare(self, height: int, width: int) -> None: ...

        def enhance_into(self, image: Any, out: Any, strength: Any = None, **_: Any) -> None:
            raise edgeenh.InferenceFailed("the backend failed")

        def provenance(self, strength: Any = None) -> Any:
            raise AssertionError("nothing was made")

    return Failing()


def test_an_exposure_that_is_given_once_more_keeps_its_uids(
    folder: Path, tmp_path: Path, enhancer: edgeenh.Enhancer
) -> None:
    frames = []
    with edgeenh.Stream(str(folder / "0.dcm"), enhancer, mode="exposure", spool=tmp_path / "spool") as stream:
        frames.extend(stream)
    sink = open_sink(f"dicom:{tmp_path / 'out'}")
    for _ in range(2):
        sink.write(frames[0])
    again = open_sink(f"dicom:{tmp_path / 'again'}")
    again.write(frames[0])
    (one,), (two,) = ((tmp_path / name).glob("*.dcm") for name in ("out", "again"))
    assert frames[0].original.attributes
    for word in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        assert read_dicom(one).dataset[word] == read_dicom(two).dataset[word]


def test_an_exposure_without_an_object_keeps_its_uids_too(
    tmp_path: Path, enhancer: edgeenh.Enhancer, make_grey: Any
) -> None:
    from edgeenh.pictures import write_grey

    write_grey(tmp_path / "in" / "p.png", make_grey(32, 48))
    with edgeenh.Stream(str(tmp_path / "in"), enhancer, mode="exposure", spool=tmp_path / "spool") as stream:
        (frame,) = stream
    for name in ("one", "two"):
        open_sink(f"dicom:{tmp_path / name}").write(frame)
    for role in ("original", "enhanced"):
        (one,), (two,) = ((tmp_path / name).glob(f"*_{role}.dcm") for name in ("one", "two"))
        for word in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
            assert read_dicom(one).dataset[word] == read_dicom(two).dataset[word]


def test_what_is_sent_is_on_the_disk_before_the_answer_and_given_again_after_a_kill(
    listener: DicomListener, folder: Path, tmp_path: Path
) -> None:
    station = Archive("STATION", "127.0.0.1", listener.port)
    send(station, folder / "0.dcm")
    assert [path.name for path in (tmp_path / "inbox").glob("*.dcm")] == ["00000001.dcm"]
    frame = listener.read()
    assert frame is not None
    assert np.array_equal(frame.image, noise(32, 48, 12, 0))
    assert (frame.bits, frame.photometric, frame.label) == (12, "grey", "00000001.dcm")
    listener.close()  # as a kill would: the frame after it was never asked for
    with DicomListener(0, tmp_path / "inbox", MonotonicClock(), photometric="grey") as second:
        again = second.read()
        assert again is not None
        assert again.label == "00000001.dcm"
        threading.Timer(0.0, second.interrupt).start()
        assert second.read() is None  # and with that the first one is taken


def test_what_the_model_does_not_take_is_refused_to_the_sender(
    listener: DicomListener, make_object: Make, make_picture: Any, tmp_path: Path
) -> None:
    colour = tmp_path / "colour.dcm"
    colour.write_bytes(make_object(make_picture(20, 30), "xc"))
    with pytest.raises(JobFailed, match="A900H"):
        send(Archive("STATION", "127.0.0.1", listener.port), colour)
    assert listener.lost_upstream == {"refused": 1}
    assert "the model takes grey" in listener.notices[0].detail
    with pytest.raises(JobFailed, match="refuses"):
        send(Archive("OTHER", "127.0.0.1", listener.port), colour)  # a sender that means somebody else


def test_one_inbox_one_station(listener: DicomListener, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in use"):
        DicomListener(0, tmp_path / "inbox", MonotonicClock())
    with pytest.raises(UsageError, match=f"port {listener.port}"):
        DicomListener(listener.port, tmp_path / "second", MonotonicClock())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("dicom-listen:x?inbox=d", "has the port 'x'"),
        ("dicom-listen:11112", "has no inbox"),
        ("dicom-listen:11112?inbox=d&ae=much too long a title", "no AE title"),
        ("dicom-listen:11112?inbx=d", "is not an option"),
    ],
)
def test_listeners_that_are_not_understood(spec: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_source(spec, photometric="grey")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("dicom:", "expected dicom:FOLDER"),
        ("dicom://PACS@host:104", "has no outbox"),
        ("dicom://PACS@host?outbox=o", "is no archive"),
        ("dicom:out?class=ct", "are not made"),
        ("dicom:out?class=io", "in the context"),
        ("dicom:out?context=missing.dcm", "cannot be read"),
    ],
)
def test_sinks_that_are_not_understood(spec: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=words):
        open_sink(spec)


def test_a_folder_without_a_usable_object(tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(SourceError, match="none of the 2 DICOM files"):
        open_source(str(tmp_path))


def test_a_real_archive_takes_what_is_written(
    archive: tuple[Archive, Path], folder: Path, tmp_path: Path, enhancer: edgeenh.Enhancer
) -> None:
    address, received = archive
    outbox = tmp_path / "outbox"
    sink = open_sink(f"dicom://{address}?outbox={outbox}")
    with edgeenh.Stream(str(folder), enhancer) as stream:
        for frame in stream:
            sink.write(frame)
    sink.close()
    assert [notice.detail for notice in sink.notices] == []
    assert list(outbox.glob("*.dcm")) == []
    stored = sorted(received.iterdir())
    assert len(stored) == 2
    bits = {read_dicom(path).header.bits: read_dicom(path) for path in stored}
    for number, depth in enumerate((12, 16)):
        expected = enhancer(noise(32, 48, depth, number), bits=depth)
        assert np.array_equal(bits[depth].frame(0), expected)


def test_what_is_being_written_into_the_outbox_is_not_sent(archive: tuple[Archive, Path], tmp_path: Path) -> None:
    """Half an object would reach the archive, and the whole one would be gone when its writer names it."""
    address, received = archive
    outbox = Outbox(address, make_folder(tmp_path / "outbox"))
    with replacing(tmp_path / "outbox" / "1.dcm") as unfinished:
        unfinished.write_bytes(b"half")
        assert outbox.waiting() == []
        assert outbox.close() == []
        assert unfinished.read_bytes() == b"half"
    assert list(outbox.notices) == []
    assert list(received.iterdir()) == []
    assert outbox.waiting() == [tmp_path / "outbox" / "1.dcm"]


def test_what_cannot_be_sent_waits_and_is_told(
    folder: Path, tmp_path: Path, enhancer: edgeenh.Enhancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody answers
        taken.bind(("127.0.0.1", 0))
        sink = open_sink(f"dicom://PACS@127.0.0.1:{taken.getsockname()[1]}?outbox={tmp_path / 'outbox'}")
        with edgeenh.Stream(str(folder / "0.dcm"), enhancer) as stream:
            for frame in stream:
                sink.write(frame)
        sink.close()
    assert len(list((tmp_path / "outbox").glob("*.dcm"))) == 1
    assert [notice.kind for notice in sink.notices] == ["not_sent", "not_sent"]
    assert "the next run sends them" in sink.notices[-1].detail
