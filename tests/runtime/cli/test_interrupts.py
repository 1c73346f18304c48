"""Ctrl-C and SIGTERM in the middle of a command: real processes and signals, synchronised on what the process prints."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import pytest

from edgeenh.sources import open_source

Start = Callable[[str], "subprocess.Popen[str]"]

RUN = """
import sys
import edgeenh.sinks
from edgeenh.cli import main

open_sink = edgeenh.sinks.open_sink

def open_and_tell(*arguments, **options):
    sink = open_sink(*arguments, **options)
    write, count = sink.write, iter(range(1, 1_000_000))
    def write_and_tell(frame):
        write(frame)
        print("written", next(count), flush=True)
    sink.write = write_and_tell
    return sink

edgeenh.sinks.open_sink = open_and_tell
sys.exit(main({words!r}))
"""


def _read_until(stream: TextIO | None, process: subprocess.Popen[str], line: str) -> None:
    assert stream is not None
    while (found := stream.readline()).strip() != line:
        assert found, f"the process ended without printing {line!r}: {process.communicate()}"


@pytest.mark.parametrize(
    ("number", "mode", "sink"),
    [(signal.SIGINT, "offline", "out.mp4"), (signal.SIGTERM, "live", "out"), (signal.SIGINT, "live", "out.mkv")],
)
def test_a_signal_ends_a_run_cleanly(
    start_script: Start, tmp_path: Path, fake: list[object], number: signal.Signals, mode: str, sink: str
) -> None:
    out, report_file = tmp_path / "new" / sink, tmp_path / "report.json"
    words = ["run", "synthetic:96x64@100", *fake, "--mode", mode, "--out", out, "--json", report_file]
    process = start_script(RUN.format(words=[str(word) for word in words]))
    _read_until(process.stdout, process, "written 6")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    report = json.loads(report_file.read_text())
    accounting = report["accounting"]
    assert report["interrupted"] is True
    assert (accounting["holds"], accounting["in_flight"]) == (True, 0)
    assert "interrupted: the frames that were finished are kept" in errors
    assert _frames_in(out) == accounting["enhanced"] >= 6
    assert not [path for path in out.parent.rglob("*") if "part" in path.name]


def _frames_in(out: Path) -> int:
    if out.is_dir():
        lines = (out / "frames.jsonl").read_text().splitlines()
        assert {json.loads(line)["file"] for line in lines} == {path.name for path in out.glob("*.png")}
        return len(lines)
    source = open_source(out)  # read to its end: a container of frames with times of their own only guesses how many
    return sum(1 for _ in iter(source.read, None))


STUCK = """
import sys, threading
import numpy as np
from edgeenh.backends import fake
from edgeenh.cli import main

def hang(self, image, strength, out):
    if image.any():  # not while warming up
        print("stuck", flush=True)
        threading.Event().wait()

fake.FakeSession.run = hang
sys.exit(main({words!r}))
"""


def test_a_second_ctrl_c_ends_a_run_whose_backend_hangs(
    start_script: Start, tmp_path: Path, fake: list[object]
) -> None:
    out, report_file = tmp_path / "out.mp4", tmp_path / "report.json"
    words = ["run", "synthetic:96x64@100", *fake, "--in-process", "--out", out, "--json", report_file]
    process = start_script(STUCK.format(words=[str(word) for word in words]))
    _read_until(process.stdout, process, "stuck")
    process.send_signal(signal.SIGINT)
    _read_until(process.stderr, process, "edgeenh: stopping after what is begun")  # it waits for that frame
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    accounting = json.loads(report_file.read_text())["accounting"]
    assert (accounting["in_flight"], accounting["holds"]) == (1, True)
    assert not out.exists()


LOADING = """
import signal, sys
import edgeenh.enhancer
from edgeenh.cli import main

def wait(*arguments, **options):
    print("loading", flush=True)
    signal.pause()

edgeenh.enhancer.load = wait
sys.exit(main({words!r}))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_loading_leaves_nothing(start_script: Start, tmp_path: Path, number: signal.Signals) -> None:
    words = ["run", "synthetic:96x64@100", "--in-process", "--out", str(tmp_path / "out.mp4")]
    process = start_script(LOADING.format(words=words))
    _read_until(process.stdout, process, "loading")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "edgeenh: interrupted\n")
    assert not list(tmp_path.glob("*out*"))


ENHANCE = """
import sys
import edgeenh.files
from edgeenh.cli import main

write_bytes = edgeenh.files.write_bytes

def write_and_wait(path, data):
    write_bytes(path, data)
    print("written", path.name, flush=True)
    sys.stdin.readline()

edgeenh.files.write_bytes = write_and_wait
sys.exit(main({words!r}))
"""


def test_a_signal_ends_enhance_after_the_picture_it_is_at(
    start_script: Start, tmp_path: Path, fake: list[object], make_picture: Any
) -> None:
    from edgeenh.pictures import write_picture

    for index in range(5):
        write_picture(tmp_path / "in" / f"{index}.png", make_picture(32, 48, index))
    words = ["enhance", tmp_path / "in", *fake, "--out", tmp_path / "out", "--json", tmp_path / "r.json"]
    process = start_script(ENHANCE.format(words=[str(word) for word in words]))
    _read_until(process.stdout, process, "written 0.png")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    counts = json.loads((tmp_path / "r.json").read_text())["counts"]
    assert counts == {"found": 5, "enhanced": 1, "done_before": 0, "failed": 0, "not_begun": 4}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "enhanced.jsonl"]


@pytest.mark.parametrize("command", ["run", "station"])
def test_sigterm_before_the_command_is_even_loaded_is_an_interrupt(command: str) -> None:
    script = (
        "import os, signal, sys\nfrom edgeenh import cli\n"
        "cli._app_for = lambda words: os.kill(os.getpid(), signal.SIGTERM)\n"
        f"sys.exit(cli.main([{command!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "edgeenh: interrupted\n")
