"""Kill, hang, poison or leak a worker: what the frame becomes, and that enhanced frames come again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.containment import supervisor
from edgeenh.containment.lifecycle import State
from edgeenh.containment.messages import Kind, Message, to_json
from edgeenh.containment.process import WorkerProcess, _raised
from edgeenh.containment.recovery import Budget
from edgeenh.errors import BackendUnavailable, DeviceLost, EdgeenhError, InferenceFailed, UsageError, WorkerFailed
from edgeenh.frames import Frame, PassthroughReason
from edgeenh.stream.clock import MonotonicClock
from edgeenh.stream.worker import Worker

Contained = Callable[..., Any]
Until = Callable[..., None]
Kinds = Callable[[Any], list[str]]
Picture = NDArray[np.uint8]


@pytest.fixture
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "HANG_LEAST_S", 0.3)


def _enhance(worker: Any, frame: Picture, budget_s: float | None = None) -> Picture:
    out = np.empty_like(frame)
    worker.enhance_into(frame, out, budget_s=budget_s)
    return out


def _reason(worker: Any, frame: Picture, budget_s: float) -> str:
    with pytest.raises(WorkerFailed) as caught:
        _enhance(worker, frame, budget_s)
    return caught.value.reason


@pytest.mark.parametrize("backend", ["fake", "onnxruntime"])
def test_after_a_kill_frames_pass_through_at_once_until_the_next_worker(
    contained: Contained, frame: Picture, until: Until, kinds: Kinds, backend: str
) -> None:
    worker = contained(backend=backend, precision="fp32", threads=1)
    expected = _enhance(worker, frame)
    former = worker.worker_pid
    os.kill(former, signal.SIGKILL)
    assert _reason(worker, frame, 20.0) == "worker_died"
    if worker.state is State.STARTING:
        assert _reason(worker, frame, 20.0) == "worker_died"  # without waiting for the next
    until(worker, lambda: worker.state is State.READY)
    assert np.array_equal(_enhance(worker, frame, 20.0), expected)
    assert worker.worker_pid != former
    assert kinds(worker) == ["worker_died", "worker_recovered"]
    assert "was killed by SIGKILL" in worker.notices[0].detail


def test_without_a_hurry_the_frame_is_given_to_the_next_worker(contained: Contained, frame: Picture) -> None:
    worker = contained()
    expected = _enhance(worker, frame)
    for _ in range(3):
        os.kill(worker.worker_pid, signal.SIGKILL)
        assert np.array_equal(_enhance(worker, frame), expected)


def test_a_frame_that_kills_its_worker_is_given_to_one_more_only(
    contained: Contained, frame: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, asked = contained(), []

    def die(self: WorkerProcess, *_: Any) -> None:
        asked.append(self.pid)
        os.kill(self.pid, signal.SIGKILL)
        raise self._ended()

    monkeypatch.setattr(WorkerProcess, "run", die)
    with pytest.raises(WorkerFailed, match="was killed by SIGKILL"):
        _enhance(worker, frame)
    assert len(set(asked)) == len(asked) == 2


@pytest.mark.usefixtures("_short_patience")
@pytest.mark.parametrize("stopped", [False, True])
def test_a_hang_costs_the_frame_its_time_and_the_worker_its_life(
    contained: Contained, frame: Picture, until: Until, kinds: Kinds, stopped: bool
) -> None:
    worker = contained()
    _enhance(worker, frame)
    hung = worker.worker_pid
    if stopped:
        os.kill(hung, signal.SIGSTOP)
    else:
        worker.play("hang")
    assert _reason(worker, frame, 0.05) == "deadline"
    assert worker.state in (State.LATE, State.STARTING)
    until(worker, lambda: worker.worker_pid not in (hung, None))
    assert np.array_equal(_enhance(worker, frame, 20.0), np.clip(frame.astype(int) + 40, 0, 255))
    assert kinds(worker) == ["worker_hung", "worker_recovered"]


@pytest.mark.usefixtures("_short_patience")
def test_a_hang_without_a_hurry_ends_too(contained: Contained, frame: Picture, kinds: Kinds) -> None:
    worker = contained()
    worker.prepare(48, 64)
    worker.play("hang")
    assert np.array_equal(_enhance(worker, frame), np.clip(frame.astype(int) + 40, 0, 255))
    assert "worker_hung" in kinds(worker)


def test_a_late_answer_is_never_taken_for_that_of_a_newer_frame(
    contained: Contained, frame: Picture, until: Until, kinds: Kinds
) -> None:
    worker = contained()
    _enhance(worker, frame)
    pid = worker.worker_pid
    worker.play("slow", amount=200)
    out = np.full_like(frame, 9)
    with pytest.raises(WorkerFailed, match="gave no answer within 30 ms"):
        worker.enhance_into(frame, out, budget_s=0.03)
    assert _reason(worker, 255 - frame, 5.0) == "deadline"  # while it is busy nothing is asked
    until(worker, lambda: worker.state is State.READY)
    assert (out == 9).all()
    other = np.roll(frame, 5, 0)
    assert np.array_equal(_enhance(worker, other, 20.0), np.clip(other.astype(int) + 40, 0, 255))
    assert (worker.worker_pid, kinds(worker)) == (pid, [])  # slow is not dead


def test_no_time_left_is_said_without_asking_the_worker(contained: Contained, frame: Picture) -> None:
    worker = contained()
    _enhance(worker, frame)
    assert _reason(worker, frame, -1.0) == "deadline"
    assert worker.state is State.READY


def test_one_error_is_the_frames_and_three_in_a_row_are_the_workers(
    contained: Contained, frame: Picture, kinds: Kinds
) -> None:
    worker = contained()
    _enhance(worker, frame)
    worker.play("raise", times=2)
    for _ in range(2):
        with pytest.raises(InferenceFailed, match="told to fail"):
            _enhance(worker, frame)
    _enhance(worker, frame)
    worker.play("raise", times=3)
    for _ in range(3):
        with pytest.raises(InferenceFailed, match="told to fail"):
            _enhance(worker, frame)
    _enhance(worker, frame)
    assert kinds(worker) == ["backend_error", "worker_recovered"]


def test_a_lost_device_ends_the_worker_at_once(contained: Contained, frame: Picture, kinds: Kinds) -> None:
    worker = contained()
    _enhance(worker, frame)
    worker.play("lose-device")
    with pytest.raises(DeviceLost, match="told to lose its device"):
        _enhance(worker, frame)
    _enhance(worker, frame)
    assert kinds(worker) == ["backend_error", "worker_recovered"]


def test_too_few_bytes_are_an_error(contained: Contained, frame: Picture) -> None:
    worker = contained()
    _enhance(worker, frame)
    worker.play("wrong-size")
    with pytest.raises(InferenceFailed, match="4,608 bytes were written, expected 9,216"):
        _enhance(worker, frame)


def test_a_leak_ends_the_worker(contained: Contained, frame: Picture, kinds: Kinds, until: Until) -> None:
    worker = contained(memory_limit_mib=300)
    _enhance(worker, frame)
    worker.play("leak", times=16, amount=30)
    for _ in range(16):
        _enhance(worker, frame)
    until(worker, lambda: worker.state is State.READY)
    assert kinds(worker) == ["worker_memory", "worker_recovered"]
    assert "allowed are 300" in worker.notices[0].detail


@pytest.mark.parametrize("fault", ["constant", "garbage", "nothing"])
def test_poison_passes_through_and_ends_the_worker_when_it_repeats(
    contained: Contained, frame: Picture, kinds: Kinds, until: Until, fault: str
) -> None:
    worker = contained()
    clock = MonotonicClock()
    stream_worker = Worker(worker, None, clock)

    def enhance(number: int) -> Any:
        return stream_worker.enhance(Frame(np.roll(frame, number, 0), "test", number, clock.now_ns()))

    assert enhance(0).enhanced
    worker.play(fault, times=3)
    for number in range(1, 4):
        result = enhance(number)
        assert result.reason is PassthroughReason.UNHEALTHY_OUTPUT, result
        assert np.array_equal(result.image, result.original.image)
    assert enhance(4).enhanced
    assert kinds(worker) == ["unhealthy_output", "worker_recovered"]


@pytest.mark.parametrize("fault", ["die", "raise", "lose-device"])
def test_a_start_that_fails_once_is_tried_again(contained: Contained, frame: Picture, kinds: Kinds, fault: str) -> None:
    worker = contained()
    worker.play(fault, at_start=True)
    _enhance(worker, frame)
    assert kinds(worker) in (["worker_died", "worker_recovered"], ["backend_error", "worker_recovered"])


def test_the_ladder_is_gone_down_and_given_up_and_tried_again(
    contained: Contained, frame: Picture, kinds: Kinds, until: Until
) -> None:
    worker = contained(backend="auto", precision="fp32", threads=1, budget=Budget(respawns=0, retry_s=0.05))
    first = worker.enhance_into(frame, np.empty_like(frame)).backend
    names = [rung.backend for rung in worker._supervisor.life.recovery.rungs]
    assert len(names) == 3
    os.kill(worker.worker_pid, signal.SIGKILL)
    assert _reason(worker, frame, 20.0) == "worker_died"
    until(worker, lambda: worker.state is State.READY)
    second = worker.enhance_into(frame, np.empty_like(frame), budget_s=20.0).backend
    assert second != first
    assert "backend_lowered" in kinds(worker)
    worker.notices.clear()
    os.kill(worker.worker_pid, signal.SIGKILL)
    assert _reason(worker, frame, 20.0) == "worker_died"
    until(worker, lambda: worker.state is State.READY)  # nothing is left; the periodic try finds the first again
    assert kinds(worker).index("gave_up") < kinds(worker).index("worker_recovered")
    _enhance(worker, frame, 20.0)


def test_after_giving_up_nobody_waits(contained: Contained, frame: Picture, until: Until) -> None:
    worker = contained(budget=Budget(respawns=0, retry_s=3600))
    _enhance(worker, frame)
    os.kill(worker.worker_pid, signal.SIGKILL)
    with pytest.raises(WorkerFailed) as caught:
        _enhance(worker, frame)
    assert caught.value.reason == "gave_up"
    assert _reason(worker, frame, 20.0) == "gave_up"
    assert worker.state is State.DOWN


def test_workers_that_always_die_while_they_start_are_said_to(contained: Contained) -> None:
    worker = contained(budget=Budget(respawns=0, retry_s=3600))
    worker.play("die", at_start=True)
    with pytest.raises(WorkerFailed, match=r"no backend is left.*did not start.*SIGKILL"):
        worker.prepare(48, 64)


def test_a_fault_that_does_not_exist_is_refused(contained: Contained) -> None:
    with pytest.raises(UsageError, match="there is no fault 'explode' of a worker: choose one of die, hang"):
        contained().play("explode")


def test_errors_keep_their_class_across_the_processes() -> None:
    def raised(name: str) -> EdgeenhError:
        return _raised(Message(Kind.FAILED, 1, to_json(error=name, text="why")))

    assert type(raised("BackendUnavailable")) is BackendUnavailable
    assert type(raised("MissingExtra")) is BackendUnavailable
    assert type(raised("DeviceLost")) is DeviceLost
    for strange in ("", "os", "WorkerFailed", "annotations", "EdgeenhErro"):
        assert type(raised(strange)) is InferenceFailed
    assert str(raised("DeviceLost")) == "why"
