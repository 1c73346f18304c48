"""Nothing is left behind: no worker without its parent, no shared memory, and a close from every state."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
from edgeenh.containment.lifecycle import State

Contained = Callable[..., Any]
Until = Callable[..., None]

PARENT = """
import sys
sys.path[:] = {path!r}
import numpy as np
from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
enhancer = ContainedEnhancer(Bundle.open({bundle!r}), backend="fake")
image = np.zeros((240, 320, 3), np.uint8)
enhancer(image)
print(enhancer.worker_pid, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _no_shared_memory_is_left() -> Iterator[None]:
    before = set(Path("/dev/shm").iterdir())
    yield
    assert set(Path("/dev/shm").iterdir()) == before


def _wait_for_end(pid: int) -> None:
    """Wait until a process that is nobody's child here has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 20)[0], f"process {pid} is still there"
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("worker_is", ["idle", "stopped"])
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "ends"])
def test_no_worker_outlives_its_parent(tiny_bundle_path: Path, worker_is: str, how: str) -> None:
    script = PARENT.format(path=sys.path, bundle=str(tiny_bundle_path))
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        worker = int(parent.stdout.readline())
        if worker_is == "stopped":
            os.kill(worker, signal.SIGSTOP)
        if how == "ends":
            parent.stdin.write("\n")
            parent.stdin.flush()
        else:
            parent.send_signal(signal.Signals[how])
        parent.wait(20)
    _wait_for_end(worker)


def test_closing_ends_the_process_and_gives_back_every_descriptor_and_thread(tiny_bundle: Bundle) -> None:
    def held() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    image = np.zeros((48, 64, 3), np.uint8)
    before = held()
    for _ in range(3):
        with ContainedEnhancer(tiny_bundle, backend="fake") as enhancer:
            enhancer(image)
            os.kill(enhancer.worker_pid or 0, signal.SIGKILL)
            enhancer(image)
            pid = enhancer.worker_pid or 0
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    for thread in threading.enumerate():
        if thread.name.startswith("edgeenh-spawner"):
            thread.join(20)
    assert held() == before


def test_one_that_is_forgotten_is_closed(tiny_bundle: Bundle) -> None:
    enhancer = ContainedEnhancer(tiny_bundle, backend="fake")
    enhancer.prepare(48, 64)
    pid = enhancer.worker_pid or 0
    del enhancer
    _wait_for_end(pid)


@pytest.mark.parametrize(
    "state", ["idle", "starting", "warming", "ready", "busy", "hung", "stopped", "late", "dead", "down"]
)
def test_it_closes_from_every_state(contained: Contained, until: Until, state: str, tiny_bundle: Bundle) -> None:
    enhancer = contained()
    image = np.zeros((48, 64, 3), np.uint8)
    caller = threading.Thread(target=_ignore_errors, args=(enhancer, image, None))
    if state in ("starting", "warming"):
        enhancer.play("hang", at_start=True)
        caller.start()
        until(enhancer, lambda: enhancer.state is State.STARTING)
        if state == "warming":
            until(enhancer, lambda: enhancer._supervisor.life._alive)
    elif state != "idle":
        enhancer.prepare(48, 64)
    if state in ("busy", "hung", "late"):
        enhancer.play("slow" if state == "busy" else "hang", amount=60_000)
        caller = threading.Thread(target=_ignore_errors, args=(enhancer, image, 0.05 if state == "late" else None))
        caller.start()
        life = enhancer._supervisor.life
        until(enhancer, lambda: life.state is State.LATE if state == "late" else life._busy)
    elif state == "stopped":
        os.kill(enhancer.worker_pid, signal.SIGSTOP)
    elif state in ("dead", "down"):
        os.kill(enhancer.worker_pid, signal.SIGKILL)
        if state == "down":
            enhancer._supervisor.life.enter(State.DOWN)
    closer = threading.Thread(target=enhancer.close)
    closer.start()
    closer.join(10)
    assert not closer.is_alive()
    assert enhancer.state is State.CLOSED
    assert not enhancer._supervisor.life._alive
    assert not enhancer._supervisor._keeper._thread.is_alive()
    if caller.ident is not None:
        caller.join(10)
        assert not caller.is_alive()


def _ignore_errors(enhancer: ContainedEnhancer, image: NDArray[np.uint8], budget_s: float | None) -> None:
    from edgeenh.errors import InferenceFailed

    try:
        enhancer.enhance_into(image, np.empty_like(image), budget_s=budget_s)
    except InferenceFailed:
        return
