"""The examples run: Python in this process's environment, Java and C# against a station and against one that plays its part."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from edgeenh.pictures import read_picture

from .conftest import Running

EXAMPLES = Path(__file__).parents[3] / "examples"
FRAME = Path(__file__).parents[3] / "export" / "edgeenh_export" / "frames" / "bright-frontal.png"

Client = Callable[..., "subprocess.CompletedProcess[str]"]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, check=False)


def build(*words: object) -> None:
    done = run(*words)
    assert done.returncode == 0, done.stdout + done.stderr


def java(folder: Path) -> list[object]:
    build("javac", "-Xlint:all", "-Werror", "-d", folder, EXAMPLES / "Enhance.java")
    return ["java", "-cp", folder, "Enhance"]


def mono(folder: Path) -> list[object]:
    program = folder / "Enhance.exe"
    build("mcs", "-warnaserror", "-r:System.Net.Http.dll", f"-out:{program}", EXAMPLES / "Enhance.cs")
    return ["mono", program]


def dotnet(folder: Path) -> list[object]:
    for name in ("Enhance.cs", "Enhance.csproj"):
        shutil.copy(EXAMPLES / name, folder)
    # The target that this SDK brings with it: for another one it would fetch packages.
    target = f"-p:TargetFramework=net{run('dotnet', '--version').stdout.partition('.')[0]}.0"
    build("dotnet", "build", folder, target, "-warnaserror", "-o", folder / "out")
    return ["dotnet", folder / "out" / "Enhance.dll"]


CLIENTS = [
    pytest.param(made, id=made.__name__, marks=pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed"))
    for made, tool in ((java, "javac"), (mono, "mcs"), (dotnet, "dotnet"))
]  # fmt: skip


@pytest.fixture(scope="module", params=CLIENTS)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """client(station, in, out, strength…): one of the clients, built once."""
    words = request.param(tmp_path_factory.mktemp("client"))
    return lambda *more: run(*words, *more)


@contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers one after the other; its address, and the paths that were asked."""
    left, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert len(self.rfile.read(int(self.headers["Content-Length"]))) == FRAME.stat().st_size
            asked.append(f"{self.path} {self.headers['Content-Type']}")
            status, headers, body = left.pop(0)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name of the base class)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_python(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    done = run(sys.executable, EXAMPLES / "enhance.py", FRAME, out)
    assert done.returncode == 0, done.stderr
    assert "bundle_sha256" in done.stdout
    assert read_picture(out).shape == read_picture(FRAME).shape


def test_a_picture_comes_back_and_a_broken_one_is_told(client: Client, running: Running, tmp_path: Path) -> None:
    station, out = f"http://127.0.0.1:{running.port}", tmp_path / "out.png"
    done = client(station, FRAME, out, 0)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ENHANCED by dental-n")
    assert (read_picture(out) == read_picture(FRAME)).all()
    broken = tmp_path / "broken.png"
    broken.write_bytes(FRAME.read_bytes()[:100])
    refused = client(station, broken, tmp_path / "none.png")
    assert (refused.returncode, refused.stderr[:4]) == (1, "422 ")
    assert not (tmp_path / "none.png").exists()


def test_a_busy_station_is_asked_again(client: Client, tmp_path: Path) -> None:
    busy = (503, {"Retry-After": "0"}, b'{"error": "busy"}')
    good = (200, {"X-Edgeenh-Status": "ENHANCED", "X-Edgeenh-Model": "m 1", "X-Edgeenh-Bundle-Sha256": "ab"}, b"made")
    with answering(busy, busy, good) as (station, asked):
        done = client(station, FRAME, tmp_path / "out.png", 0.5)
    assert (done.returncode, done.stdout) == (0, "ENHANCED by m 1, bundle ab\n"), done.stderr
    assert asked == ["/v1/enhance?strength=0.5 image/png"] * 3
    assert (tmp_path / "out.png").read_bytes() == b"made"


def test_an_original_is_never_taken_for_enhanced(client: Client, tmp_path: Path) -> None:
    passed = (200, {"X-Edgeenh-Status": "PASSTHROUGH", "X-Edgeenh-Reason": "worker_died"}, b"original")
    with answering(passed) as (station, _):
        done = client(station, FRAME, tmp_path / "out.png")
    assert (done.returncode, done.stderr) == (1, "not enhanced: PASSTHROUGH worker_died\n")
    assert not (tmp_path / "out.png").exists()


def test_what_cannot_be_is_one_line(client: Client, tmp_path: Path) -> None:
    with answering() as (gone, _):
        pass
    for words, code in (
        ((), 2),
        (("junk", FRAME, "o"), 2),
        ((gone, FRAME, "o"), 1),
        ((gone, tmp_path / "no.png", "o"), 1),
    ):
        done = client(*words)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
