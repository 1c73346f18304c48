"""Runs of `edgeenh run` that are brought into one state and then sent a signal: how they end, and what they leave behind.

Each state is a real command in a process of its own; a few lines bring it there and print `reached`, without which it would
pass by too fast. What is stopped is stopped by SIGSTOP: no library that hangs can be worse.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from edgeenh.errors import JobFailed

MARK = "EDGEENH_SHUTDOWN_MARK"

_SCRIPT = """
import os, signal, sys
from edgeenh.cli import main
from edgeenh.containment.process import WorkerProcess
from edgeenh.sinks.null import NullSink
from edgeenh.sinks.folder import FolderSink

def reached(*_):
    print("reached", flush=True)

def stop_then(function):
    def stopped(self, *arguments, **options):
        os.kill(self.pid, signal.SIGSTOP)
        reached()
        return function(self, *arguments, **options)
    return stopped

def after(count, function, what):
    calls = iter(range(1, 1_000_000))
    def counted(self, *arguments, **options):
        result = function(self, *arguments, **options)
        if next(calls) == count:
            what(self)
        return result
    return counted

words = {words!r}
{preparation}
sys.exit(main(words))
"""


class State(NamedTuple):
    """How a run comes into a state.

    Attributes:
        what: The state in words.
        preparation: Python that brings it there, before the command starts.
        words: Options of the command besides model, backend and report.
        source: Where frames come from.
    """

    what: str
    preparation: str
    words: Sequence[str] = ()
    source: str = "synthetic:96x64@50"


_DEAD = """
def kill_for_good(self):
    WorkerProcess.open = stop_then(WorkerProcess.open)  # the next one never comes up
    self.kill()
WorkerProcess.run = after(5, WorkerProcess.run, kill_for_good)
"""

_SWAP = """
from edgeenh.cli import watch_model
from edgeenh.containment.swap import Swapper
canary = Swapper._canary
def stopped(self, process, *arguments):
    os.kill(process.pid, signal.SIGSTOP)
    reached()
    return canary(self, process, *arguments)
Swapper._canary = stopped
watch_model.EVERY_S = 0.05
look = watch_model.ModelWatch.look
def look_at_a_new_one(self):
    self._used = None  # as if the file had just been replaced
    return look(self)
watch_model.ModelWatch.look = look_at_a_new_one
"""

_SENDER = """
import subprocess
from edgeenh.sources import dicom_listener
dicom_listener.NETWORK_TIMEOUT_S = 3600.0
SENDER = '''
import sys
from pynetdicom import AE
entity = AE()
entity.network_timeout = None
entity.add_requested_context("1.2.840.10008.5.1.4.1.1.7")
association = entity.associate("127.0.0.1", int(sys.argv[1]), ae_title="EDGEENH")
assert association.is_established
print("up", flush=True)
association.join()
'''
def connect(listener):
    environment = {name: value for name, value in os.environ.items() if name != "MARK"}
    command = [sys.executable, "-c", SENDER, str(listener.port)]
    sender = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    assert sender.stdout.readline().strip() == b"up"
    reached()
