"""`edgeenh run --mode exposure`: killed at any step, it loses no exposure, and the folder holds each of them once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeenh.pictures import read_frame

Run = Callable[..., Any]

KILLED = """
import os, signal, sys
from edgeenh.cli import main
from edgeenh.sinks.folder import FolderSink
from edgeenh.stream.spool import Spool
from edgeenh.stream.spool_disk import FolderDisk

left = [{steps}]

def dying(function):
    def step(*arguments, **options):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return step

for name in ("write", "sync", "rename", "remove", "sync_names"):
    setattr(FolderDisk, name, dying(getattr(FolderDisk, name)))
FolderSink._append = dying(FolderSink._append)
store = Spool.store

def store_and_tell(self, frame):
    exposure = store(self, frame)
    # in one piece: another thread may end the process in the middle of a print
    os.write(1, " ".join(["stored", exposure.id, frame.label + "\\n"]).encode())
    return exposure

Spool.store = store_and_tell
sys.exit(main({words!r}))
"""


@pytest.fixture
def exposures(tmp_path: Path) -> Path:
    """Five pictures of 12 bits in 16."""
    for number in range(5):
        picture = np.random.default_rng(number).integers(0, 4096, (24, 32), np.uint16)
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / f"{number}.png").rename(tmp_path / "in" / f"{number}.png")
    return tmp_path / "in"


@pytest.mark.parametrize(
    "steps", [6, 17, 26, *(pytest.param(step, marks=pytest.mark.slow) for step in range(1, 48, 3))]
)
def test_kill_9_at_any_step_loses_no_exposure(
    start_script: Run, edgeenh: Run, grey_bundle_path: Path, exposures: Path, tmp_path: Path, steps: int
) -> None:
    out, spool = tmp_path / "out", tmp_path / "spool"
    options = ["--model", grey_bundle_path, "--backend", "fake", "--bits", 12, "--strength", "0"]
    options += ["--mode", "exposure", "--spool", spool, "--out", out]
    words = [str(word) for word in ("run", exposures, *options)]
    process: subprocess.Popen[str] = start_script(KILLED.format(words=words, steps=steps))
    told, errors = process.communicate(timeout=60)
    assert process.returncode in (-9, 0), errors
    stored = {line.split()[1]: line.split()[2] for line in told.splitlines() if line.startswith("stored")}
    left = len(list(spool.glob("*.exposure")))
    (tmp_path / "empty").mkdir()
    if left:
        done = edgeenh("run", f"watch:{tmp_path / 'empty'}", *options, "--frames", left, "--in-process", "--json", "-")
        assert done.code == 0, done.err
        assert done.document["spool"]["replayed"] == left
    assert not list(spool.glob("*.exposure"))
    written = {path.name.partition("_")[0]: path for path in out.glob("[!.]*.png")}
    assert set(stored) <= set(written)
    assert len(written) == len(list(out.glob("[!.]*.png")))  # each once; hidden is what was being written
    for name, label in stored.items():
        assert np.array_equal(read_frame(written[name], "grey"), read_frame(exposures / label, "grey"))
    if not written:
        return
    lines = [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines() if line]
    assert {line["exposure"]["id"] for line in lines} == set(written)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--spool", "s"), "mode exposure needs a place for its pictures: --out FOLDER"),
        (("--spool", "s", "--out", "o.mp4"), "--out o.mp4 does not keep each frame as it comes"),
        (("--out", "o"), "name a folder, --spool DIR"),
        (("--mode", "live", "--spool", "s", "--out", "o"), "a spool is for mode exposure, and the mode is live"),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(
    edgeenh: Run,
    clip: Path,
    fake: list[object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = edgeenh("run", clip, *fake, "--mode", "exposure", *words)
    assert (done.code, done.out) == (2, "")
    assert expected in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "o.mp4").exists()


def test_a_full_disk_behind_the_sink_keeps_the_exposures_in_the_spool(
    edgeenh: Run, clip: Path, fake: list[object], tmp_path: Path, file_limit: Run
) -> None:
    options = [*fake, "--mode", "exposure", "--spool", tmp_path / "spool", "--out", tmp_path / "out"]
    with file_limit(0x6000):  # an exposure of 18 KiB fits, its PNG of noise with its list does not always
        edgeenh("run", clip, *options, "--json", "-", "--in-process")
    left = len(list((tmp_path / "spool").glob("*.exposure")))
    written = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert left + len(written) == 20


def test_the_same_folder_takes_run_after_run_and_nothing_is_overwritten(
    edgeenh: Run, clip: Path, fake: list[object], tmp_path: Path
) -> None:
    options = [*fake, "--mode", "exposure", "--spool", tmp_path / "spool", "--out", tmp_path / "out", "--frames", 3]
    for run in (1, 2):
        done = edgeenh("run", clip, *options, "--json", "-", "--in-process")
        assert done.code == 0
        assert len(list((tmp_path / "out").glob("*.png"))) == 3 * run
        assert len((tmp_path / "out" / "frames.jsonl").read_text().splitlines()) == 3 * run


def test_a_watched_folder_is_read_again_and_each_picture_is_one_exposure_for_ever(
    edgeenh: Run, grey_bundle_path: Path, exposures: Path, tmp_path: Path
) -> None:
    options = ["--model", grey_bundle_path, "--backend", "fake", "--mode", "exposure", "--in-process", "--json", "-"]
    options += ["--spool", tmp_path / "spool", "--out", tmp_path / "out"]
    watch = f"watch:{exposures}?existing=yes"
    first = edgeenh("run", watch, *options, "--frames", 3)  # the station is switched off after three
    assert first.code == 0, first.err
    picture = np.random.default_rng(9).integers(0, 4096, (24, 32), np.uint16)
    assert cv2.imwrite(str(exposures / "9 while it was off.png"), picture)
    second = edgeenh("run", watch, *options, "--frames", 3)
    assert second.code == 0, second.err
    assert second.document["accounting"]["lost_upstream"] == {}
    assert second.document["spool"]["known"] == 3
    labels = sorted(path.stem.partition("_")[2] for path in (tmp_path / "out").glob("*.png"))
    assert labels == ["0", "1", "2", "3", "4", "9 while it was off"]
