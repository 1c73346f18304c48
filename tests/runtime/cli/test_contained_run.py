"""`edgeenh run` with the model in a worker process: kills, swaps, the drift monitor."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeenh.bundle import Bundle, write_bundle
from edgeenh.cli.watch_model import ModelWatch
from edgeenh.containment.enhancer import ContainedEnhancer

Run = Callable[..., Any]

KILLING = """
import os, signal, sys
from edgeenh.cli import main
from edgeenh.containment.process import WorkerProcess

run, frames = WorkerProcess.run, []

def kill_now_and_then(self, *arguments):
    frames.append(1)
    if len(frames) in (5, 12):
        os.kill(self.pid, signal.SIGKILL)
    return run(self, *arguments)

WorkerProcess.run = kill_now_and_then
sys.exit(main({words!r}))
"""


@pytest.mark.parametrize(("mode", "code"), [("offline", 0), ("live", 0)])
def test_a_run_goes_on_when_its_worker_is_killed(
    start_script: Run, clip: Path, tmp_path: Path, fake: list[object], mode: str, code: int
) -> None:
    report_file = tmp_path / "report.json"
    words = ["run", clip, *fake, "--mode", mode, "--max-age", "10000", "--json", report_file, "--out", tmp_path / "o"]
    process: subprocess.Popen[str] = start_script(KILLING.format(words=[str(word) for word in words]))
    _, errors = process.communicate(timeout=60)
    report = json.loads(report_file.read_text())
    accounting = report["accounting"]
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert (accounting["captured"], accounting["holds"], accounting["in_flight"]) == (20, True, 0)
    if mode == "offline":
        assert accounting["enhanced"] == 20  # each frame was given to the next worker
    else:
        assert set(accounting["passthrough"]) <= {"worker_died"}
        assert 1 <= accounting["enhanced"] < 20
        assert accounting["passthrough"]["worker_died"] >= 1
    kinds = [event["kind"] for event in report["events"]]
    assert "worker_died" in kinds
    assert report["backend"]["name"] == "fake"


def test_both_ways_give_the_same_report(edgeenh: Run, clip: Path, fake: list[object]) -> None:
    documents = []
    for words in ((), ("--in-process",)):
        done = edgeenh("run", clip, *fake, *words, "--json", "-")
        assert done.code == 0
        document = done.document
        documents.append({key: document[key] for key in ("model", "backend", "accounting", "events", "strength")})
    assert documents[0] == documents[1]


def test_the_drift_monitor_reports(edgeenh: Run, clip: Path, fake: list[object]) -> None:
    done = edgeenh("run", clip, *fake, "--drift-every", "2", "--json", "-")
    assert done.code == 0
    drift = done.document["drift"]
    assert drift["every"] == 2
    assert 0 <= drift["compared"] + drift["skipped"] <= 10


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--watch-model",), "--watch-model needs --model"),
        (("--watch-model", "--in-process"), "goes without --in-process"),
        (("--drift-every", "0"), "every is 0, expected 1 or more"),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(
    edgeenh: Run, clip: Path, fake: list[object], words: tuple[str, ...], message: str
) -> None:
    model = fake if "--in-process" in words else fake[2:]
    done = edgeenh("run", clip, *(fake if "--drift-every" in words else model), *words)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_replaced_file_is_swapped_in_once_it_stays_as_it_is(tiny_bundle: Bundle, tmp_path: Path) -> None:
    def bundle(version: int) -> Path:
        members = {name: tiny_bundle.read(name) for name in tiny_bundle.members}
        manifest = replace(tiny_bundle.manifest, version=version, files={})
        return write_bundle(tmp_path / f"{version}.edgeenh", manifest, members).path

    path = tmp_path / "model.edgeenh"
    bundle(1).replace(path)
    image = np.random.default_rng(0).integers(0, 200, (48, 64, 3), np.uint8)
    with ContainedEnhancer(Bundle.open(path), backend="fake") as enhancer:
        enhancer(image)
        watch = ModelWatch(path, enhancer, every_s=3600)
        assert not watch.look()  # nothing changed
        bundle(2).replace(path)
        assert not watch.look()  # is it still being written?
        assert watch.look()
        assert enhancer.bundle.manifest.version == 2
        for _ in range(10):
            enhancer(image)
        path.write_bytes(b"half a file")
        assert not watch.look()
        assert watch.look()
        assert not watch.look()  # refused once, not every second
        path.unlink()
        assert not watch.look()
        assert enhancer.bundle.manifest.version == 2
        assert [notice.kind for notice in enhancer.notices] == ["swapped", "swap_confirmed", "swap_refused"]


def test_the_watch_ends_with_the_run(tiny_bundle: Bundle) -> None:
    enhancer = ContainedEnhancer(tiny_bundle, backend="fake")
    with ModelWatch(tiny_bundle.path, enhancer, every_s=3600) as watch:
        assert watch._thread.is_alive()
    assert not watch._thread.is_alive()
