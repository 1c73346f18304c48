"""Another bundle or strength while frames go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.bundle import Bundle, write_bundle
from edgeenh.containment.lifecycle import State
from edgeenh.containment.process import WorkerProcess
from edgeenh.containment.swap import TRIAL_FRAMES
from edgeenh.errors import EdgeenhError, GateFailed, InputError, IntegrityError, UsageError
from edgeenh.pictures import encode_frame
from edgeenh.stream import Stream

Contained = Callable[..., Any]
Until = Callable[..., None]
Kinds = Callable[[Any], list[str]]
Picture = NDArray[np.uint8]


@pytest.fixture
def variant(tiny_bundle: Bundle, tmp_path: Path) -> Callable[..., Bundle]:
    """variant(reference=None, **manifest) → the small bundle with other fields, and another picture as the reference."""

    def make(reference: Picture | None = None, **fields: Any) -> Bundle:
        manifest = replace(tiny_bundle.manifest, **{"version": 2, **fields})
        members = {name: tiny_bundle.read(name) for name in tiny_bundle.members}
        if reference is not None:
            members["golden/frame.fp32.png"] = encode_frame(reference, ".png")
        return write_bundle(tmp_path / "variant.edgeenh", replace(manifest, files={}), members)

    return make


def _enhance(worker: Any, frame: Picture) -> str:
    return str(worker.enhance_into(frame, np.empty_like(frame)).bundle_sha256)


def test_a_newer_bundle_takes_over_between_two_frames_and_is_confirmed(
    contained: Contained, frame: Picture, variant: Callable[..., Bundle], tiny_bundle: Bundle, kinds: Kinds
) -> None:
    worker = contained(backend="onnxruntime", precision="fp32", threads=1)
    assert _enhance(worker, frame) == tiny_bundle.sha256
    old = worker.worker_pid
    newer = variant()
    worker.swap(newer.path)
    assert worker.worker_pid != old
    with pytest.raises(UsageError, match="another bundle is on trial"):
        worker.swap(newer)
    assert [_enhance(worker, frame) for _ in range(TRIAL_FRAMES)] == [newer.sha256] * TRIAL_FRAMES
    assert worker.bundle.sha256 == newer.sha256
    assert kinds(worker) == ["swapped", "swap_refused", "swap_confirmed"]


def test_while_a_stream_runs_no_frame_is_lost_and_each_names_one_model(
    contained: Contained, frame: Picture, variant: Callable[..., Bundle], tiny_bundle: Bundle
) -> None:
    worker = contained()
    newer, failures = variant(), list[BaseException]()
    swapped = threading.Event()

    def swap() -> None:
        try:
            worker.swap(newer)
        except BaseException as exc:
            failures.append(exc)
        swapped.set()

    def pictures() -> Any:
        for number in range(10):
            yield np.roll(frame, number, 0)
        threading.Thread(target=swap).start()
        number = 10
        while not swapped.is_set():
            yield np.roll(frame, number, 0)
            number += 1
        for more in range(30):
            yield np.roll(frame, number + more, 0)

    stream = Stream(pictures(), worker)
    used = []
    for result in stream:
        assert stream.accounting.holds
        assert result.provenance is not None, result.detail
        assert np.array_equal(result.image, np.clip(result.original.image.astype(int) + 40, 0, 255))
        used.append(result.provenance.bundle_sha256)
    assert failures == []
    change = used.index(newer.sha256)
    assert set(used[:change]) == {tiny_bundle.sha256}
    assert set(used[change:]) == {newer.sha256}
    assert stream.accounting.counts().enhanced == len(used) >= 40
    assert {"swapped", "swap_confirmed"} <= {event.kind for event in stream.events}


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("older", UsageError, "is version 1 of tiny, expected 3 or newer"),
        ("another", UsageError, "is other for RGB, expected tiny for RGB"),
        ("wrong", GateFailed, "fails the gate of tiny 4 on this station"),
        ("slow", GateFailed, "ms for a frame of 64x48, expected at most 0.0 ms"),
        ("damaged", IntegrityError, "member"),
        ("missing", InputError, "there is no bundle at"),
        ("dies", EdgeenhError, "killed by SIGKILL"),
    ],
)
def test_a_bundle_that_will_not_do_is_refused_and_the_present_one_goes_on(
    contained: Contained, frame: Picture, variant: Callable[..., Bundle], tmp_path: Path, kinds: Kinds,
    how: str, error: type[EdgeenhError], message: str,
) -> None:  # fmt: skip
    present = variant(version=3)
    worker = contained(present, backend="onnxruntime", precision="fp32", threads=1)
    assert _enhance(worker, frame) == present.sha256
    pid, path = worker.worker_pid, tmp_path / "variant.edgeenh"
    limit = 1e-6 if how == "slow" else None
    if how == "older":
        variant(version=1)
    elif how == "another":
        variant(id="other", version=4)
    elif how == "wrong":
        variant(version=4, reference=np.zeros((48, 64, 3), np.uint8) + np.arange(64, dtype=np.uint8)[:, None])
    elif how == "damaged":
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif how == "missing":
        path.unlink()
    elif how == "dies":
        worker.play("die", at_start=True)
    with pytest.raises(error, match=message):
        worker.swap(path, max_latency_ms=limit)
    assert [notice.detail.endswith(" goes on") for notice in worker.notices] == [True]
    assert kinds(worker) == ["swap_refused"]
    assert message.split(",")[0].split(" of ")[0] in worker.notices[-1].detail
    assert _enhance(worker, frame) == present.sha256
    assert (worker.worker_pid, len(worker._supervisor.life._alive)) == (pid, 1)


@pytest.mark.parametrize("fault", ["die", "raise", "lose-device"])
def test_one_that_fails_on_trial_is_rolled_back_at_once(
    contained: Contained, frame: Picture, variant: Callable[..., Bundle], tiny_bundle: Bundle, kinds: Kinds, fault: str
) -> None:
    worker = contained()
    _enhance(worker, frame)
    old, newer = worker.worker_pid, variant()
    worker.swap(newer)
    assert _enhance(worker, frame) == newer.sha256
    worker.play(fault)
    with pytest.raises(EdgeenhError):
        worker.enhance_into(frame, np.empty_like(frame), budget_s=20.0)
    made = worker.enhance_into(frame, np.empty_like(frame), budget_s=20.0)  # the former is there: nothing to wait for
    assert made.bundle_sha256 == tiny_bundle.sha256 == worker.bundle.sha256
    assert (worker.worker_pid, worker.state) == (old, State.READY)
    assert kinds(worker) == ["swapped", "swap_rolled_back"]
    worker.swap(newer)  # another try is allowed


def test_an_unhealthy_result_on_trial_rolls_back(
    contained: Contained, frame: Picture, variant: Callable[..., Bundle], tiny_bundle: Bundle, kinds: Kinds
) -> None:
    worker = contained()
    _enhance(worker, frame)
    worker.swap(variant())
    worker.play("constant")
    pictures = [np.roll(frame, number, 0) for number in range(3)]
    results = list(Stream(pictures, worker))
    assert [result.enhanced for result in results] == [False, True, True]
    assert results[-1].provenance is not None
    assert results[-1].provenance.bundle_sha256 == tiny_bundle.sha256


def test_the_strength_changes_between_two_frames(contained: Contained, frame: Picture, kinds: Kinds) -> None:
    worker = contained()
    assert np.array_equal(worker(frame), np.clip(frame.astype(int) + 40, 0, 255))
    worker.swap(strength=0.5)
    assert np.array_equal(worker(frame), np.clip(frame.astype(int) + 20, 0, 255))
    assert worker.provenance().strength == worker.strength == 0.5
    with pytest.raises(UsageError, match=r"the strength is 1\.5"):
        worker.swap(strength=1.5)
    assert kinds(worker)[-1] == "strength_changed"


def test_without_a_worker_there_is_nothing_to_swap(contained: Contained, variant: Callable[..., Bundle]) -> None:
    worker = contained()
    with pytest.raises(UsageError, match="no worker is running"):
        worker.swap(variant())


def test_it_closes_while_a_swap_is_in_progress(
    contained: Contained, frame: Picture, variant: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = contained()
    _enhance(worker, frame)
    opening, errors = threading.Event(), list[BaseException]()
    prepare = WorkerProcess.prepare

    def announce(self: WorkerProcess, *size: Any) -> Any:
        opening.set()
        return prepare(self, *size)

    monkeypatch.setattr(WorkerProcess, "prepare", announce)
    newer = variant()
    worker._supervisor.life.first_faults.append({"kind": "slow", "times": 1, "amount": 100})

    def swap() -> None:
        try:
            worker.swap(newer)
        except EdgeenhError as exc:
            errors.append(exc)

    swapping = threading.Thread(target=swap)
    swapping.start()
    assert opening.wait(20)
    worker.close()
    swapping.join(10)
    assert not swapping.is_alive()
    assert len(errors) == 1
    assert not worker._supervisor.life._alive
