"""Frames to the worker in use, and the judgement on what became of them: slow, hung, failed once, or of no use any more.

The thread that brings a frame only ever waits for that frame; whatever else takes time is the keeper's.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from edgeenh.backends.base import LARGE_FRAME
from edgeenh.containment.keeper import Keeper
from edgeenh.containment.lifecycle import Lifecycle, State
from edgeenh.containment.process import Assignment, LateError, Prepared, WorkerProcess
from edgeenh.containment.recovery import Budget, Rung
from edgeenh.errors import DeviceLost, EdgeenhError, InputError, IntegrityError, WorkerFailed
from edgeenh.frames import PassthroughReason as Reason

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.pixels import Levels

HANG_FACTOR, HANG_LEAST_S = 20.0, 1.0
"""A worker hangs when a frame takes so many times what it took at the start, and at least so long."""

ERRORS_IN_A_ROW = 3
"""After so many failed or unhealthy frames the worker is replaced: an error that stays may not be recognised as such."""

BUDGETS = 64
"""So many of the last frames tell what time a frame usually has."""

MEMORY_EVERY = 16
"""A worker's memory is looked at after every so many frames."""

MEMORY_FACTOR, MEMORY_MORE = 4, 512 << 20
"""Without a limit of the caller's, a worker may hold so many times what it held at first, and so many bytes more."""

LARGE_BYTES = 128
"""And so many more for every pixel of a frame above `LARGE_FRAME`: measured are 50 (OpenVINO) to 90 (ONNX Runtime)."""


