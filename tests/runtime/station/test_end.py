"""A station ends, whatever it is connected to."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from edgeenh.config import Config
from edgeenh.config.tables import Model, Sink, Source
from edgeenh.station.config import Service
from edgeenh.station.station import Station

from .conftest import make_token


def test_a_silent_archive_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pynetdicom")
    monkeypatch.setattr("edgeenh.dicom.network.TIMEOUT_S", 3600.0)
    monkeypatch.setattr("edgeenh.dicom.outbox.TIMEOUT_S", 3600.0)
    from edgeenh.dicom.outbox import Outbox

    connected, opened = threading.Event(), Outbox._opened

    def tell(self: Outbox, event: Any) -> None:
        opened(self, event)
        connected.set()

    monkeypatch.setattr(Outbox, "_opened", tell)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        archive = f"dicom://PACS@127.0.0.1:{mute.getsockname()[1]}?outbox={tmp_path / 'outbox'}"
        tables: dict[str, Any] = {
            "model": Model(backend="fake", in_process=True),
            "service": Service(bind="127.0.0.1:0", token=make_token(tmp_path)),
            "source": (Source("synthetic:64x64@20"),),
            "sink": (Sink(archive),),
        }
        station = Station(Config(None, tables), print)
        station.start()
        assert connected.wait(60)
        closing = threading.Thread(target=station.close, daemon=True)
        closing.start()
        closing.join(60)
        assert not closing.is_alive()
    assert list((tmp_path / "outbox").glob("*.dcm"))
