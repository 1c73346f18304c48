"""Bulk work on a cluster of two machines: the same bytes as on one, resumed, with what cannot be done named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray", reason="ray is not installed (extra cluster)")

from edgeenh.bulk import cluster as driver
from edgeenh.cli import main
from edgeenh.dicom import decode_dicom
from edgeenh.dicom.derived import new_uid
from edgeenh.errors import OutputFailed

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

Pictures = Callable[..., Path]
HOW = ["--backend", "onnxruntime", "--precision", "fp32", "--threads", "1"]


def enhance(capsys: Any, *words: object) -> tuple[int, Any, str]:
    """Exit code, the report, and what was said on stderr."""
    words = (*words, *HOW)
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        code = main(["enhance", *map(str, words), "--json", str(report)])
        return code, json.loads(report.read_text()) if report.exists() else None, capsys.readouterr().err


def contents(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".jsonl")
    return {os.fspath(path.relative_to(folder)): path.read_bytes() for path in found}


def test_the_same_bytes_as_on_one_machine_and_either_goes_on_where_the_other_stopped(
    cluster: Any, pictures: Pictures, tmp_path: Path, capsys: Any
) -> None:
    source = pictures(*(f"{folder}/{number}.png" for folder in ("a", "b") for number in range(3)), "b/caf\udce9.png")
    (source / "broken.png").write_bytes(b"no picture")
    here, there = tmp_path / "here", tmp_path / "there"
    code, alone, _ = enhance(capsys, source, "--out", here)
    assert (code, alone["counts"]["enhanced"], alone["counts"]["failed"]) == (1, 7, 1)
    code, spread, said = enhance(capsys, source, "--out", there, "--ray", cluster.address)
    assert (code, spread["counts"]) == (1, alone["counts"])
    assert "broken.png" in said
    assert contents(there) == contents(here)
    assert [one["input"] for one in spread["pictures"]] == [one["input"] for one in alone["pictures"]]
    assert [one["detail"] for one in spread["pictures"]] == [one["detail"] for one in alone["pictures"]]
    assert len({one["node"] for one in spread["pictures"] if one["node"]}) == 2, "both machines had work"

    (there / "a" / "1.png").write_bytes(b"damaged")
    _, again, _ = enhance(capsys, source, "--out", there, "--ray", cluster.address)
    assert (again["counts"]["enhanced"], again["counts"]["done_before"]) == (1, 6)
    _, on_one, _ = enhance(capsys, source, "--out", there)
    assert (on_one["counts"]["enhanced"], on_one["counts"]["done_before"]) == (0, 7)
    assert contents(there) == contents(here)
    _, everything, _ = enhance(capsys, source, "--out", there, "--ray", cluster.address, "--again")
    assert everything["counts"]["enhanced"] == 7


def test_a_file_that_ends_every_worker_is_named_and_the_others_are_done(
    cluster: Any, pictures: Pictures, tmp_path: Path, capsys: Any
) -> None:
    source = pictures("0.png", "1.png", "poison.png", "2.png")
    code, report, said = enhance(capsys, source, "--out", tmp_path / "out", "--ray", cluster.address)
    assert (code, report["counts"]["enhanced"], report["counts"]["failed"]) == (1, 3, 1)
    assert "poison.png: the process that had it ended" in said
    assert sorted(contents(tmp_path / "out")) == ["0.png", "1.png", "2.png"]


def test_dicom_objects_of_a_series_stay_one_series_whoever_has_them(
    cluster: Any, tmp_path: Path, grey_bundle_path: Path, make_grey: Any, dicom_of: Any, capsys: Any
) -> None:
    pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")
    source, series = tmp_path / "in", new_uid()
    source.mkdir()
    for number in range(6):
        picture = np.roll(make_grey(40, 56, 8), number, axis=1)
        (source / f"{number}.dcm").write_bytes(dicom_of(picture, SeriesInstanceUID=series, InstanceNumber=number))
    model = ["--model", grey_bundle_path]
    enhance(capsys, source, "--out", tmp_path / "here", *model)
    code, _, _ = enhance(capsys, source, "--out", tmp_path / "there", "--ray", cluster.address, *model)
    assert code == 0
    made = [decode_dicom((tmp_path / "there" / f"{n}.dcm").read_bytes(), "there") for n in range(6)]
    alone = [decode_dicom((tmp_path / "here" / f"{n}.dcm").read_bytes(), "here") for n in range(6)]
    for one, other in zip(made, alone, strict=True):
        assert np.array_equal(one.frame(0), other.frame(0))
    assert len({str(one.dataset.SeriesInstanceUID) for one in made} - {series}) == 1
    assert len({str(one.dataset.SOPInstanceUID) for one in made}) == 6


def test_a_full_disk_ends_the_work_and_keeps_what_is_done(
    cluster: Any, pictures: Pictures, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    write = driver.write_bytes

    def fill(path: Path, content: bytes) -> None:
        if len(written) == 2:
            raise OutputFailed(f"{path}: the disk is full")
        written.append(path)
        write(path, content)

    monkeypatch.setattr(driver, "write_bytes", fill)
    source = pictures(*(f"{number}.png" for number in range(5)))
    code, report, _ = enhance(capsys, source, "--out", tmp_path / "out", "--ray", cluster.address)
    assert (code, report["counts"]["enhanced"], report["counts"]["failed"]) == (1, 2, 1)
    assert report["counts"]["not_begun"] == 2
    monkeypatch.undo()
    _, report, _ = enhance(capsys, source, "--out", tmp_path / "out", "--ray", cluster.address)
    assert (report["counts"]["enhanced"], report["counts"]["done_before"]) == (3, 2)


def test_a_machine_with_another_edgeenh_is_named(
    cluster: Any, pictures: Pictures, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeenh.__version__", "0.0.1")
    source = pictures("0.png", "1.png")
    code, _, said = enhance(capsys, source, "--out", tmp_path / "out", "--ray", cluster.address)
    assert code == 5, said
    assert "expected 0.0.1" in said
    assert "Traceback" not in said


def test_a_machine_that_dies_in_the_middle_costs_nothing_but_time(
    cluster: Any, hook: Path, pictures: Pictures, tmp_path: Path, capsys: Any
) -> None:
    """The last test with this cluster: both machines have begun a file when one is killed."""
    begun, go = hook / "begun", hook / "go"
    os.mkfifo(begun)
    os.mkfifo(go)
    gate = os.open(go, os.O_RDWR)  # whoever reads from it waits until it is closed
    cluster.remove_node(next(node for node in cluster.worker_nodes))
    doomed = cluster.add_node(num_cpus=1, env_vars={"EDGEENH_TEST_NODE": "doomed"})
    cluster.wait_for_nodes()

    def kill() -> None:
        begun.read_text()  # the doomed machine has begun a file
        cluster.remove_node(doomed, allow_graceful=False)
        (hook / "dead").touch()
        os.close(gate)

    source = pictures(*(f"wait-{number}.png" for number in range(6)))
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    code, report, said = enhance(capsys, source, "--out", tmp_path / "there", "--ray", cluster.address)
    killer.join()
    assert (code, report["counts"]["enhanced"], report["counts"]["failed"]) == (0, 6, 0), said
    assert len({one["node"] for one in report["pictures"]}) == 1
    enhance(capsys, source, "--out", tmp_path / "here")
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    lines = (tmp_path / "there" / "enhanced.jsonl").read_text().splitlines()
    assert len({json.loads(line)["output"] for line in lines}) == len(lines) == 6


def test_ctrl_c_keeps_what_is_finished(hook: Path, pictures: Pictures, tmp_path: Path) -> None:
    source = pictures(*(f"{number}.png" for number in range(3)), "wait-0.png", "wait-1.png")
    out = tmp_path / "out"
    for pipe in ("begun", "go", "dead"):
        (hook / pipe).unlink(missing_ok=True)
    os.mkfifo(hook / "begun")
    os.mkfifo(hook / "go")
    words = map(str, ["enhance", source, "--out", out, "--ray", "local", *HOW])
    environment = {**os.environ, "PYTHONPATH": str(hook), "EDGEENH_TEST_NODE": "doomed"}
    with subprocess.Popen(
        [sys.executable, "-m", "edgeenh.cli", *words], env=environment, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stderr is not None
        (hook / "begun").read_text()  # a worker is busy, and will be for ever
        command.send_signal(signal.SIGINT)
        said = next(line for line in command.stderr if "stopping" in line)
        command.send_signal(signal.SIGINT)
        said += command.communicate(timeout=120)[1]
    assert command.returncode == 130, said
    assert "Traceback" not in said
    finished = contents(out)
    lines = (out / "enhanced.jsonl").read_text().splitlines() if (out / "enhanced.jsonl").exists() else []
    assert {json.loads(line)["output"] for line in lines} == set(finished)