class Supervisor:
    """See the module's docstring. `run` may be called from several threads; they wait for each other.

    Args:
        bundle, assignment, rungs, budget: As in `Lifecycle`.
        memory_limit: Bytes a worker may hold; None = by `MEMORY_FACTOR` and `MEMORY_MORE`.

    Attributes:
        life: The worker in use and its state.
    """

    def __init__(
        self,
        bundle: Bundle,
        assignment: Assignment,
        rungs: tuple[Rung, ...],
        budget: Budget,
        memory_limit: int | None = None,
    ) -> None:
        self.life = Lifecycle(bundle, assignment, rungs, budget, memory_limit)
        self._budgets: deque[float] = deque(maxlen=BUDGETS)
        self._errors, self._unhealthy, self._last_unhealthy = 0, 0, (0, 0)
        self._keeper = Keeper(self.life)

    def prepare(self, height: int, width: int) -> Prepared:
        """Wait until a worker is ready for frames of this size.

        Raises:
            EdgeenhError: What kept the last backend of the ladder from opening.
        """
        process = self.life.claim((height, width), None)
        try:
            return process.prepared_for(height, width)
        finally:
            self.life.release()

    def run(
        self, image: Levels, out: Levels, strength: float, bits: int, budget_s: float | None
    ) -> tuple[Prepared, Bundle]:
        """Enhance one frame.

        Args:
            image, out, strength, bits: As in `WorkerProcess.run`, checked.
            budget_s: The answer must be there within so many seconds, and nothing else is waited for; None = wait for
                a worker, and give a frame whose worker ended to the next one, once.

        Returns:
            What enhanced it, and its bundle.

        Raises:
            WorkerFailed: There is no worker in time.
            EdgeenhError: What the worker raised.
        """
        deadline = None if budget_s is None else time.monotonic() + budget_s
        if budget_s is not None:
            self._budgets.append(budget_s)
        try:
            return self._run(image, out, strength, bits, deadline)
        except WorkerFailed as exc:
            if deadline is not None or exc.reason not in (Reason.WORKER_DIED, Reason.WORKER_HUNG):
                raise
        return self._run(image, out, strength, bits, None)

    @property
    def usual_budget_s(self) -> float | None:
        """The most that one of the last frames was given; None when none was in a hurry."""
        return max(self._budgets, default=None)

    def distrust(self, detail: str) -> None:
        """Tell that the last result was no picture; the worker is replaced when that repeats."""
        life = self.life
        with life.changed:
            if (process := life.process) is None:
                return
            number = (process.pid, process.frames)
            in_a_row = number == (self._last_unhealthy[0], self._last_unhealthy[1] + 1)
            self._unhealthy, self._last_unhealthy = (self._unhealthy + 1 if in_a_row else 1), number
            if self._unhealthy >= ERRORS_IN_A_ROW or life.trial is not None:
                what = f"{self._unhealthy} unhealthy results in a row: {detail}"
                life.leave(process, Reason.UNHEALTHY_OUTPUT, what)

    def degrade(self, detail: str) -> bool:
        """Go on with the next backend; False when there is none, and then nothing changes."""
        life = self.life
        with life.changed:
            if life.state is State.CLOSED or life.recovery.rung == life.recovery.rungs[-1]:
                return False
            life.leave(life.process, Reason.DRIFT, detail, refused=True)
            return True

    def close(self) -> None:
        """End every worker and the keeper, whatever they do; returns within two seconds. Closing twice is allowed."""
        self.life.kill_all()
        self._keeper.join()
        self.life.close()

    def _run(
        self, image: Levels, out: Levels, strength: float, bits: int, deadline: float | None
    ) -> tuple[Prepared, Bundle]:
        height, width = image.shape[:2]
        process = self.life.claim((height, width), deadline)
        try:
            hang_s = max(HANG_LEAST_S, HANG_FACTOR * process.prepared_for(height, width).frame_s)
            left = hang_s if deadline is None else min(hang_s, deadline - time.monotonic())
            if left <= 0:
                raise WorkerFailed("there was no time left for this frame", Reason.DEADLINE)
            try:
                prepared = process.run(image, out, strength, bits, left)
            except LateError:
                raise self._late(process, hang_s - left, left) from None
            except EdgeenhError as exc:
                self._judge(process, exc)
                raise
            self._succeeded(process)
            assert process.bundle is not None  # only an open process is claimed
            return prepared, process.bundle
        finally:
            self.life.release()

    def _late(self, process: WorkerProcess, remaining_s: float, waited_s: float) -> WorkerFailed:
        """No answer in time: the keeper waits for it as long as it may take, or the worker hangs."""
        life = self.life
        if remaining_s <= 0:
            detail = f"the worker process gave no answer within {waited_s:.1f} s and was killed"
            life.fail(process, Reason.WORKER_HUNG, detail)
            return WorkerFailed(detail, Reason.WORKER_HUNG)
        detail = f"the worker process gave no answer within {waited_s * 1e3:.0f} ms"
        with life.changed:
            if life.state is State.READY and life.process is process:
                life.at_s, life.outage = time.monotonic() + remaining_s, (Reason.DEADLINE, detail)
                life.enter(State.LATE)
        return WorkerFailed(detail, Reason.DEADLINE)

    def _judge(self, process: WorkerProcess, error: EdgeenhError) -> None:
        """Decide what an error of a frame means for its worker."""
        self._errors += not isinstance(error, InputError)
        if isinstance(error, WorkerFailed):
            self.life.fail(process, Reason.WORKER_DIED, str(error))
        elif isinstance(error, DeviceLost | IntegrityError):
            self.life.fail(process, Reason.BACKEND_ERROR, f"the worker process was ended: {error}")
        elif not isinstance(error, InputError) and (self._errors >= ERRORS_IN_A_ROW or self.life.trial is not None):
            what = f"the worker process was ended after {self._errors} failed frames in a row: {error}"
            self._errors = 0
            self.life.fail(process, Reason.BACKEND_ERROR, what)

    def _succeeded(self, process: WorkerProcess) -> None:
        life = self.life
        self._errors = 0
        with life.changed:
            if life.process is not process:
                return
            life.recovery.recovered()
            if life.trial is not None:
                life.trial.succeeded()
        if process.frames % MEMORY_EVERY == 0:
            self._watch_memory(process)

    def _watch_memory(self, process: WorkerProcess) -> None:
        held, limit = process.memory_bytes(), self.life.memory_limit
        if limit is None:
            limit = self.life.memory_limit = MEMORY_FACTOR * held + MEMORY_MORE
        if self.life.asked_limit is None:
            limit += LARGE_BYTES * sum(h * w for h, w in process.prepared if h * w > LARGE_FRAME)
        if held > limit:
            detail = f"the worker process held {held >> 20} MiB, allowed are {limit >> 20}, and was replaced"
            self.life.fail(process, Reason.WORKER_MEMORY, detail)
