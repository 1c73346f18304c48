"""A station in a process of its own, as a user starts it: where it is, and what memory it and its workers hold."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeenh.errors import JobFailed
from edgeenh_bench.worker_process import worker_environment

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, headers with names in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection to the station, kept open.

    Args:
        port: On the loopback.
    """

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "image/png") -> Reply:
        """One request; OSError or HTTPException when there is no answer."""
        self._connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
        answer = self._connection.getresponse()
        return Reply(answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass(frozen=True, slots=True)
class StationProcess:
    """A station that serves.

    Attributes:
        port: On the loopback.
        pid: Of its process.
    """

    port: int
    pid: int

    def memory_mb(self) -> float:
        """Megabytes (10⁶ bytes) that are in memory of the station and of all processes below it."""
        import psutil

        station = psutil.Process(self.pid)
        total = 0
        for process in (station, *station.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # it ended between the two
        return total / 1e6


@contextmanager
def serving(text: str) -> Iterator[StationProcess]:
    """`edgeenh station` with a file of this text, which must bind to port 0 of the loopback.

    Raises:
        JobFailed: It ended before it served; the message is its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "station.toml")
        path.write_text(text, "utf-8")
        words = [sys.executable, "-m", "edgeenh.cli", "station", "--config", str(path)]
        with subprocess.Popen(
            words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=worker_environment(os.environ)
        ) as process:
            try:
                yield StationProcess(_port(process), process.pid)
            finally:
                process.terminate()
                process.communicate(timeout=TIMEOUT_S)


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said = line.strip()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        if found:
            return int(found[1])
    raise JobFailed(f"the station did not begin: {said}")


def config_text(model: Mapping[str, str | int | None], service: Mapping[str, str | int | None]) -> str:
    """A station's file with a table for the model and one for the service, on a free port of the loopback; None = not stated."""
    tables: dict[str, Mapping[str, str | int | None]] = {"model": model, "service": {"bind": "127.0.0.1:0", **service}}
    lines = []
    for name, values in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None)]
    return "\n".join(lines) + "\n"
