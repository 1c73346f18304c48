"""`edgeenh run` as a station runs it: a file of settings, several sinks, raw frames, events, pages, systemd."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeenh.errors import OutputFailed
from edgeenh.frames import EnhancedFrame
from edgeenh.monitoring.chain import verify_journal
from edgeenh.sinks.folder import FolderSink
from edgeenh.sinks.shared_memory import SharedMemorySink
from edgeenh.sources import open_source

ROOT = Path(__file__).parents[3]
Run = Callable[..., Any]


@pytest.fixture
def quick(fake: list[object]) -> list[object]:
    """The fake backend in this process."""
    return [*fake, "--in-process"]


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """child(*words, **environment) → `edgeenh words…` in a process of its own, stdout and stderr in pipes."""

    def start(*words: object, **environment: str) -> subprocess.Popen[bytes]:
        paths = os.pathsep.join(str(ROOT / name) for name in ("runtime", "train", "export", "benchmarks"))
        variables = {**os.environ, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment}
        command = [sys.executable, "-m", "edgeenh.cli", *map(str, words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables)

    return start


def test_a_file_says_it_all_and_the_command_line_goes_before_it(
    edgeenh: Run, clip: Path, tmp_path: Path, tiny_bundle_path: Path
) -> None:
    station = tmp_path / "station.toml"
    station.write_text(
        f"""
