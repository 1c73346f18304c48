"""What waits for an archive: one object that is refused keeps no other back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeenh.dicom import read_dicom
from edgeenh.dicom.network import Archive
from edgeenh.dicom.outbox import Outbox
from edgeenh.files import make_folder

from .conftest import noise

pytest.importorskip("pynetdicom")


def test_what_is_no_object_stays_named_and_the_others_are_sent(
    archive: tuple[Archive, Path], tmp_path: Path, make_object: Callable[..., bytes]
) -> None:
    address, received = archive
    folder = make_folder(tmp_path / "outbox")
    for number in range(4):
        (folder / f"{number}.dcm").write_bytes(b"nothing" if number < 3 else make_object(noise(32, 48, 12), "io", 12))
    first = Outbox(address, folder)
    first.close()
    second = Outbox(address, folder)  # three refusals in a row ended the first look; the next one goes on
    second.added()
    left = [path.name for path in second.close()]
    assert [read_dicom(path).header.bits for path in received.iterdir()] == [12]
    assert left == ["0.dcm", "1.dcm", "2.dcm"]
    told = [notice.detail for notice in (*first.notices, *second.notices)]
    assert all(any(f"{number}.dcm is no DICOM object" in detail for detail in told) for number in range(3))


def test_hurry_ends_the_wait_for_a_silent_archive_and_the_object_stays(
    tmp_path: Path, make_object: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeenh.dicom.network.TIMEOUT_S", 3600.0)
    monkeypatch.setattr("edgeenh.dicom.outbox.TIMEOUT_S", 3600.0)
    folder = make_folder(tmp_path / "outbox")
    (folder / "1.dcm").write_bytes(make_object(noise(32, 48, 12), "io", 12))
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        connected, opened = threading.Event(), Outbox._opened

        def tell(self: Outbox, event: Any) -> None:
            opened(self, event)
            connected.set()

        monkeypatch.setattr(Outbox, "_opened", tell)
        outbox = Outbox(Archive("PACS", "127.0.0.1", mute.getsockname()[1]), folder)
        assert connected.wait(60)
        outbox.hurry()
        assert outbox.close() == [folder / "1.dcm"]
    outbox._thread.join(60)
    assert not outbox._thread.is_alive()
    assert list(outbox.notices) == []
