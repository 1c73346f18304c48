"""The storage server and its inbox: several senders at once, a disk that refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeenh.dicom.inbox import Inbox
from edgeenh.dicom.network import Archive, send
from edgeenh.sources.dicom_listener import DicomListener
from edgeenh.stream.clock import MonotonicClock

from .conftest import noise

pydicom, pynetdicom = pytest.importorskip("pydicom"), pytest.importorskip("pynetdicom")
SENDERS, EACH = 6, 4


def _at_once(work: Callable[[int], object]) -> None:
    """Call `work` with 0…SENDERS-1, all at the same moment."""
    together = threading.Barrier(SENDERS)
    failures: list[BaseException] = []

    def run(index: int) -> None:
        try:
            together.wait(20)
            work(index)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def _store(port: int, path: Path) -> None:
    """One association of a sender's own, and one object."""
    dataset = pydicom.dcmread(path)
    entity = pynetdicom.AE(ae_title="SENDER")
    entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", port, ae_title="STATION")
    assert association.send_c_store(dataset).Status == 0
    association.release()


def test_objects_that_come_at_once_get_names_of_their_own(tmp_path: Path) -> None:
    inbox, named = Inbox(tmp_path), dict[Path, bytes]()

    def add(sender: int) -> None:
        for number in range(EACH):
            content = f"{sender} {number}".encode()
            named[inbox.add(content)] = content

    _at_once(add)
    inbox.close()
    assert len(named) == SENDERS * EACH
    assert {path: path.read_bytes() for path in named} == named
    assert sorted(named) == inbox.waiting()


def test_senders_at_once_lose_no_object_and_each_comes_once(
    listener: DicomListener, make_object: Callable[..., bytes], tmp_path: Path
) -> None:
    pictures = [noise(32, 48, 12, seed) for seed in range(SENDERS)]
    for number, picture in enumerate(pictures):
        (tmp_path / f"{number}.dcm").write_bytes(make_object(picture, "io", 12))
    _at_once(lambda sender: _store(listener.port, tmp_path / f"{sender}.dcm"))
    enough = threading.Timer(20, listener.interrupt)  # one that was lost is never read
    enough.start()
    frames: list[Any] = [listener.read() for _ in pictures]
    enough.cancel()
    assert None not in frames
    assert len({frame.label for frame in frames}) == SENDERS
    for picture in pictures:
        assert sum(np.array_equal(frame.image, picture) for frame in frames) == 1
    assert listener.lost_upstream == {}


def test_where_what_is_done_cannot_be_noted_frames_go_on_and_it_is_told(
    listener: DicomListener, folder: Path, tmp_path: Path
) -> None:
    station = Archive("STATION", "127.0.0.1", listener.port)
    for name in ("0.dcm", "1.dcm"):
        send(station, folder / name)
    (tmp_path / "inbox" / "taken").rmdir()  # as a disk that became read-only: the object cannot be moved
    first, second = listener.read(), listener.read()
    assert first is not None
    assert second is not None
    assert (first.label, second.label) == ("00000001.dcm", "00000002.dcm")
    assert [notice.kind for notice in listener.notices] == ["not_taken"]
    assert "given once more at the next start" in listener.notices[0].detail


def test_what_a_killed_process_had_half_written_is_removed(tmp_path: Path) -> None:
    Inbox(tmp_path).close()
    half = tmp_path / ".00000001.0123456789ab.part.dcm"
    half.write_bytes(b"half")
    with DicomListener(0, tmp_path, MonotonicClock()) as source:
        assert not half.exists()
        assert source.lost_upstream == {}
