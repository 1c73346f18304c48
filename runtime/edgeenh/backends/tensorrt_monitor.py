"""A TensorRT build that tells how far it is and can be stopped at any moment.

The build runs in a thread of its own: Python handles a Ctrl-C in the main thread only, and only between two of its own
instructions, so a main thread that waited inside the builder would hear it minutes later. Here it waits for the
thread, and what interrupts it is what the builder is told at its next step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Progress = Callable[[str, int, int], None]
"""Told the builder's phase, the steps done and the steps in all; called from the builder's threads."""

_LOOK_S = 0.1
"""How often the waiting thread lets Python handle signals."""


def run_build(trt: Any, builder: Any, network: Any, config: Any, progress: Progress | None) -> Any:
    """The plan of a network, or None where the builder gave up.

    Raises:
        BaseException: What `progress` raised, or what interrupted the waiting, once the builder has ended.
    """
    monitor = config.progress_monitor = make_monitor(trt, progress)
    results: list[Any] = []
    ended = threading.Event()

    def build() -> None:
        try:
            results.append(builder.build_serialized_network(network, config))
        except BaseException as exc:  # passed on to who waits
            monitor.error = monitor.error or exc
        finally:
            ended.set()

    threading.Thread(target=build, name="edgeenh-tensorrt-build", daemon=True).start()
    _wait(ended, monitor)
    if monitor.error is not None:
        raise monitor.error
    return results[0]


def make_monitor(trt: Any, progress: Progress | None) -> Any:
    """An `IProgressMonitor` that tells `progress`, and ends the build once its `error` is set."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.error: BaseException | None = None
            self.steps: dict[str, int] = {}

        def tell(self, phase: str, done: int) -> bool:
            try:
                if self.error is None and progress is not None:
                    progress(phase, done, self.steps.get(phase, done))
            except BaseException as exc:  # an exception must not cross the C++ frames of the builder
                self.error = exc
            return self.error is None

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:  # noqa: ARG002
            self.steps[phase_name] = num_steps
            self.tell(phase_name, 0)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return self.tell(phase_name, step + 1)

        def phase_finish(self, phase_name: str) -> None:
            self.tell(phase_name, self.steps.get(phase_name, 0))

    return Monitor()


def _wait(ended: threading.Event, monitor: Any) -> None:
    """Wait for the end of the build; the first interruption ends it, and what comes after is as if it were the first.

    An event and not `Thread.join`: a `join` that is interrupted takes the thread for ended.
    """
    while not ended.is_set():
        try:
            ended.wait(_LOOK_S)
        except BaseException as exc:
            monitor.error = monitor.error or exc
