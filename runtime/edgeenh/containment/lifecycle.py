"""The life of one worker after another: which is in use, in what state, and what comes after a failure.

IDLE ── a size is wanted ──► STARTING ──► READY ◄──► GROWING (a new size), LATE (an answer is overdue)
                                ▲           │
          after a pause, or on the next     │ died, hung, too much memory, device lost, errors in a row
          backend, or after `retry_s`       ▼
                             STARTING or DOWN (gave up for now)                        CLOSED from everywhere
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from edgeenh.containment.process import GONE_S, Assignment, WorkerProcess
from edgeenh.containment.recovery import Budget, Measure, Recovery, Rung
from edgeenh.enhancer import SESSIONS
from edgeenh.errors import EdgeenhError, InferenceFailed, WorkerFailed
from edgeenh.frames import PassthroughReason as Reason
from edgeenh.notices import KEPT, Notice

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle

OPEN_S = 900.0
"""How long a worker may take to open and prepare: a backend may compile an engine meanwhile."""


class State(StrEnum):
    """See the module's docstring."""

    IDLE = "idle"
    STARTING = "starting"
    READY = "ready"
    GROWING = "growing"
    LATE = "late"
    DOWN = "down"
    CLOSED = "closed"


class Installed(NamedTuple):
    """A worker that is or was in use, with its bundle and its ladder."""

    process: WorkerProcess
    bundle: Bundle
    recovery: Recovery


class Trial(Protocol):
    """A swap that is not confirmed yet; both are called with `Lifecycle.changed` held."""

    def succeeded(self) -> None:
        """A frame was enhanced."""
        ...

    def failed(self) -> bool:
        """The worker failed; True when the former one is in use again, and nothing else need be done."""
        ...


