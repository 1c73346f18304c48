"""The thread that does for a worker's life what takes time: start one, prepare it for a new size, wait for a late answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edgeenh.containment.lifecycle import OPEN_S, Lifecycle, State
from edgeenh.containment.process import GONE_S, LateError, Prepared, WorkerProcess
from edgeenh.containment.recovery import Recovery, Rung
from edgeenh.errors import BackendUnavailable, EdgeenhError, GateFailed, InputError, IntegrityError, WorkerFailed
from edgeenh.frames import PassthroughReason as Reason

REFUSALS = (BackendUnavailable, GateFailed, IntegrityError, InputError)
"""What a worker raises when trying again on the same backend cannot help."""


class Keeper:
    """See the module's docstring; it runs from the start until the lifecycle is CLOSED."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life
        self._thread = threading.Thread(target=self._keep, name="edgeenh-keeper", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for its end, but not for long."""
        if self._thread is not threading.current_thread():
            self._thread.join(GONE_S)

    def _keep(self) -> None:
        life = self._life
        while True:
            with life.changed:
                while (job := self._job()) is None and life.state is not State.CLOSED:
                    timed = life.state in (State.STARTING, State.DOWN)
                    life.changed.wait(max(0.0, life.at_s - time.monotonic()) if timed else None)
                if job is None or life.state is State.CLOSED:
                    return
            try:
                job()
            except Exception as exc:  # without a keeper no worker would ever come again
                with life.changed:
                    detail = f"a worker process was given up: {type(exc).__name__}: {exc}"
                    life.leave(life.process, Reason.BACKEND_ERROR, detail)

    def _job(self) -> Callable[[], None] | None:
        """What is to be done at this moment; `changed` is held."""
        state = self._life.state
        if state in (State.STARTING, State.DOWN):
            return self._start if time.monotonic() >= self._life.at_s else None
        return {State.GROWING: self._grow, State.LATE: self._await_late}.get(state)

    def _start(self) -> None:
        life, started = self._life, time.monotonic()
        life.reap()
        process: WorkerProcess | None = None
        rung, prepared = life.recovery.rung, None
        try:
            process = life.start_process(life.bundle, rung)
            for height, width in life.wanted_sizes():
                prepared = process.prepare(height, width, OPEN_S)
        except (EdgeenhError, LateError) as exc:
            self._not_started(process, exc)
            return
        with life.changed:
            life.process, life.refusal, life.ever_ready = process, None, True
            life.memory_limit = life.asked_limit
            seconds = time.monotonic() - started
            if prepared is not None:
                self._pin(rung, prepared)
                what = f"{prepared.info.backend} {prepared.info.precision}"
            if life.troubled and prepared is not None:
                life.tell("worker_recovered", f"worker process {process.pid} runs {what}, ready after {seconds:.1f} s")
            life.troubled = False
            life.enter(State.READY)

    def _pin(self, rung: Rung, prepared: Prepared) -> None:
        """From now on start what was chosen, without choosing again; what passed the gate too comes next."""
        if rung.backend != "auto" and rung.precision is not None:
            return
        chosen = Rung(prepared.info.backend, prepared.info.precision)
        others = {pair[0]: Rung(*pair) for pair in reversed(prepared.accepted)}  # the fastest of each backend
        others.pop(chosen.backend, None)
        below = reversed(others.values()) if rung.backend == "auto" else ()
        self._life.recovery.pin([chosen, *below])

    def _not_started(self, process: WorkerProcess | None, error: EdgeenhError | LateError) -> None:
        life = self._life
        with life.changed:
            refused = isinstance(error, REFUSALS)
            if isinstance(error, REFUSALS) and not life.ever_ready:
                life.refusal = life.refusal or error
            if refused and life.recovery.rung.backend == "auto":  # it has tried every one of them
                life.recovery = Recovery((life.recovery.rung,), life.budget)
            reason = Reason.WORKER_DIED if isinstance(error, WorkerFailed) else Reason.BACKEND_ERROR
            detail = str(error) or f"it was not ready within {OPEN_S:g} s"
            life.leave(process, reason, f"a worker process did not start: {detail}", refused=refused)

    def _grow(self) -> None:
        height, width = self._life.wanted_sizes()[-1]
        self._attend(lambda process: process.prepare(height, width, OPEN_S))

    def _await_late(self) -> None:
        self._attend(lambda process: process.await_late(max(0.0, self._life.at_s - time.monotonic())))

    def _attend(self, ask: Callable[[WorkerProcess], object]) -> None:
        """Have the worker do something that takes its time; READY afterwards, unless it failed."""
        life = self._life
        process = life.claim_present(State.GROWING, State.LATE)
        if process is None:
            return
        try:
            ask(process)
        except LateError:
            life.fail(process, Reason.WORKER_HUNG, "the worker process hung and was killed")
        except EdgeenhError as exc:
            life.fail(process, Reason.WORKER_DIED, str(exc))
        with life.changed:
            if life.process is process and life.state in (State.GROWING, State.LATE):
                life.enter(State.READY)
            life.release()
