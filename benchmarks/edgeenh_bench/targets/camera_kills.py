"""Target: 100 of 100 kills of a GigE Vision camera are recovered, and nothing is left of them.

The camera is Aravis' fake one in a process of its own on the loopback (Debian: aravis-tools); the stream is `live`. It is
killed, started again at once, and killed again when frames have come for a while.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import numpy as np

from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
from edgeenh.errors import BackendUnavailable, JobFailed
from edgeenh.stream import Stream
from edgeenh_bench.soaking import Reading, read_state
from edgeenh_bench.targets.figures import Figure, Measurement

SERVER = "arv-fake-gv-camera-0.8"
SERIAL = "GV01"
SOURCE = f"gige:{SERIAL}?packet=9000&format=RGB8&size=320x240"
PATIENCE_S = 20.0
BETWEEN = 10
_DISCOVERY, _CONTROL_PORT = bytes.fromhex("4201000200000001"), 3956


class FakeCamera:
    """The process that plays the camera.

    Raises:
        BackendUnavailable: It is not installed.
        JobFailed: It does not start, or another one runs already.
    """

    def __init__(self) -> None:
        if shutil.which(SERVER) is None:
            raise BackendUnavailable(f"{SERVER} is not installed: apt install aravis-tools")
        if self._answers():
            raise JobFailed("another GigE camera answers on the loopback, and there is room for one: end it first")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Plug it in."""
        null = subprocess.DEVNULL
        self._process = subprocess.Popen([SERVER, "-i", "127.0.0.1", "-s", SERIAL], stdout=null, stderr=null)
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise JobFailed("the fake camera did not start")

    def kill(self) -> None:
        """Unplug it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @staticmethod
    def _answers() -> bool:
        """Whether a camera answers a discovery command of the GigE Vision control protocol."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(0.2)
            try:
                asker.sendto(_DISCOVERY, ("127.0.0.1", _CONTROL_PORT))
                return asker.recv(600)[2:4] == b"\0\x03"
            except OSError:
                return False


def measure(model: Path | None, threads: int | None, *, source: str = SOURCE, kills: int = 100) -> Measurement:
    """Kill the camera so many times."""
    bundle = Bundle.shipped() if model is None else Bundle.open(model)
    without, readings = list[float](), list[Reading]()
    began = time.monotonic()
    camera = FakeCamera()
    try:
        enhancer = ContainedEnhancer(bundle, backend="fake", threads=threads)
        with enhancer, Stream(source, enhancer, mode="live") as stream:
            killed, good, broken = None, 0, 0
            for _ in stream:
                now = time.monotonic()
                good += 1
                broken += not stream.accounting.counts().holds
                if killed is not None:
                    without.append((now - killed) * 1e3)
                    readings.append(read_state(now - began, None))
                    killed = None
                if len(without) == kills:
                    break
                if good >= BETWEEN:
                    killed, good = now, 0
                    camera.kill()
                    camera.start()
            events = [event.kind for event in stream.events]
    finally:
        camera.kill()
    settled = readings[len(readings) // 10 :]
    figures = [
        Figure("kills recovered", float(len(without)), at_least=float(kills)),
        Figure("frames after which the accounting did not hold", float(broken), at_most=0.0),
        Figure("without a frame after a kill, p99", float(np.percentile(without, 99)), "ms"),
        Figure("without a frame after a kill, p50", float(np.percentile(without, 50)), "ms"),
        Figure("open files, largest minus smallest", float(np.ptp([one.files for one in settled]))),
        Figure("open files, last minus first", float(settled[-1].files - settled[0].files), at_most=0.0),
        Figure("threads, last minus first", float(settled[-1].threads - settled[0].threads), at_most=0.0),
        Figure("memory, last minus first", settled[-1].station_mb - settled[0].station_mb, "MB"),
    ]
    counted = {kind: events.count(kind) for kind in ("lost", "back")}
    return Measurement(figures, {"source": source, "without_ms": without, "events": counted})
