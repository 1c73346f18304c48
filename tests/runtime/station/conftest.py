"""A station that serves in this process, with the fake backend and no stream; and how to talk to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("fastapi", reason="the extra station is not installed")

from edgeenh.config import Config
from edgeenh.config.tables import Model, Source
from edgeenh.station.config import Service
from edgeenh.station.server import Listener, Server
from edgeenh.station.station import Station

TOKEN = "a-token-for-the-tests-0123456789"


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Running(NamedTuple):
    station: Station
    server: Server
    port: int

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """One request on a connection of its own; `_` in a header's name stands for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()


def make_token(folder: Path) -> Path:
    path = folder / "token"
    path.touch(0o600)
    path.write_text(TOKEN + "\n")
    return path


Start = Callable[..., Running]


def begin(stack: ExitStack, model: Model | None = None, sources: tuple[str, ...] = (), **service: Any) -> Running:
    """Start a station; keywords are of `[service]`, `model` and `sources` of the other tables."""
    tables: dict[str, Any] = {
        "model": model or Model(backend="fake", in_process=True),
        "service": Service(**{"bind": "127.0.0.1:0", **service}),
        "source": tuple(Source(spec) for spec in sources),
    }
    config = Config(None, tables)
    listener = Listener(config.one("service"))
    station = Station(config, print)
    stack.callback(station.close)
    server = Server(station, listener)
    stack.callback(server.close)
    station.start()
    return Running(station, server, listener.address.port)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        token = make_token(tmp_path)
        yield lambda *arguments, **service: begin(stack, *arguments, **{"token": token, **service})


@pytest.fixture
def running(start: Start) -> Running:
    return start()
