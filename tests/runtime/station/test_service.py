"""Pictures in, pictures out; and what the service refuses, with which status."""

from __future__ import annotations

import http.client
import socket
import struct
import subprocess
import threading
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeenh.errors import UsageError, WorkerFailed
from edgeenh.frames import PassthroughReason
from edgeenh.pictures import encode_picture
from edgeenh.station.config import Service
from edgeenh.station.routes.look import LISTENERS
from edgeenh.station.server import Listener

from .conftest import TOKEN, Running, Start

RGB = np.random.default_rng(7).integers(0, 256, (48, 64, 3), dtype=np.uint8)
PNG = encode_picture(RGB, ".png")


def decoded(body: bytes) -> Any:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize(("kind", "suffix"), [("png", ".png"), ("jpeg", ".jpg"), ("tiff", ".tif")])
def test_a_picture_comes_back_as_the_same_type_with_its_provenance(running: Running, kind: str, suffix: str) -> None:
    picture = encode_picture(RGB, suffix)
    reply = running.ask("POST", "/v1/enhance?strength=0", picture, Content_Type=f"image/{kind}")
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == f"image/{kind}"
    assert reply.headers["x-edgeenh-status"] == "ENHANCED"
    assert reply.headers["x-edgeenh-bundle-sha256"] == running.station.model.bundle.sha256
    assert reply.headers["x-edgeenh-backend"] == "fake"
    assert reply.headers["x-edgeenh-strength"] == "0"
    if suffix != ".jpg":
        assert np.array_equal(decoded(reply.body), RGB)


def test_strength_changes_the_picture(running: Running) -> None:
    full = running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png")
    assert full.status == 200
    assert not np.array_equal(decoded(full.body), RGB)


BOMB_SIDE = 60_000


def bomb() -> bytes:
    """A PNG of 60 000 × 60 000 pixels in some kilobytes."""

    def block(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 20))
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", head) + block(b"IDAT", pixels) + block(b"IEND", b"")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (PNG, "image/gif", 415),
        (PNG, "", 415),
        (PNG, "image/jpeg", 415),
        (b"", "image/png", 422),
        (PNG[:-20], "image/png", 422),
        (b"not a picture", "image/png", 422),
        (bomb(), "image/png", 422),
        (encode_picture(np.zeros((16, 16, 3), np.uint8), ".png")[:60], "image/png", 422),
    ],
)
def test_bad_pictures_are_refused_in_one_line(running: Running, body: bytes, kind: str, status: int) -> None:
    reply = running.ask("POST", "/v1/enhance", body, Content_Type=kind)
    assert reply.status == status, reply.body
    assert "\n" not in reply.json["error"]
    assert running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png").status == 200


@pytest.mark.parametrize("query", ["strength=2", "strength=nan", "bits=99", "on_failure=perhaps", "strength=x"])
def test_bad_parameters_are_refused(running: Running, query: str) -> None:
    assert running.ask("POST", f"/v1/enhance?{query}", PNG, Content_Type="image/png").status == 422


