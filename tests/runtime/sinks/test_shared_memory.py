"""Frames in shared memory, read by the C program of the examples."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeenh.errors import OutputFailed, UsageError
from edgeenh.frames import EnhancedFrame, Frame, PassthroughReason, Provenance, Status
from edgeenh.sinks import open_sink
from edgeenh.sinks import shared_memory_layout as layout
from edgeenh.sinks.shared_memory import SharedMemorySink

ROOT = Path(__file__).parents[3]
READER = ROOT / "examples" / "shared_memory_reader.c"
BUILD = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2"]

CHECK = (
    "-DON_FRAME(frame, copy)=for (uint64_t at = 0; at < frame->picture_bytes; at++) "
    "if (copy[frame->shown_at + at] != frame->sequence % 251 || copy[frame->original_at + at] != frame->sequence % 241) return 3"
)
"""What a picture is filled with follows from its number (`filled`)."""

WHOLE_CHECK = "return atomic_load_explicit(&from->lock, memory_order_relaxed) == before;"
COPY = "memcpy(copy, from, head->slot_bytes);"
SLOW_COPY = (
    "memcpy(copy, from, head->slot_bytes / 2); nanosleep(&(struct timespec){0, 3000000}, NULL); "
    "memcpy(copy + head->slot_bytes / 2, (const uint8_t *)from + head->slot_bytes / 2, head->slot_bytes - head->slot_bytes / 2);"
)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """build(name, replace={}, *options): the example, compiled; with parts of it replaced."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: apt install gcc")
    folder = tmp_path_factory.mktemp("reader")

    def run(name: str, replace: dict[str, str] | None = None, *options: str) -> Path:
        text = READER.read_text()
        for former, new in (replace or {}).items():
            assert former in text
            text = text.replace(former, new)
        source = folder / f"{name}.c"
        source.write_text(text)
        subprocess.run([compiler, *BUILD, *options, "-o", str(folder / name), str(source), "-lrt"], check=True)
        return folder / name

    return run


@pytest.fixture
def name() -> Iterator[str]:
    chosen = f"edgeenh-test-{os.getpid()}"
    yield chosen
    for left in Path("/dev/shm").glob(f"*{chosen}*"):
        left.unlink()
        raise AssertionError(f"{left} was left behind")


def filled(sequence: int, size: tuple[int, int] = (96, 64), **more: Any) -> EnhancedFrame:
    """A frame whose bytes follow from its number."""
    image = np.full((size[1], size[0], 3), sequence % 251, np.uint8)
    original = Frame(np.full_like(image, sequence % 241), "camera:0", sequence, 5_000)
    provenance = Provenance("b" * 64, "e" * 64, "fake", "numpy", "fp32", 0.5)
    return EnhancedFrame(image, original, Status.ENHANCED, None, "", 0, 0, provenance)


def test_the_layout_is_fixed() -> None:
    assert (layout.HEADER.itemsize, layout.SLOT.itemsize) == (64, 256)
    assert {reason.value for reason in PassthroughReason} <= set(layout.REASONS)
    assert len(set(layout.REASONS.values())) == len(layout.REASONS)
    for dtype in (layout.HEADER, layout.SLOT):
        for field, offset, *_ in dtype.fields.values():  # type: ignore[union-attr, misc]
            assert field.kind == "S" or offset % field.itemsize == 0


def test_the_reader_sees_status_reason_and_bundle(build: Callable[..., Path], name: str) -> None:
    reader = build("plain")
    with open_sink(f"shm:{name}") as sink:  # type: ignore[attr-defined]
        sink.write(filled(7))
        done = subprocess.run([reader, name, "1"], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, "7 96x64 ENHANCED bbbbbbbbbbbb\n")
        image = np.zeros((32, 48), np.uint16)
        original = Frame(image, "gige:1", 8, 0, "", "grey", 12)
        sink.write(
            EnhancedFrame(image, original, Status.PASSTHROUGH, PassthroughReason.WORKER_DIED, "killed", 0, 0, None)
        )
        done = subprocess.run([reader, name, "1"], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, "8 48x32 PASSTHROUGH worker_died \n")
    assert subprocess.run([reader, name, "1"], capture_output=True, timeout=60).returncode == 2