[model]
bundle = "{tiny_bundle_path}"
backend = "fake"
in_process = true
[stream]
mode = "offline"
frames = 5
[[source]]
spec = "{clip}"
[[sink]]
spec = "{tmp_path}/pictures/"
[[sink]]
spec = "{tmp_path}/video.mkv"
[monitoring]
events = "{tmp_path}/events.jsonl"
"""
    )
    done = edgeenh("run", "--config", station, "--frames", "7", "--json", tmp_path / "r.json")
    assert done.code == 0, done.err
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["accounting"]["captured"], report["mode"]) == (7, "offline")
    assert [(sink["written"], sink["failure"]) for sink in report["sinks"]] == [(7, None), (7, None)]
    assert set(report["stages_ms"]) == {"wait", "enhance", "hand_over", "age"}
    assert done.out.count("written: ") == 2
    assert open_source(tmp_path / "video.mkv").length == 7
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 7
    verdict = verify_journal(tmp_path / "events.jsonl")
    assert (verdict.holds, verdict.anchored, verdict.lines) == (True, True, 3)
    assert '"captured": 7' in (tmp_path / "events.jsonl").read_text()

    shown = edgeenh("run", "--config", station, "--max-age", "100", "--out", "null", "--dry-run")
    assert (shown.code, shown.err) == (0, "")
    assert "max_age_ms = 100.0  # --max-age" in shown.out
    assert f"frames = 5  # {station}, line 8" in shown.out
    assert shown.out.splitlines()[-1] == f"next: edgeenh run --config {station}"
    again = tomllib.loads(shown.out.rpartition("next: ")[0])
    assert again["sink"] == [{"spec": "null"}]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("[stream]\nmax_age = 3", (), "line 2: max_age is not a key of [stream]; did you mean max_age_ms?"),
        ("[stream]\nmax_age_ms = '250ms'", (), 'is "250ms", expected a number of milliseconds'),
        ("[monitoring]\n", (), "station.toml has no [[source]]: name one"),
        ("[stream]\nmax_age_ms = 3", ("CLIP", "--http", "x"), "'--http x' names no place"),
        ("", ("CLIP", "--http", "PORT"), "is taken by another program: choose another port"),
        ("", ("CLIP", "--out", "preview:PORT"), "is taken by another program: choose another port"),
        ("", ("CLIP", "--out", "shm:edgeenh-taken-PID"), "is written by process PID: choose another name"),
        ("", ("CLIP", "--events", "/proc/events.jsonl"), "cannot be written"),
        ("", ("CLIP", "--out", "-", "--json", "-"), "--json - and --out - both want stdout"),
        ("", ("CLIP", "--out", "-?format=yuv", "--events", "e.jsonl"), "raw frames of 'yuv' are not written"),
        ("", ("CLIP", "--out", "-?rate=3"), "'rate=3' is not an option, expected format="),
        ("", ("CLIP", "--out", "a/", "--out", "a/"), "more than once"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(
    edgeenh: Run, clip: Path, tmp_path: Path, quick: list[object], monkeypatch: pytest.MonkeyPatch,
    text: str, words: tuple[str, ...], expected: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    station = tmp_path / "station.toml"
    station.write_text(text)
    with socket.socket() as other, SharedMemorySink(f"edgeenh-taken-{os.getpid()}"):
        other.bind(("127.0.0.1", 0))
        other.listen()
        port, pid = str(other.getsockname()[1]), str(os.getpid())
        chosen = [{"CLIP": str(clip)}.get(word, word).replace("PORT", port).replace("PID", pid) for word in words]
        done = edgeenh("run", *chosen, *quick, "--config", station)
    assert (done.code, done.out) == (2, ""), done.err
    assert expected.replace("PID", pid) in done.err
    assert done.err.count("\n") == 1


def test_raw_frames_are_all_of_stdout_and_words_go_to_stderr(
    child: Callable[..., subprocess.Popen[bytes]], clip: Path, quick: list[object]
) -> None:
    source = open_source(clip)
    size, first = source.size, source.read()
    assert size is not None
    assert first is not None
    process = child("run", clip, *quick, "--out", "-", "--frames", "3")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    frames = np.frombuffer(out, np.uint8).reshape(3, size[1], size[0], 3)
    assert np.array_equal(frames[0], np.clip(first.image.astype(int) + 40, 0, 255))
    assert re.search(rf"raw frames on stdout: {size[0]}x{size[1]} rgb24 at .* fps; for ffmpeg", err.decode())
    assert "3 captured, 3 enhanced" in err.decode()


def test_a_reader_that_closes_its_pipe_ends_the_run_cleanly(
    child: Callable[..., subprocess.Popen[bytes]], quick: list[object], tmp_path: Path
) -> None:
    process = child(
        "run", "synthetic:320x240@30", *quick, "--mode", "offline", "--out", "-", "--json", tmp_path / "r.json"
    )
    assert process.stdout is not None
    assert len(process.stdout.read(320 * 240 * 3)) == 320 * 240 * 3
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) == 1
    assert "the reader of stdout went away after" in err
    assert "Traceback" not in err
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["accounting"]["holds"]
    assert report["failure"].startswith("the reader of stdout went away")


def test_systemd_and_the_pages_are_told_the_truth_of_a_run(
    child: Callable[..., subprocess.Popen[bytes]], quick: list[object], tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(120)
        words = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        process = child(
            "run",
            "synthetic:64x48@50",
            *quick,
            "--mode",
            "live",
            "--http",
            "0",
            "--events",
            tmp_path / "e.jsonl",
            **words,
        )
        assert process.stderr is not None
        heard = [supervisor.recv(4096).decode() for _ in range(4)]
        assert heard[0].startswith("READY=1\nSTATUS=")
        assert heard.count("WATCHDOG=1") >= 2
        port = int(re.search(rb"127\.0\.0\.1:(\d+)/ready", process.stderr.readline())[1])  # type: ignore[index]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        state = json.load(answer)
        connection.close()
        assert (answer.status, state["ok"]) == (200, True), state
        process.terminate()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        supervisor.settimeout(5)
        while not supervisor.recv(4096).startswith(b"STOPPING=1"):
            pass
    assert verify_journal(tmp_path / "e.jsonl").holds


def test_without_the_extra_the_pages_are_refused_by_name(
    edgeenh: Run, clip: Path, quick: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    done = edgeenh("run", clip, *quick, "--http", "0")
    assert done.code == 5
    assert "serving /metrics needs `pip install 'edgeenh[station]'`" in done.err


def test_several_sources_have_their_own_memory_and_events(
    edgeenh: Run, clip: Path, tmp_path: Path, quick: list[object]
) -> None:
    name = f"edgeenh-two-{os.getpid()}"
    done = edgeenh(
        "run", clip, "synthetic:64x48@30", *quick, "--mode", "offline", "--frames", "4",
        "--out", f"shm:{name}", "--out", tmp_path / "out", "--events", tmp_path / "e.jsonl",
        "--json", tmp_path / "r.json",
    )  # fmt: skip
    assert done.code == 0, done.err
    reports = json.loads((tmp_path / "r.json").read_text())["streams"]
    assert [report["accounting"]["enhanced"] for report in reports] == [4, 4]
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) != []
    assert verify_journal(tmp_path / "e.jsonl").holds
    assert not list(Path("/dev/shm").glob(f"{name}*"))


def test_a_sink_that_fails_in_live_is_told_and_the_others_go_on(
    edgeenh: Run, clip: Path, tmp_path: Path, quick: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeenh.sinks.video.RESERVE", 1 << 60)  # as on a full disk
    words = [*quick, "--mode", "live", "--max-age", "60000", "--frames", "4", "--json", "-"]
    done = edgeenh("run", clip, *words, "--out", tmp_path / "o.mp4", "--out", tmp_path / "pictures")
    report = done.document
    assert done.code == 1
    video, folder = report["sinks"]
    assert (video["written"], folder["failure"]) == (0, None)
    assert folder["written"] == report["accounting"]["enhanced"] > 0
    assert "MiB left to write" in video["failure"]
    assert [event["kind"] for event in report["events"]].count("sink_failed") == 1


def test_a_frame_that_one_of_the_sinks_lacks_is_counted_and_exit_1(
    edgeenh: Run, clip: Path, tmp_path: Path, quick: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OutputFailed("full for once")])
    written = FolderSink.write

    def write(sink: FolderSink, frame: EnhancedFrame) -> None:
        for failure in failures:
            raise failure
        written(sink, frame)

    monkeypatch.setattr(FolderSink, "write", write)
    words = [*quick, "--mode", "live", "--max-age", "60000", "--frames", "4", "--json", "-"]
    done = edgeenh("run", clip, *words, "--out", "null", "--out", tmp_path / "pictures")
    folder = done.document["sinks"][1]
    assert (done.code, folder["missed"], folder["failure"]) == (1, 1, None)


def test_a_password_is_not_shown(edgeenh: Run) -> None:
    shown = edgeenh("run", "rtsp://user:secret@192.0.2.1/live", "--dry-run")
    assert shown.code == 0
    assert "secret" not in shown.out
    assert "rtsp://" in shown.out
