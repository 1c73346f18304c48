"""How the rows of a comparison are measured: fairly, one at a time, each in its own process.

Method. Every row is a worker process with one opened backend, so that its memory is its own and a crash ends only that
row. The FP32 reference (ONNX Runtime on the CPU) is computed first, by a process that ends before anything is timed.
Then all workers are opened and each is warmed until steady, one after the other. Then they are driven round-robin: in
every round each worker in turn measures one block of frames while all the others wait for their next request and use no
CPU. A slow drift of the machine (temperature, a neighbour) so falls on all rows alike; the row that begins a round
changes from round to round. All rows see the same frames in the same order. The first runs of a block are not counted,
because the caches hold the previous row's data; after that every run counts and nothing is removed.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeenh.drift import Thresholds
from edgeenh.environment import cores_allowed
from edgeenh.gate import SelfTest
from edgeenh_bench.energy import Counters
from edgeenh_bench.measure import WarmUpLimits
from edgeenh_bench.modes import LATENCY, Mode
from edgeenh_bench.rows import Row, RowSpec
from edgeenh_bench.source_frames import FrameSet
from edgeenh_bench.stored_outputs import StoredOutputs
from edgeenh_bench.worker_process import OPEN_TIMEOUT_S, WorkerError, WorkerProcess, module_command

WORKER = "edgeenh_bench.worker"
"""The module that a row's process runs."""

ROUNDS = 10
"""Blocks that a row's frames are spread over, at least where there are enough frames for blocks of `MIN_BLOCK`."""

MIN_BLOCK = 5
REWARM = 2
"""Runs at the start of each block that are not counted."""

BUFFER_BYTES = 64 << 20
"""Frames that a worker holds in memory at a time, in bytes; a longer block is measured in parts."""

MOST_SLOTS = 32

SLOWEST_S = 5.0
"""Of one frame, for the drift."""

DRIFT_FRAMES = 12
"""Distinct frames, spread over the source, that the drift is measured on where nothing else was asked for."""

REFERENCE = RowSpec("onnxruntime", "fp32", "cpu")


