"""What of bulk work on a cluster needs no cluster: where it is looked for, and what is read where the command runs."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from edgeenh.bulk import cluster
from edgeenh.bulk.cluster_worker import BEFORE, FAILED, TODO, read, row_of
from edgeenh.bulk.ledger import sha256
from edgeenh.cli import main
from edgeenh.errors import BackendUnavailable, MissingExtra, UsageError


@pytest.mark.parametrize("address", ["", "ray://head:10001", "head", "head:", ":6379", "head:x", "head:99999", "a/b:1"])
def test_an_address_that_is_none(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _name: object())
    with pytest.raises(UsageError, match="expected auto, local, or HOST:PORT"), cluster.connected(address):
        pass


def test_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _name: object())
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(BackendUnavailable, match="nothing answers there"), cluster.connected(f"127.0.0.1:{port}"):
        pass


def test_without_ray_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtra, match=r"edgeenh\[cluster\]"), cluster.connected("auto"):
        pass
    frame = Path(__file__).parents[3] / "export" / "edgeenh_export" / "frames" / "bright-frontal.png"
    assert main(["enhance", str(frame), "--out", str(tmp_path / "out"), "--ray", "auto"]) == 5
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_is_read_passed_over_or_named(tmp_path: Path) -> None:
    source, target = tmp_path / "caf\udce9.png", tmp_path / "out.png"
    source.write_bytes(b"data")
    target.write_bytes(b"made")
    known = (sha256(b"data"), sha256(b"made"))

    def state(place: Path = source, seen: tuple[str, str] | None = known) -> str:
        return str(read(row_of(3, place, target, dicom=False, known=seen))["state"])

    assert state() == BEFORE
    assert state(seen=None) == TODO
    assert state(seen=(known[0], sha256(b"other"))) == TODO
    assert state(seen=(sha256(b"other"), known[1])) == TODO
    row = read(row_of(3, tmp_path / "missing.png", target, dicom=False, known=None))
    assert (row["state"], row["index"], json.loads(row["about"])["code"]) == (FAILED, 3, 2)
    target.unlink()
    assert state() == TODO
