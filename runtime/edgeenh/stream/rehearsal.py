"""Plays a schedule of faults on a running stream, watches what becomes of its frames, and says whether that was as promised."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from edgeenh.errors import UsageError
from edgeenh.frames import PassthroughReason
from edgeenh.stream.events import Event, EventLog
from edgeenh.stream.fault_camera import CameraFaults, with_camera_faults
from edgeenh.stream.fault_disk import FaultyDisk, FaultySink, with_full_disk
from edgeenh.stream.fault_schedule import KINDS, Fault, FaultSchedule

if TYPE_CHECKING:
    from edgeenh.frames import EnhancedFrame
    from edgeenh.sinks import Sink
    from edgeenh.sources import Source
    from edgeenh.stream.clock import Clock
    from edgeenh.stream.spool import Spool

WAIT_S = 60.0
"""A fault of the worker that falls due while there is no worker waits so long for the next one."""

SLOW_FRAMES = 5

ANSWERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "camera-lost": (("lost",), ("back",)),
    "camera-stall": (("lost",), ("back",)),
    "frame-corrupt": (("incomplete",),),
    "resize": (("size_changed",),),
    "worker-kill": (("worker_died",), ("worker_recovered",)),
    "worker-hang": (("worker_hung",), ("worker_recovered",)),
    "worker-leak": (("worker_memory",), ("worker_recovered",)),
    "gpu-lost": (("backend_error",), ("worker_recovered",)),
    "model-nan": ((PassthroughReason.UNHEALTHY_OUTPUT.value,),),
    "slow-model": (),
    "disk-full": (("not_spooled", "not_written", "sink_failed"), ("spooled_again", "written_again", "sink_back")),
    "clock-step": (),
}
"""What must be seen after a fault, one of each group: kinds of events, or reasons with which frames passed through."""


@dataclass(slots=True)
class Played:
    """One fault and what came after it.

    Attributes:
        fault: From the schedule.
        at_ns: When it was played; None = it was not.
        why_not: Why it was not.
        seen: Reasons with which frames passed through since.
        frames, enhanced: Frames handed over since.
        late: Frames handed over since that were older than allowed.
    """

    fault: Fault
    at_ns: int | None = None
    why_not: str = "the stream ended before its time"
    seen: set[str] = field(default_factory=set)
    frames: int = 0
    enhanced: int = 0
    late: int = 0

    def missing(self, kinds: set[str]) -> list[str]:
        """What the contract demands and was not seen; `kinds` of events since."""
        if self.at_ns is None:
            return [f"not played: {self.why_not}"]
        seen = kinds | self.seen
        missing = [f"no {' or '.join(group)}" for group in ANSWERS[self.fault.kind] if not seen & set(group)]
        if not self.frames:
            missing.append("no frame came after it")
        elif not self.enhanced:
            missing.append("no frame was enhanced after it")
        if self.late:
            missing.append(f"{self.late} frames were handed over older than allowed")
        return missing


class Rehearsal:
    """Plays the faults of a schedule in a thread of its own. One stream uses it, once.

    `clock-step` steps `time.time` and the spool's labels for the whole of this process, until the stream ends.

    Args:
        schedule: What to play.
        clock: The stream's.
        max_age_ns: Beyond it a frame is late; None = it never is.
    """

    def __init__(self, schedule: FaultSchedule, clock: Clock, max_age_ns: int | None = None) -> None:
        self.schedule = schedule
        self.played = [Played(fault) for fault in schedule.faults]
        self._clock, self._max_age_ns = clock, max_age_ns
        self._camera = CameraFaults(clock)
        self._disks: list[FaultyDisk | FaultySink] = []
        self._enhancer: Any = None
        self._former: Played | None = None  # the last fault of the worker
        self._spool: Spool | None = None
        self._log: EventLog | None = None
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None
        self._restore: list[Callable[[], None]] = []

    # ── what the faults go through ──

    def source(self, source: Source) -> Source:
        """The source, or one around it whose camera can fail."""
        if not self.schedule.needing("camera"):
            return source
        return with_camera_faults(source, self._camera)

    def sink(self, sink: Sink) -> Sink:
        """`sink`, whose disk can be full; see `with_full_disk`."""
        faulty, disks = with_full_disk(sink, self._clock)
        self._disks += disks
        return faulty

    def attach(self, enhancer: object, spool: Spool | None, log: EventLog) -> None:
        """What else there is to fail.

        Raises:
            UsageError: The schedule needs a worker process, and there is none.
        """
        if self.schedule.needing("worker") and not hasattr(enhancer, "worker_pid"):
            found = self.schedule.needing("worker")[0].kind
            raise UsageError(
                f"the fault {found} needs a worker process: leave out --in-process, or use ContainedEnhancer"
            )
        self._enhancer, self._spool, self._log = enhancer, spool, log
        if spool is not None and self.schedule.needing("disk"):
            spool.disk = disk = FaultyDisk(spool.disk, self._clock)
            self._disks.append(disk)

    # ── playing ──

    def start(self) -> None:
        """The stream begins: times of the schedule count from here."""
        began = self._clock.now_ns()
        self._thread = threading.Thread(target=self._play_all, args=(began,), name="edgeenh-faults", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The stream has ended: nothing more is played, and the time of day is as it was."""
        self._cancelled.set()
        if self._thread is not None:
            self._thread.join(1.0)
        while self._restore:
            self._restore.pop()()

    def see(self, result: EnhancedFrame, now_ns: int) -> None:
        """A frame is handed over."""
        for played in self.played:
            if played.at_ns is None or result.finished_ns < played.at_ns:
                continue
            played.frames += 1
            played.enhanced += result.enhanced
            if result.reason is not None:
                played.seen.add(result.reason.value)
            if self._max_age_ns is not None and now_ns - result.original.captured_ns > self._max_age_ns:
                played.late += 1

    def to_json(self, started_ns: int) -> list[dict[str, Any]]:
        """Each fault, when it was played, and whether it was answered as the contract demands."""
        return [self._one(played, started_ns) for played in self.played]

    def _one(self, played: Played, started_ns: int) -> dict[str, Any]:
        at_ns, missing = played.at_ns, self._missing(played)
        return {
            "fault": str(played.fault),
            "played_ms": None if at_ns is None else round((at_ns - started_ns) / 1e6, 3),
            "demanded": KINDS[played.fault.kind].answer,
            "answered": not missing,
            "missing": missing,
        }

    def _play_all(self, began_ns: int) -> None:
        for played in self.played:
            if not self._clock.wait_until(began_ns + round(played.fault.at_s * 1e9), self._cancelled):
                return
            if problem := self.play(played):
                played.at_ns, played.why_not = None, problem
                self._tell("fault_not_played", f"{played.fault}: {problem}")

    def play(self, played: Played) -> str:
        """Play one fault now; returns why it could not be, empty when it was."""
        fault = played.fault
        kind, needs = fault.kind, KINDS[fault.kind].needs
        if needs == "worker" and not self._worker_is_ready():
            return "there was no worker"
        if needs == "disk" and not self._disks:
            return "nothing is written to a disk"
        played.at_ns = self._clock.now_ns()  # before it is played: its answer may come at once
        self._tell("fault_played", f"{fault}: {KINDS[kind].what}")
        if needs == "camera":
            self._play_camera(fault)
        elif needs == "worker":
            self._former = played
            self._play_worker(kind, fault.amount)
        elif needs == "disk":
            for disk in self._disks:
                disk.fill(round(fault.amount * 1e9))
        else:
            self._step_clock(fault.amount)
        return ""

    def _play_camera(self, fault: Fault) -> None:
        if fault.kind == "frame-corrupt":
            self._camera.incomplete += round(fault.amount)
        else:
            self._camera.asked[fault.kind] = round(fault.amount * 1e9)

    def _worker_is_ready(self) -> bool:
        """Wait for a worker, and until the fault before this one is answered: a second one would fall on a dead worker."""
        deadline, former = time.monotonic() + WAIT_S, self._former
        while self._enhancer.worker_pid is None or (former is not None and self._missing(former)):
            if time.monotonic() > deadline or self._cancelled.wait(0.02):
                break
        return self._enhancer.worker_pid is not None

    def _missing(self, played: Played) -> list[str]:
        events = self._log.all() if self._log else []
        return played.missing({event.kind for event in events if played.at_ns and event.at_ns >= played.at_ns})

    def _play_worker(self, kind: str, amount: float) -> None:
        enhancer = self._enhancer
        if kind == "worker-kill":
            enhancer.kill_worker()
        elif kind == "worker-leak":
            enhancer.limit_memory(amount / 2)
            enhancer.play("leak", amount=amount)
        elif kind == "slow-model":
            enhancer.play("slow", times=SLOW_FRAMES, amount=amount * 1e3)
        else:
            enhancer.play({"worker-hang": "hang", "gpu-lost": "lose-device", "model-nan": "constant"}[kind])

    def _step_clock(self, seconds: float) -> None:
        real, real_ns = time.time, time.time_ns
        time.time = lambda: real() + seconds
        time.time_ns = lambda: real_ns() + round(seconds * 1e9)

        def restore() -> None:
            time.time, time.time_ns = real, real_ns

        self._restore.append(restore)
        if self._spool is not None:
            self._restore.append(self._spool.step_wall(timedelta(seconds=seconds)))

    def _tell(self, kind: str, detail: str) -> None:
        if self._log is not None:
            self._log.add(Event(kind, detail, self._clock.now_ns()))
