"""GigE Vision against Debian's fake camera on the loopback: real packets, real losses, a real process to kill."""

from __future__ import annotations

import builtins
import itertools
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeenh.errors import BackendUnavailable, MissingExtra, SourceError, UsageError
from edgeenh.sources import open_source
from edgeenh.sources.gige import load_aravis
from edgeenh.sources.packed import PACKINGS
from edgeenh.sources.recovery import RecoveringSource
from edgeenh.stream import MonotonicClock

SERVER = shutil.which("arv-fake-gv-camera-0.8")
CONTROL_PORT = 3956


class FakeCamera:
    """The process that plays the camera."""

    def __init__(self, *options: str) -> None:
        self.options, self.process = options, None
        self.start()

    def start(self, serial: str = "GV01") -> None:
        assert SERVER is not None
        command = [SERVER, "-i", "127.0.0.1", "-s", serial, *self.options]
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not _answers():
            assert self.process.poll() is None, "the fake camera ended"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _answers() -> bool:
    """Whether a camera answers a discovery command of the GigE Vision control protocol."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.2)
        try:
            asker.sendto(bytes.fromhex("4201000200000001"), ("127.0.0.1", CONTROL_PORT))
            return asker.recv(600)[2:4] == b"\0\x03"
        except OSError:
            return False


@pytest.fixture
def start_camera() -> Iterator[Any]:
    if SERVER is None:
        pytest.skip("arv-fake-gv-camera-0.8 is not installed (Debian: aravis-tools)")
    try:
        load_aravis()
    except BackendUnavailable as exc:
        pytest.skip(str(exc))
    if _answers():
        pytest.skip("another fake camera runs on this machine, and there is room for one")
    started: list[FakeCamera] = []

    def start(*options: str) -> FakeCamera:
        started.append(FakeCamera(*options))
        return started[-1]

    yield start
    for camera in started:
        camera.kill()


def _open(spec: str = "gige:GV01?packet=9000", photometric: str = "grey", **options: Any) -> RecoveringSource:
    source = open_source(spec, photometric=photometric, **options)
    assert isinstance(source, RecoveringSource)
    return source


@pytest.mark.parametrize(
    ("options", "photometric", "dtype", "shape", "bits"),
    [
        ("format=Mono8", "grey", np.uint8, (64, 128), 8),
        ("format=Mono16", "grey", np.uint16, (64, 128), 16),
        ("format=RGB8", "RGB", np.uint8, (64, 128, 3), 8),
        ("format=BayerRG8", "RGB", np.uint8, (64, 128, 3), 8),
        ("fps=50", "grey", np.uint8, (64, 128), 8),
        ("fps=50", "RGB", np.uint8, (64, 128, 3), 8),
    ],
)
def test_every_format_streams(
    start_camera: Any, options: str, photometric: str, dtype: Any, shape: tuple[int, ...], bits: int
) -> None:
    start_camera()
    source = _open(f"gige:GV01?packet=9000&size=128x64&{options}", photometric)
    before_ns = time.monotonic_ns()
    frames = [source.read() for _ in range(8)]
    source.close()
    for frame in frames:
        assert frame is not None
        assert (frame.image.dtype, frame.image.shape, frame.bits) == (dtype, shape, bits)
        assert (frame.photometric, frame.source, frame.image.flags.c_contiguous) == (photometric, "gige:GV01", True)
        assert frame.image.std() > 10
        assert before_ns < frame.captured_ns < time.monotonic_ns()
    assert (source.serial, source.size, source.live) == ("GV01", (128, 64), True)
    assert source.fps == (50.0 if "fps" in options else 25.0)
    got = len(frames) + source.lost_upstream.total()
    assert frames[-1] is not None
    assert frames[-1].sequence + 1 >= len(frames)
    assert got >= 8


@pytest.fixture
def packed_camera(start_camera: Any, tmp_path: Path) -> Iterator[Path]:
    """A camera that offers packed formats; its frames are the bytes of the file that is given."""
    script, frame = Path(__file__).with_name("packed_camera.py"), tmp_path / "frame"
    command = [sys.executable, script, tmp_path / "camera.xml", frame]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield frame
        process.kill()


@pytest.mark.parametrize("form", sorted(PACKINGS))
def test_packed_formats_come_exactly_through_the_network(
    packed_camera: Path, pack: Callable[[list[int], str], bytes], form: str
) -> None:
    bits = PACKINGS[form].bits
    picture = np.random.default_rng(2).integers(0, 1 << bits, (64, 128), np.uint16)
    packed_camera.write_bytes(pack(picture.reshape(-1).tolist(), form))
    source = _open(f"gige:GV01?packet=9000&size=128x64&format={form}")
    for _ in range(5):
        frame = source.read()
        assert frame is not None
        assert (frame.image == picture).all()
        assert (frame.bits, frame.photometric, frame.image.dtype) == (bits, "grey", np.uint16)
    source.close()


def test_the_first_camera_and_an_address_are_names_too(start_camera: Any) -> None:
    start_camera()
    for spec in ("gige:?packet=9000", "gige:127.0.0.1?packet=9000"):
        source = _open(spec)
        assert source.read() is not None
        assert source.serial == "GV01"
        source.close()


def test_a_frame_that_waited_for_its_reader_is_as_old_as_it_is(start_camera: Any) -> None:
    start_camera()
    source = _open()
    assert source.read() is not None
    stream = source._device._stream  # type: ignore[union-attr]
    while stream.get_n_buffers()[1] < 6:  # frames that wait
        pass
    frames = [source.read() for _ in range(6)]
    source.close()
    assert frames[0] is not None
    assert frames[5] is not None
    assert frames[5].captured_ns - frames[0].captured_ns > 100_000_000  # made in 200 ms, read in one


def test_the_bits_that_a_station_names_are_the_frames(start_camera: Any) -> None:
    start_camera()
    source = _open("gige:?format=Mono16&packet=9000", bits=12)
    frame = source.read()
    source.close()
    assert frame is not None
    assert frame.bits == 12


def test_lost_packets_make_a_frame_incomplete_and_every_frame_is_counted(start_camera: Any) -> None:
    start_camera("-r", "50")  # 5 % of the packets
    source = _open("gige:?packet=1400&fps=100&size=128x64&format=Mono8")
    frames = [source.read() for _ in range(40)]
    source.close()
    assert frames[-1] is not None
    assert source.lost_upstream["incomplete"] > 0
    assert "a frame is not whole (missing-packets)" in source.notices[0].detail
    assert "packets are missing, 0 were sent again" in source.notices[0].detail
    # What the camera made is what came, what came broken, and the gaps between the numbers.
    assert all(b.sequence > a.sequence for a, b in itertools.pairwise(frames) if a and b)


def test_a_killed_camera_is_found_again(start_camera: Any) -> None:
    camera = start_camera()
    source = _open()
    assert source.read() is not None
    camera.kill()
    restart = threading.Thread(target=camera.start)
    restart.start()
    first = source.read()
    while not any(notice.kind == "back" for notice in source.notices):
        first = source.read()
    restart.join()
    source.close()
    assert first is not None
    assert [notice.kind for notice in source.notices if notice.kind in ("lost", "back")] == ["lost", "back"]


def test_another_camera_in_its_place_is_refused(start_camera: Any) -> None:
    camera = start_camera()
    source = _open()
    assert source.read() is not None
    camera.kill()
    camera.start("GV02")
    thread = threading.Thread(target=lambda: [None for _ in iter(source.read, None)])
    thread.start()
    while not any(notice.kind in ("another_device", "reopening") for notice in source.notices):
        assert thread.is_alive()
    source.interrupt()
    thread.join(10)
    source.close()
    assert any("GV02" in notice.detail for notice in source.notices)


def test_closing_while_the_camera_is_gone_does_not_wait_for_it(start_camera: Any) -> None:
    camera = start_camera()
    source = _open()
    assert source.read() is not None
    camera.kill()
    thread = threading.Thread(target=lambda: [None for _ in iter(source.read, None)])
    thread.start()
    while not source.notices:
        assert thread.is_alive()
    source.interrupt()
    thread.join(1.9)
    assert not thread.is_alive()
    source.close()


def test_what_cannot_be_opened_says_why(start_camera: Any) -> None:
    start_camera()
    for spec, photometric, expected in (
        ("gige:GV99", "grey", r"gige:GV99 is not there; cameras found: gige:GV01"),
        ("gige:GV01?format=Mono12p", "grey", r"cannot give Mono12p to a model for grey, expected one of Mono16, Mono8"),
        ("gige:GV01?format=Mono8", "RGB", r"cannot give Mono8 to a model for colour, expected one of RGB8, BayerRG8"),
        ("gige:GV01?size=60000x60000", "grey", r"does not give 60000x60000, expected at most"),
    ):
        with pytest.raises(SourceError, match=expected):
            open_source(spec, photometric=photometric)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("gige:?packet=1", "has the packet size '1', expected 576 to 16000"),
        ("gige:?size=0x5", "has the size '0x5'"),
        ("gige:?fps=0", "has the rate '0'"),
        ("gige:?gain=3", "'gain=3' is not an option, expected format=Mono16, size=512x512"),
        ("gige:?fps=3&fps=4", "'fps=4' is given twice"),
    ],
)
def test_a_bad_option_says_what_was_expected(spec: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        open_source(spec)


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name == "gi":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"a GigE Vision camera needs `pip install 'edgeenh\[gige\]'`"):
        open_source("gige:")


@pytest.mark.slow
def test_a_hundred_kills_are_a_hundred_returns(start_camera: Any, capsys: pytest.CaptureFixture[str]) -> None:
    camera = start_camera()
    source = _open()
    clock, outages, memory, files, threads = MonotonicClock(), [], [], [], []
    for _ in range(100):
        for _ in range(3):
            assert source.read() is not None
        os.kill(camera.process.pid, signal.SIGKILL)
        camera.process.wait()
        killed_ns = clock.now_ns()
        camera.start()
        while not any(notice.kind == "back" for notice in source.notices):
            assert source.read() is not None
        outages.append((clock.now_ns() - killed_ns) / 1e9)
        source.notices.clear()
        memory.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4 // 1024)
        files.append(len(list(Path("/proc/self/fd").iterdir())))
        threads.append(threading.active_count())
    source.close()
    outages.sort()
    with capsys.disabled():
        print(
            f"\n100 kills, 100 returns; without a frame p50 {statistics.median(outages):.2f} s, p99 {outages[98]:.2f} s, "
            f"longest {outages[99]:.2f} s; memory {memory[9]} → {memory[-1]} MiB, files {files[9]} → {files[-1]}, "
            f"threads {threads[9]} → {threads[-1]}"
        )
    assert len(outages) == 100
    assert memory[-1] - memory[9] <= 5
    assert (files[-1], threads[-1]) == (files[9], threads[9])