def stress(reader: Path, name: str, frames: int, most: int = 2_000_000) -> tuple[int, int, str]:
    """Write as fast as possible until the reader has its frames: exit code, frames written, what it said."""
    with SharedMemorySink(name) as sink:
        sink.write(filled(1, (128, 96)))
        child = subprocess.Popen(
            [reader, name, str(frames)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        written = 1
        while child.poll() is None and written < most:
            written += 1
            sink.write(filled(written, (128, 96)))
        return child.wait(60), written, child.communicate()[1]


def test_no_frame_is_ever_torn(build: Callable[..., Path], name: str) -> None:
    code, written, said = stress(build("checking", {}, CHECK), name, 400)
    assert (code, said.split()[:2]) == (0, ["400", "taken,"])
    assert written >= 400


def test_a_reader_that_is_overtaken_throws_its_copy_away(build: Callable[..., Path], name: str) -> None:
    code, _, said = stress(build("slow", {COPY: SLOW_COPY}, CHECK), name, 1, most=5000)
    assert (code, said.split()[:2]) == (0, ["1", "taken,"])  # the last one, when nobody writes any more


def test_without_the_lock_frames_would_be_torn(build: Callable[..., Path], name: str) -> None:
    careless = build("careless", {COPY: SLOW_COPY, WHOLE_CHECK: "return 1;"}, CHECK)
    code, _, _ = stress(careless, name, 400)
    assert code == 3


def test_larger_frames_move_and_the_reader_follows(build: Callable[..., Path], name: str) -> None:
    reader = build("moving", {}, CHECK)
    with SharedMemorySink(name) as sink:
        child = subprocess.Popen([reader, name, "4000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for sequence, size in enumerate([(16, 16), (64, 48), (320, 200), (32, 32)], start=1):
            sink.write(filled(sequence, size))
            assert child.stdout.readline() == f"{sequence} {size[0]}x{size[1]} ENHANCED bbbbbbbbbbbb\n"
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (0, "")
    assert err.startswith("4 taken")


def test_a_name_with_a_living_writer_is_refused_and_one_of_a_dead_writer_taken_over(name: str) -> None:
    script = (
        "import sys, os, signal; from edgeenh.sinks.shared_memory import SharedMemorySink\n"
        "sink = SharedMemorySink(sys.argv[1]); print('ready', flush=True); signal.pause()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "runtime")}
    child = subprocess.Popen([sys.executable, "-c", script, name], stdout=subprocess.PIPE, env=environment)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    with pytest.raises(UsageError, match=rf"shm:{name} is written by process {child.pid}: choose another name"):
        open_sink(f"shm:{name}")
    former = np.memmap(Path("/dev/shm") / name, np.uint8, "r")
    child.kill()
    child.communicate()
    with SharedMemorySink(name) as sink:
        sink.write(filled(1))
        assert former[: layout.HEADER.itemsize].view(layout.HEADER)[0]["state"] == layout.ENDED


def test_names_that_cannot_be_used_are_refused(name: str, tmp_path: Path) -> None:
    for wrong in ("", "a/b", "../etc", ".hidden", "a b"):
        with pytest.raises(UsageError, match="is no name, expected letters"):
            open_sink(f"shm:{wrong}")
    (tmp_path / "other").write_bytes(b"something else")
    with pytest.raises(UsageError, match="taken by something that is not of edgeenh"):
        SharedMemorySink("other", folder=tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "other")
    with pytest.raises((UsageError, OutputFailed), match="link"):
        SharedMemorySink("link", folder=tmp_path)
    assert (tmp_path / "other").read_bytes() == b"something else"
    with pytest.raises(UsageError, match="cannot be written"):
        SharedMemorySink("x", folder=tmp_path / "none")


def test_only_this_user_may_read_it_unless_told(name: str) -> None:
    for spec, mode in ((f"shm:{name}", 0o600), (f"shm:{name}?mode=0640", 0o640)):
        with open_sink(spec):  # type: ignore[attr-defined]
            assert stat.S_IMODE((Path("/dev/shm") / name).stat().st_mode) == mode
    with pytest.raises(UsageError, match="mode '999'"):
        open_sink(f"shm:{name}?mode=999")


def test_memory_that_is_not_there_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with SharedMemorySink(name) as sink:
        monkeypatch.setattr("edgeenh.sinks.shared_memory.os.posix_fallocate", full)
        with pytest.raises(OutputFailed, match="bytes of shared memory for shm:"):
            sink.write(filled(1))