@dataclass(frozen=True, slots=True)
class Job:
    """What is measured, the same for every row.

    Attributes:
        bundle: Path of the bundle.
        frames: The frames, stored.
        folder: Where workers keep outputs and logs; the caller removes it.
        count: Frames to measure per row; None = as many as `seconds` hold.
        seconds: Seconds to measure per row, where `count` is None.
        threads: CPU threads per session; None = all cores.
        warm_up: When a row counts as warm.
        thresholds: What the gate asks for.
        int8_thresholds: What it asks of INT8; None = the same.
        mode: How frames are given to a row.
        pictures: Keep each row's worst frames as pictures.
        module: What each row's process runs.
        compare: Measure the drift, and the fastest row twice; without, only time and memory.
        energy: What counts energy here; none, unless it was looked for.
        drift_frames: Distinct frames that the drift is measured on, as far as there are so many.
        unlike: Backends that do not compute what the bundle computes: their outputs are not compared.
        bundle_sha256: Digest of the bundle that was checked, which a worker must find again; None = any.
    """

    bundle: Path
    frames: FrameSet
    folder: Path
    count: int | None
    seconds: float = 10.0
    threads: int | None = None
    warm_up: WarmUpLimits = field(default_factory=WarmUpLimits)
    thresholds: Thresholds = field(default_factory=Thresholds)
    bundle_sha256: str | None = None
    int8_thresholds: Thresholds | None = None
    mode: Mode = field(default_factory=Mode)
    pictures: bool = False
    module: str = WORKER
    unlike: frozenset[str] = frozenset()
    compare: bool = True
    energy: Counters = field(default_factory=Counters)
    drift_frames: int = DRIFT_FRAMES

    @property
    def slots(self) -> int:
        """Frames that a worker holds in memory at a time."""
        return max(1, min(MOST_SLOTS, BUFFER_BYTES // self.frames.empty().nbytes))

    @property
    def drift_indices(self) -> list[int]:
        """The distinct frames that the drift is measured on, evenly spread."""
        wanted = min(self.drift_frames, self.frames.count)
        return [step * self.frames.count // wanted for step in range(wanted)]

    @property
    def outputs_timeout_s(self) -> float:
        """How long the outputs for the drift may take before a worker is given up."""
        return OPEN_TIMEOUT_S + SLOWEST_S * len(self.drift_indices)

    def thresholds_of(self, precision: str) -> Thresholds:
        """What the gate asks of a precision."""
        return (self.int8_thresholds if precision == "int8" else None) or self.thresholds

    def open_request(self, spec: RowSpec) -> dict[str, Any]:
        """The request that opens `spec` in a worker."""
        width, height = self.frames.size
        frames = {"frames": str(self.frames.path), "distinct": self.frames.count, "slots": self.slots}
        threads = self.mode.threads_of_each(self.threads, cores_allowed())
        what = {"backend": spec.backend, "precision": spec.precision, "device": spec.device, "threads": threads}
        frames |= {"sessions": self.mode.in_flight, "photometric": self.frames.pixels.photometric}
        bundle = {"bundle": str(self.bundle), "bundle_sha256": self.bundle_sha256}
        return {"do": "open", **bundle, "width": width, "height": height, **what, **frames}


Report = Callable[[str, int, int | None], None]
"""Told what is being done, how many units are finished, and of how many."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What measuring found beside the rows.

    Attributes:
        no_reference: Why there is no reference to measure the drift against; empty when there is one.
        twin: The fastest row once more, in a process of its own: by how much it differs is the machine's noise; it may have failed. None
            where the mode is not `latency`, or no row ran.
        interrupted: Somebody ended it before all was measured.
    """

    no_reference: str
    twin: Row | None
    interrupted: bool = False


def measure_rows(job: Job, rows: Sequence[Row], report: Report) -> Measured:
    """Measure every row that can run, filling it in place, and the fastest of them twice."""
    no_reference = make_reference(job, report) if job.compare else "not asked for"
    with ExitStack() as stack:
        workers = _open(job, rows, stack, report)
        plans = {id(row): 0 for row in rows}
        for number, (row, worker) in enumerate(workers):
            report("warming up", number, len(workers))
            plans[id(row)] = _warm_up(job, row, worker)
        twin = _twin(job, rows)
        again = _open(job, [twin], stack, report, again=True) if twin else []
        for pair in again:
            plans[id(twin)] = _warm_up(job, *pair)
        _drive(job, [*workers, *again], plans, report)
        for _, worker in again:
            worker.close()
        for number, (row, worker) in enumerate(workers):
            report("comparing outputs", number, len(workers))
            _finish(job, row, worker, has_reference=not no_reference)
    return Measured(no_reference, twin)


def _twin(job: Job, rows: Sequence[Row]) -> Row | None:
    """The row that was fastest when it was warm, to be measured again."""
    ran = [row for row in rows if row.available and row.warm_ms is not None]
    if not job.compare or job.mode.name != LATENCY or not ran:
        return None
    return Row(min(ran, key=lambda row: row.warm_ms or 0.0).spec)


def make_reference(job: Job, report: Report) -> str:
    """Store the FP32 reference of the frames for the drift; returns why that was not possible, or an empty text."""
    report("computing the FP32 reference", 0, None)
    with WorkerProcess(REFERENCE.label, job.folder / "reference.log") as worker:
        try:
            worker.ask(job.open_request(REFERENCE), OPEN_TIMEOUT_S)
            request = {"do": "outputs", "indices": job.drift_indices, "path": str(job.folder / "reference.raw")}
            worker.ask(request, job.outputs_timeout_s)
        except WorkerError as exc:
            return str(exc)
    return ""


def blocks(frames: int, rounds: int) -> list[int]:
    """Spread `frames` over `rounds` blocks whose lengths differ by at most one, the longer ones first."""
    return [frames // rounds + (number < frames % rounds) for number in range(rounds)]


def rounds_for(frames: int) -> int:
    """How many blocks a row's frames are spread over: `ROUNDS`, fewer where they would be shorter than `MIN_BLOCK`."""
    return max(1, min(ROUNDS, frames // MIN_BLOCK))


Pair = tuple[Row, WorkerProcess]


def _open(job: Job, rows: Sequence[Row], stack: ExitStack, report: Report, *, again: bool = False) -> list[Pair]:
    pairs = []
    for number, row in enumerate(rows):
        if not row.available:
            continue
        name = f"{row.spec.label}-again" if again else row.spec.label
        report(f"opening {name}", number, len(rows))
        log = job.folder / f"{name}.log"
        other = {} if job.module == WORKER else {"command": module_command(job.module)}
        worker = stack.enter_context(WorkerProcess(name, log, **other))
        answer = _ask(row, worker, job.open_request(row.spec), OPEN_TIMEOUT_S)
        if answer is None:
            worker.close()
            continue
        row.load_ms, row.first_frame_ms, row.info = answer["load_ms"], answer["first_frame_ms"], answer["info"]
        row.threads = answer["threads"]
        pairs.append((row, worker))
    return pairs


def _warm_up(job: Job, row: Row, worker: WorkerProcess) -> int:
    """Warm one row; returns how many frames it will measure."""
    answer = _ask(row, worker, {"do": "warm_up", "limits": asdict(job.warm_up)})
    if answer is None:
        return 0
    row.warm_up_frames, row.steady = answer["frames"], answer["steady"]
    row.warm_ms = statistics.median(answer["latencies_ms"])
    return job.count if job.count is not None else job.mode.frames_in(job.seconds, row.warm_ms, cores_allowed())


def _drive(job: Job, workers: Sequence[Pair], plans: dict[int, int], report: Report) -> None:
    """Round-robin over the workers until each has measured its frames."""
    rounds = max((rounds_for(frames) for frames in plans.values()), default=1)
    lengths = {row: blocks(frames, rounds) for row, frames in plans.items()}
    total, done = sum(plans.values()), 0
    for number in range(rounds):
        start = number % max(1, len(workers))
        for row, worker in [*workers[start:], *workers[:start]]:
            report("measuring", done, total)
            count = lengths[id(row)][number]
            _measure_block(job, row, worker, count)
            done += count


def _measure_block(job: Job, row: Row, worker: WorkerProcess, count: int) -> None:
    """In parts of what is in memory, in a closed loop; an open one, or frames in flight, must not be interrupted for reading."""
    before, spent = len(row.latencies_ms), job.energy.read()
    whole = job.mode.name != LATENCY
    try:
        while count > 0 and row.available:
            part = count if whole else min(count, job.slots)
            request = {"do": "block", "first": row.frames_given, "count": part, "rewarm": REWARM, **job.mode.request()}
            answer = _ask(row, worker, request, job.mode.timeout_s(part, row.warm_ms or 0.0))
            if answer is None:
                return
            row.add(answer, part)
            count -= part
    finally:  # an interrupted block counts as far as it came
        if row.available:
            row.blocks.append(len(row.latencies_ms) - before)
            row.add_energy(job.energy.joules(spent, job.energy.read()))


def _finish(job: Job, row: Row, worker: WorkerProcess, *, has_reference: bool) -> None:
    """Memory first, then outputs and drift; then the worker ends."""
    memory = _ask(row, worker, {"do": "memory"})
    if memory is not None:
        row.rss_mb, row.rss_before_mb = memory["rss_mb"], memory["rss_before_mb"]
    path = job.folder / f"{row.spec.label}.raw"
    request = {"do": "outputs", "indices": job.drift_indices, "path": str(path)}
    if row.spec.backend in job.unlike:
        worker.close()
        return
    if has_reference and (answer := _ask(row, worker, request, job.outputs_timeout_s)) is not None:
        found = answer["self_test"]
        outputs = StoredOutputs(job.frames, job.drift_indices, job.folder / "reference.raw", path)
        tested = SelfTest(tuple(found["faults"]), found["repeat_max_abs"])
        row.verdict = outputs.judge(job.thresholds_of(row.spec.precision), tested)
        if job.pictures:
            row.pictures = outputs.worst(row.verdict)
    path.unlink(missing_ok=True)
    worker.close()


def _ask(
    row: Row, worker: WorkerProcess, request: dict[str, Any], timeout_s: float | None = None
) -> dict[str, Any] | None:
    """Ask, and mark the row when there is no good answer."""
    if not row.available:
        return None
    try:
        return worker.ask(request) if timeout_s is None else worker.ask(request, timeout_s)
    except WorkerError as exc:
        row.fail(str(exc))
        return None