def test_a_compressed_body_and_one_without_length_are_refused(running: Running) -> None:
    assert running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png", Content_Encoding="gzip").status == 415
    chunked = (
        b"POST /v1/enhance HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert b" 411 " in raw(running, chunked + b"0\r\n\r\n").splitlines()[0]


def raw(running: Running, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
    return received


def test_a_body_that_is_too_large_is_refused_before_it_is_read(start: Start) -> None:
    running = start(body_mb=0.01)
    head = (
        b"POST /v1/enhance HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 99999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as client:
        client.sendall(head)
        assert b" 413 " in client.recv(4096).splitlines()[0]


def test_a_client_that_stalls_is_answered_and_one_that_vanishes_hurts_nobody(start: Start) -> None:
    running = start(body_s=0.2)
    head = b"POST /v1/enhance HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nab"
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as client:
        client.sendall(head)
        assert b" 408 " in client.recv(4096).splitlines()[0]
    for _ in range(8):
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as client:
            client.sendall(head)
    assert running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png").status == 200


def test_one_too_many_is_refused_with_a_time_to_come_back(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    running = start(queue=2)
    release, began = threading.Event(), threading.Semaphore(0)
    enhance = running.station.model.enhance

    def slow(*arguments: Any) -> Any:
        began.release()
        release.wait(60)
        return enhance(*arguments)

    monkeypatch.setattr(running.station.model, "enhance", slow)
    found: list[int] = []

    def client() -> None:
        found.append(running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png").status)

    clients = [threading.Thread(target=client) for _ in range(2)]
    for thread in clients:
        thread.start()
    for _ in clients:
        assert began.acquire(timeout=60)
    refused = running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png")
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert running.ask("GET", "/v1/info").status == 200
    release.set()
    for thread in clients:
        thread.join(60)
    assert found == [200, 200]
    assert b"edgeenh_service_refused_total 1" in running.ask("GET", "/metrics").body


def test_a_deadline_is_kept_and_what_began_keeps_its_place_until_it_is_done(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(queue=1, deadline_ms=100)
    release = threading.Event()
    enhance = running.station.model.enhance
    monkeypatch.setattr(running.station.model, "enhance", lambda *a: (release.wait(60), enhance(*a))[1])
    late = running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png")
    assert (late.status, late.json["code"]) == (503, "deadline")
    assert running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png").json["code"] == "busy"
    release.set()
    running.server.service.jobs._threads.shutdown(wait=True)
    assert running.server.service.jobs.late == 1


def test_a_model_that_fails_is_an_error_or_where_asked_for_the_original_flagged(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> Any:
        raise WorkerFailed("the worker died", PassthroughReason.WORKER_DIED)

    monkeypatch.setattr(running.station.model, "enhance", fail)
    assert running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png").status == 503
    reply = running.ask("POST", "/v1/enhance?on_failure=passthrough", PNG, Content_Type="image/png")
    assert (reply.status, reply.body) == (200, PNG)
    assert reply.headers["x-edgeenh-status"] == "PASSTHROUGH"
    assert reply.headers["x-edgeenh-reason"] == "worker_died"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example", "[::1", "localhost@evil"]
)
def test_a_foreign_name_is_refused(running: Running, host: str) -> None:
    assert running.ask("GET", "/v1/info", Host=host).status in (400, 403)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "[::1]:9", "LOCALHOST."])
def test_this_computer_is_known_by_its_addresses(running: Running, host: str) -> None:
    assert running.ask("GET", "/v1/info", Host=host).status == 200


def test_another_page_may_not_ask(running: Running) -> None:
    assert running.ask("GET", "/v1/info", Origin="http://evil.example").status == 403
    assert running.ask("GET", "/v1/info", Origin="null").status == 403
    assert running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png", Sec_Fetch_Site="cross-site").status == 403
    same = f"http://127.0.0.1:{running.port}"
    reply = running.ask("GET", "/v1/info", Origin=same)
    assert reply.status == 200
    assert "access-control-allow-origin" not in reply.headers


def test_changes_need_the_token(running: Running) -> None:
    body = b'{"strength": 0.5}'
    lines = {"": "needs the station's token", "Bearer wrong-token-0123456789": "is wrong", f"Basic {TOKEN}": "is wrong"}
    for given, line in lines.items():
        headers = {"Authorization": given} if given else {}
        reply = running.ask("POST", "/v1/strength", body, Content_Type="application/json", **headers)
        assert reply.status == 401
        assert line in reply.json["error"]
        assert running.ask("GET", "/v1/info", **headers).json["token_accepted"] is False
        assert reply.headers["www-authenticate"] == "Bearer"
    told = running.ask("POST", "/v1/strength", body, Content_Type="application/json", Authorization=f"Bearer {TOKEN}")
    assert told.status == 409, "the model runs in this process, so it cannot be changed"
    assert running.ask("GET", "/v1/info", Authorization=f"Bearer {TOKEN}").json["token_accepted"] is True


def test_without_a_token_nothing_can_be_changed(start: Start) -> None:
    running = start(token=None)
    reply = running.ask("POST", "/v1/bundle", b'{"bundle": "x"}', Content_Type="application/json")
    assert (reply.status, reply.json["code"]) == (403, "no_token")


def test_everything_can_need_the_token(start: Start) -> None:
    running = start(protect="all")
    assert running.ask("GET", "/v1/info").status == 401
    assert running.ask("GET", "/v1/info", Authorization=f"Bearer {TOKEN}").status == 200
    for path in ("/", "/live", "/page/station.js"):
        assert running.ask("GET", path).status == 200


@pytest.mark.parametrize(("mode", "text"), [(0o644, TOKEN), (0o600, "short"), (0o600, "with a space in the middle")])
def test_a_token_that_others_can_read_or_guess_is_refused(tmp_path: Path, mode: int, text: str) -> None:
    path = tmp_path / "other-token"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(UsageError):
        Listener(Service(bind="127.0.0.1:0", token=path))


def test_two_stations_on_one_port_are_told_apart(running: Running) -> None:
    with pytest.raises(UsageError, match="is taken"):
        Listener(Service(bind=f"127.0.0.1:{running.port}"))


def test_answers_do_not_wait_for_acknowledgements(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    pictures = running.server.service.readers.read

    async def read(request: Any) -> bytes:
        for transport in [c.transport for c in running.server._server.server_state.connections]:
            seen.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return await pictures(request)

    monkeypatch.setattr(running.server.service.readers, "read", read)
    assert running.ask("POST", "/v1/enhance", PNG, Content_Type="image/png").status == 200
    assert seen
    assert all(seen)


def test_no_path_of_a_client_is_opened(running: Running) -> None:
    for path in ("/page/../guard.py", "/page/%2e%2e/guard.py", "/page//etc/passwd", "/etc/passwd", "/page/station.py"):
        assert running.ask("GET", path).status == 404
    headers = {"Content_Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    reply = running.ask("POST", "/v1/bundle", b'{"bundle": "/etc/passwd"}', **headers)
    assert (reply.status, "no bundle" in reply.json["error"]) == (409, True)


def test_bodies_leave_no_files(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    running = start()
    large = encode_picture(np.random.default_rng(1).integers(0, 256, (700, 900, 3), dtype=np.uint8), ".png")
    assert len(large) > 1_500_000
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        assert running.ask("POST", "/v1/enhance", large, Content_Type="image/png").status == 200
    assert list((tmp_path / "temporary").iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_what_strangers_send_does_not_fill_the_log(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    for sent in (
        b"\x16\x03\x01 no HTTP\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as client:
            client.sendall(sent)
            assert client.recv(65536).startswith(b"HTTP/1.1 ")
    assert caplog.records == []


def test_half_a_head_is_let_go(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeenh.station.connections.HEAD_S", 0.2)
    monkeypatch.setattr("edgeenh.station.connections.bounded_protocol.__defaults__", (0.2, 20.0))
    running = start()
    for begun in (b"", b"GET /v1/in", b"GET /v1/info HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/i"):
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as client:
            client.sendall(begun)
            received = b""
            try:
                while chunk := client.recv(65536):
                    received += chunk
            except ConnectionResetError:
                pass
            assert received.count(b"HTTP/1.1 200") == begun.count(b"\r\n\r\n")


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the kernel keeps this time on Linux alone")
def test_listeners_that_take_nothing_lose_their_places(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeenh.station.connections.bounded_protocol.__defaults__", (5.0, 0.3))
    running = start()
    stalled = []
    try:
        for _ in range(LISTENERS):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", running.port))
            client.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in client.recv(64)
            stalled.append(client)
        assert running.ask("GET", "/v1/events").status == 503
        for _ in range(1000):
            running.station.news.add("many", "x" * 8000)  # more than all buffers on the way hold
        for _ in range(600):  # each request takes its turn; the kernel lets the stalled ones go meanwhile
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
            connection.request("GET", "/v1/events?after=1000000")
            status = connection.getresponse().status
            connection.close()
            if status == 200:
                break
            running.ask("GET", "/v1/info")
            threading.Event().wait(0.05)
        assert status == 200
    finally:
        for client in stalled:
            client.close()


def test_too_many_connections_are_closed(start: Start) -> None:
    running = start(connections=4)
    held = [socket.create_connection(("127.0.0.1", running.port), timeout=30) for _ in range(8)]
    try:
        closed = 0
        for client in held[4:]:
            try:
                closed += client.recv(1) == b""
            except ConnectionResetError:
                closed += 1
        assert closed == 4
    finally:
        for client in held:
            client.close()


def test_https_from_files(start: Start, tmp_path: Path) -> None:
    if subprocess.run(["which", "openssl"], capture_output=True, check=False).returncode:
        pytest.skip("openssl is not installed")
    import ssl
    import urllib.request

    certificate, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    key.chmod(0o644)
    with pytest.raises(UsageError, match="0644"):
        Listener(Service(bind="127.0.0.1:0", tls_certificate=certificate, tls_key=key))
    key.chmod(0o600)
    running = start(tls_certificate=certificate, tls_key=key)
    context = ssl.create_default_context(cafile=str(certificate))
    with urllib.request.urlopen(f"https://127.0.0.1:{running.port}/live", context=context, timeout=30) as answer:
        assert answer.status == 200


def test_systemd_is_told_that_a_service_alone_is_ready(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", supervisor.getsockname())
        monkeypatch.setenv("WATCHDOG_USEC", "60000000")
        start()
        heard = [supervisor.recv(4096).decode().splitlines()[0] for _ in range(2)]
    assert heard == ["WATCHDOG_USEC=0", "READY=1"]  # nothing feeds a watchdog here