class Lifecycle:
    """What the threads share; everything is read and written with `changed` held.

    Args:
        bundle: The model.
        assignment: What workers shall be; backend and precision are the ladder's.
        rungs: The ladder.
        budget: How often workers may fail.
        memory_limit: Bytes that a worker may hold; None = not known yet.

    Attributes:
        changed: The condition that guards all this; notified when anything changes.
        at_s: When STARTING or DOWN ends, or LATE becomes a hang: seconds of `time.monotonic`.
        sizes: Sizes of frames (height, width) that were asked for, the newest last.
        outage: Why there is no worker: what frames pass through with.
        refusal: What kept every worker from opening; None once one did.
        ever_ready: A worker was ready once.
        troubled: A worker failed, and no other was ready since.
    """

    def __init__(
        self,
        bundle: Bundle,
        assignment: Assignment,
        rungs: tuple[Rung, ...],
        budget: Budget,
        memory_limit: int | None,
    ) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.bundle, self.state, self.budget = bundle, State.IDLE, budget
        self.process: WorkerProcess | None = None
        self.recovery = Recovery(rungs, budget)
        self.trial: Trial | None = None
        self.notices: deque[Notice] = deque(maxlen=KEPT)
        self.sizes: deque[tuple[int, int]] = deque(maxlen=SESSIONS)
        self.outage: tuple[Reason, str] = (Reason.WORKER_STARTING, "the worker process is being started")
        self.refusal: EdgeenhError | None = None
        self.ever_ready, self.troubled, self.at_s = False, False, 0.0
        self.first_faults: list[dict[str, Any]] = []  # played by the next worker while it opens
        self.memory_limit = self.asked_limit = memory_limit
        self._assignment, self._busy = assignment, False
        self._alive, self._ended = set[WorkerProcess](), list[WorkerProcess]()
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="edgeenh-spawner")

    def tell(self, kind: str, detail: str) -> None:
        """Add a notice."""
        self.notices.append(Notice(kind, detail))

    def wanted_sizes(self) -> tuple[tuple[int, int], ...]:
        """`sizes` at this moment."""
        with self.changed:
            return tuple(self.sizes)

    # ── having the worker for oneself ──

    def claim(self, size: tuple[int, int], deadline: float | None) -> WorkerProcess:
        """The worker, ready for frames of `size`, which it is asked to be; the caller's alone until `release`.

        Args:
            size: (height, width).
            deadline: Seconds of `time.monotonic`: only another frame is waited for, and only until then. None = until
                there is a worker, or none may come.

        Raises:
            WorkerFailed: There is none; the reason is the outage's.
            EdgeenhError: None ever opened; what kept them from it.
        """
        with self.changed:
            while True:
                process = self._wait_ready(size, deadline)
                if not self._busy:
                    self._busy = True
                    return process
                left = None if deadline is None else deadline - time.monotonic()
                if not self.changed.wait(left) and left is not None:
                    raise WorkerFailed("the worker process was busy with another frame", Reason.DEADLINE)

    def claim_present(self, *states: State) -> WorkerProcess | None:
        """The worker in use, as `claim`, whatever it is ready for; None when there is none or the state is another."""
        with self.changed:
            self.changed.wait_for(lambda: not self._busy)
            if self.process is not None and self.state in states:
                self._busy = True
                return self.process
            return None

    def release(self) -> None:
        """Give the worker back."""
        with self.changed:
            self._busy = False
            self.changed.notify_all()

    def _wait_ready(self, size: tuple[int, int], deadline: float | None) -> WorkerProcess:
        if size in self.sizes:
            self.sizes.remove(size)
        self.sizes.append(size)
        if self.state is State.IDLE:
            self.enter(State.STARTING)
        while True:
            ready = self.process if self.state is State.READY else None
            if ready is not None and ready.ready_for(*size) is not None:
                return ready
            if ready is not None:
                self.outage = (Reason.WORKER_STARTING, f"the worker prepares for frames of {size[1]}x{size[0]}")
                self.enter(State.GROWING)
            if self.state in (State.CLOSED, State.DOWN) or deadline is not None:
                raise self._unavailable()
            self.changed.wait()

    def _unavailable(self) -> EdgeenhError:
        if self.state is State.CLOSED:
            return InferenceFailed("this enhancer is closed: load the bundle again")
        if self.refusal is not None:
            return self.refusal
        reason, detail = self.outage
        return WorkerFailed(detail, reason)

    # ── from one state to the next ──

    def enter(self, state: State) -> None:
        """Go to `state`; nothing leads out of CLOSED."""
        with self.changed:
            if self.state is not State.CLOSED:
                self.state = state
            self.changed.notify_all()

    def fail(self, process: WorkerProcess, reason: Reason, detail: str) -> None:
        """`process` is of no use any more; nothing happens when it is not the one in use."""
        with self.changed:
            if self.process is process:
                self.leave(process, reason, detail)

    def leave(self, process: WorkerProcess | None, reason: Reason, detail: str, *, refused: bool = False) -> None:
        """Kill a worker, or go without one that did not start, and decide what comes next.

        Args:
            process: The worker.
            reason: What frames pass through with until there is another.
            detail: The same for people.
            refused: Another on the same backend cannot help.
        """
        if process is not None:
            process.kill()
            self._ended.append(process)
        if self.state is State.CLOSED:
            return
        if self.trial is not None and self.trial.failed():
            threading.Thread(target=self.reap, name="edgeenh-reap", daemon=True).start()
            return
        self.process, self.troubled = None, True
        self.tell(reason.value, detail)
        now_s = time.monotonic()
        step = self.recovery.refused(now_s) if refused else self.recovery.failed(now_s)
        self.outage, self.at_s = (reason, detail), step.at_s
        if step.measure is Measure.LOWER:
            self.tell("backend_lowered", f"the next worker runs {step.rung}: {detail}")
        if step.measure is Measure.GIVE_UP:
            detail = f"no backend is left, one worker is tried again every {self.budget.retry_s:g} s: {detail}"
            self.outage = (Reason.GAVE_UP, detail)
            self.tell(Reason.GAVE_UP.value, detail)
        self.enter(State.DOWN if step.measure is Measure.GIVE_UP else State.STARTING)

    # ── workers ──

    def start_process(self, bundle: Bundle, rung: Rung) -> WorkerProcess:
        """Start and open a worker beside; the caller retires it, or installs it. Raises as `WorkerProcess.open`."""
        with self.changed:
            if self.state is State.CLOSED:
                raise InferenceFailed("this enhancer is closed: load the bundle again")
            process = WorkerProcess(self._spawner, self.tell)
            self._alive.add(process)
            faults, self.first_faults = self.first_faults, []
        assignment = replace(self._assignment, backend=rung.backend, precision=rung.precision)
        try:
            process.open(bundle, assignment, OPEN_S, faults)
        except BaseException:
            self.retire(process)
            raise
        return process

    def install(self, process: WorkerProcess, bundle: Bundle, rung: Rung, trial: Trial) -> Installed | None:
        """Put an opened worker in the place of the present one, between two frames, on trial.

        Returns:
            What was replaced, still alive; None when no worker was in use, and then nothing changed.
        """
        with self.changed:
            self.changed.wait_for(lambda: not self._busy)
            if self.state is not State.READY or self.process is None:
                return None
            former = Installed(self.process, self.bundle, self.recovery)
            ladder = (rung, *(other for other in self.recovery.rungs if other != rung))
            self._use(Installed(process, bundle, Recovery(ladder, self.budget)))
            self.trial = trial
            return former

    def restore(self, former: Installed) -> None:
        """Put back what `install` replaced."""
        self.trial = None
        self._use(former)
        self.enter(State.READY)

    def _use(self, installed: Installed) -> None:
        self.process, self.bundle, self.recovery = installed
        self.memory_limit = self.asked_limit

    def retire(self, process: WorkerProcess) -> None:
        """End a worker that nobody uses any more."""
        process.close()
        with self.changed:
            self._alive.discard(process)

    def reap(self) -> None:
        """Give back what ended workers held, as soon as nobody uses them."""
        with self.changed:
            self.changed.wait_for(lambda: not self._busy)
            ended, self._ended = self._ended, []
        for process in ended:
            self.retire(process)

    def kill_all(self) -> None:
        """CLOSED: end every worker at once; whoever waits for one gets an error."""
        with self.changed:
            self.enter(State.CLOSED)
            for process in self._alive:
                process.kill()

    def close(self) -> None:
        """Give back everything; after `kill_all`."""
        with self.changed:
            self.changed.wait_for(lambda: not self._busy, GONE_S / 2)
            for process in self._alive:
                process.close()
            self._alive.clear()
        self._spawner.shutdown(wait=False)