dicom_listener.DicomListener.__init__ = after(1, dicom_listener.DicomListener.__init__, connect)
""".replace("MARK", MARK)

_ARCHIVE = """
import socket
from edgeenh.dicom import network, outbox
from edgeenh.sinks.dicom import DicomSink
network.TIMEOUT_S = outbox.TIMEOUT_S = 3600.0
mute = socket.socket()
mute.bind(("127.0.0.1", 0))
mute.listen()
words[words.index("ARCHIVE")] = f"dicom://PACS@127.0.0.1:{mute.getsockname()[1]}?outbox={words.pop()}"
outbox.Outbox._opened = after(1, outbox.Outbox._opened, reached)
"""

_LIVE = ("--mode", "live", "--out", "null")
STATES = {
    "starting": State("the worker process starts", "WorkerProcess.open = stop_then(WorkerProcess.open)", _LIVE),
    "warming": State(
        "the worker prepares for the first frame",
        "WorkerProcess.prepare = stop_then(WorkerProcess.prepare)",
        ("--mode", "live", "--out", f"shm:edgeenh-{os.getpid()}"),
    ),
    "streaming live": State("frames go", "NullSink.write = after(5, NullSink.write, reached)", _LIVE),
    "streaming offline": State(
        "frames go", "NullSink.write = after(5, NullSink.write, reached)", ("--mode", "offline", "--out", "null")
    ),
    "streaming exposure": State(
        "frames go",
        "FolderSink.write = after(5, FolderSink.write, reached)",
        ("--mode", "exposure", "--spool", "SPOOL", "--out", "OUT"),
    ),
    "in process": State(
        "frames go, without a worker", "NullSink.write = after(5, NullSink.write, reached)", (*_LIVE, "--in-process")
    ),
    "in process hung": State(
        "the backend hangs in this very process",
        "import threading\n"
        "from edgeenh.backends.fake import FakeSession\n"
        "FakeSession.run = after(12, FakeSession.run, lambda self: (reached(), threading.Event().wait()))",
        ("--mode", "offline", "--out", "null", "--in-process"),
    ),
    "camera lost": State(
        "the camera is gone",
        "from edgeenh.sources.recovery import RecoveringSource\n"
        "RecoveringSource._lose = after(1, RecoveringSource._lose, reached)",
        (*_LIVE, "--fault", "camera-lost=1h@100ms"),
    ),
    "worker dead": State("the worker is dead, and the next one hangs while it starts", _DEAD, _LIVE),
    "worker dead offline": State("the same, and a frame waits for it", _DEAD, ("--mode", "offline", "--out", "null")),
    "worker hung": State(
        "the worker is stopped, and a frame waits for it",
        "WorkerProcess.run = after(5, WorkerProcess.run, lambda self: (os.kill(self.pid, signal.SIGSTOP), reached()))",
        ("--mode", "offline", "--out", "null"),
    ),
    "disk full": State(
        "nothing can be written, neither to the spool nor to the sink",
        "from edgeenh.stream.fault_disk import FaultySink\n"
        "from edgeenh.sinks.writer import Writer\n"
        "Writer._refused = after(1, Writer._refused, reached)",
        ("--mode", "exposure", "--spool", "SPOOL", "--out", "OUT", "--fault", "disk-full=1h@100ms"),
    ),
    "swap in progress": State("another bundle is being judged, and its worker hangs", _SWAP, (*_LIVE, "--watch-model")),
    "dicom sender silent": State(
        "a sender has an association open and says nothing", _SENDER, ("--out", "null"), "dicom-listen:0?inbox=INBOX"
    ),
    "dicom archive silent": State(
        "an archive takes the connection and says nothing", _ARCHIVE, ("--out", "ARCHIVE", "OUT")
    ),
}
"""Every state in which a run may be when it is asked to end."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended.

    Attributes:
        seconds: From the signal to the end of the process.
        code: Its exit code.
        report: The document of `--json`; None when there is none.
        errors: What it said on stderr.
        orphans: Processes it left behind.
    """

    seconds: float
    code: int
    report: dict[str, Any] | None
    errors: str
    orphans: list[int]


def end_in(
    name: str, number: signal.Signals, folder: Path, model: Path, paths: Sequence[str] = (), patience_s: float = 60.0
) -> End:
    """Bring a run into the state `name`, send it the signal, and see how it ends.

    Args:
        name: One of `STATES`.
        number: SIGINT or SIGTERM.
        folder: An empty folder for what it writes.
        model: The bundle, run by the backend `fake`.
        paths: Put on its PYTHONPATH.
        patience_s: After so long it is killed.

    Raises:
        JobFailed: The state was not reached.
    """
    state, report = STATES[name], folder / "report.json"
    places = {"SPOOL": str(folder / "spool"), "OUT": f"{folder}/out/"}
    source = state.source.replace("INBOX", str(folder / "inbox"))
    words = ["run", source, "--model", str(model), "--backend", "fake", "--json", str(report)]
    words += [places.get(word, word) for word in state.words]
    mark = secrets.token_hex(8)
    environment = {**os.environ, MARK: mark, "XDG_CACHE_HOME": str(folder / "cache")}
    if paths:
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    script = _SCRIPT.format(preparation=state.preparation, words=words)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        _wait_until_reached(process, patience_s)
        began = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate(timeout=patience_s)
        seconds = time.monotonic() - began
    finally:
        process.kill()
        process.wait()
    document = json.loads(report.read_text()) if report.exists() else None
    return End(seconds, process.returncode, document, errors, _gone_or_left(mark))


def _wait_until_reached(process: subprocess.Popen[str], patience_s: float) -> None:
    assert process.stdout is not None
    deadline = time.monotonic() + patience_s
    line = ""
    while line.strip() != "reached":
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            process.kill()
            raise JobFailed(f"the state was not reached within {patience_s:g} s: {process.communicate()[1]}")
        line = process.stdout.readline()
        if not line:
            raise JobFailed(f"the run ended before its state was reached: {process.communicate()[1]}")


def _gone_or_left(mark: str, tries: int = 50) -> list[int]:
    """Processes with this mark that are still there after a second: the kernel takes a moment to end one."""
    left = list[int]()
    for _ in range(tries):
        left = [pid for pid in _pids() if _has(pid, mark)]
        if not left:
            break
        time.sleep(0.02)
    return left


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and path.name != str(os.getpid())]


def _has(pid: int, mark: str) -> bool:
    with suppress(OSError):
        return f"{MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False
