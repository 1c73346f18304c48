"""What a run writes down: JSON lines and TensorBoard, readable by others, appended to by a resumed run."""

from __future__ import annotations

import dataclasses
import errno
import json
import threading
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.tensorflow_stub.io.gfile import LocalFileSystem

from edgeenh.cli import output
from edgeenh_train.cli import _shown
from edgeenh_train.config import TrainConfig
from edgeenh_train.data import Folders
from edgeenh_train.journal import LOG_FILE, SAMPLES_FOLDER, TENSORBOARD_FOLDER, Journal
from edgeenh_train.loop import LOG_EVERY_STEPS, train


def curves(out: Path) -> EventAccumulator:
    found = EventAccumulator(str(out / TENSORBOARD_FOLDER))
    found.Reload()
    return found


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / LOG_FILE).read_text(encoding="utf-8").splitlines()]


def test_figures_and_sheets_are_readable(tmp_path: Path) -> None:
    sheet = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    with Journal(tmp_path) as journal:
        journal.event({"event": "links ä"})
        journal.figures(20, {"quality": 0.5, "data_wait": 0.25})
        journal.figures(40, {"quality": 0.25, "data_wait": 0.125})
        journal.samples(40, sheet)
    assert lines(tmp_path) == [
        {"event": "links ä"},
        {"images": 20, "quality": 0.5, "data_wait": 0.25},
        {"images": 40, "quality": 0.25, "data_wait": 0.125},
    ]
    board = curves(tmp_path)
    assert [(point.step, point.value) for point in board.Scalars("quality")] == [(20, 0.5), (40, 0.25)]
    assert [(point.step, point.value) for point in board.Scalars("data_wait")] == [(20, 0.25), (40, 0.125)]
    (image,) = board.Images("samples")
    decoded = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert np.array_equal(decoded[..., ::-1], sheet)
    assert cv2.imread(str(tmp_path / SAMPLES_FOLDER / "00000040.jpg")).shape == sheet.shape


def test_a_resumed_run_appends_and_forgets_what_it_does_again(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        for images in (10, 20, 30):
            journal.figures(images, {"quality": images / 100})
    with Journal(tmp_path, images=20) as journal:
        for images in (30, 40):
            journal.figures(images, {"quality": images / 10})
    assert [line["images"] for line in lines(tmp_path)] == [10, 20, 30, 30, 40]
    points = [(point.step, round(point.value, 3)) for point in curves(tmp_path).Scalars("quality")]
    assert points == [(10, 0.1), (20, 0.2), (30, 3.0), (40, 4.0)]


def test_only_one_of_several_processes_writes(tmp_path: Path) -> None:
    with Journal(tmp_path, active=False) as journal:
        journal.figures(10, {"quality": 1.0})
        journal.samples(10, np.zeros((8, 8, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / LOG_FILE).mkdir()
    (tmp_path / TENSORBOARD_FOLDER).write_text("a file")
    (tmp_path / SAMPLES_FOLDER).write_text("a file")
    with Journal(tmp_path) as journal:
        journal.figures(10, {"quality": 1.0})
        journal.samples(10, np.zeros((8, 8, 3), np.uint8))
    assert (tmp_path / TENSORBOARD_FOLDER).read_text() == "a file"
    assert [line.partition(" is incomplete")[0] for line in journal.remarks] == [
        str(tmp_path / TENSORBOARD_FOLDER), str(tmp_path / LOG_FILE), str(tmp_path / SAMPLES_FOLDER)
    ]  # fmt: skip


def test_what_tensorboard_cannot_write_in_its_own_thread_is_a_remark_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    told: list[threading.ExceptHookArgs] = []
    hook = told.append
    monkeypatch.setattr(threading, "excepthook", hook)
    monkeypatch.setattr(LocalFileSystem, "_write", full)
    with Journal(tmp_path) as journal:
        journal.figures(10, {"quality": 1.0})
        other = threading.Thread(target=lambda: 1 / 0)
        other.start()
        other.join()
    assert journal.remarks == [
        f"{tmp_path / TENSORBOARD_FOLDER} is incomplete: some of it could not be written (No space left on device)"
    ]
    assert threading.excepthook is hook
    assert [failure.exc_type for failure in told] == [ZeroDivisionError]  # what others fail of is still told
    assert [line["images"] for line in lines(tmp_path)] == [10]


def test_a_sheet_that_cannot_be_written_does_not_end_the_run(
    tiny: TrainConfig, folders: Folders, tmp_path: Path
) -> None:
    (tmp_path / SAMPLES_FOLDER).write_text("a file")
    report = train(tiny, folders, tmp_path, device="cpu")
    assert (report.finished, report.images) == (True, 12)
    assert any(line.startswith(f"{tmp_path / SAMPLES_FOLDER} is incomplete") for line in report.remarks)


def test_a_run_that_goes_on_keeps_one_story(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> None:
    every = LOG_EVERY_STEPS * tiny.batch
    train(dataclasses.replace(tiny, images=every), folders, tmp_path, device="cpu")
    train(dataclasses.replace(tiny, images=2 * every + 2), folders, tmp_path, device="cpu", resume=True)
    departure, story = lines(tmp_path)[1], [line for line in lines(tmp_path) if "images" in line]
    assert departure["event"].startswith(f"the run was planned for {every} pictures, and now for {2 * every + 2}")
    assert [line["images"] for line in story] == [every, 2 * every, 2 * every + 2]
    assert [point.step for point in curves(tmp_path).Scalars("identity")] == [every, 2 * every, 2 * every + 2]
    assert all(0.0 <= line["data_wait"] <= 1.0 and line["images_per_second"] > 0 for line in story)


def test_the_wait_for_data_is_measured_and_shown(
    tiny: TrainConfig, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []

    class Bar:
        def update(self, _done: int, note: str = "") -> None:
            notes.append(note)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(output, "progress", lambda *_: Bar())
    seconds = count()
    with ExitStack() as bars:
        show = _shown(bars, Bar())  # type: ignore[arg-type]
        report = train(tiny, folders, tmp_path, device="cpu", progress=show, clock=lambda: float(next(seconds)))
    (line,) = lines(tmp_path)
    assert report.data_wait_share == pytest.approx(line["data_wait"], abs=0.1)
    assert line["data_wait"] > 0.1  # every look at this clock takes a second, and two of them surround every wait
    assert notes[-1].startswith(f"data wait {100 * line['data_wait']:.0f} %, ")
    assert "identity" in notes[-1]
