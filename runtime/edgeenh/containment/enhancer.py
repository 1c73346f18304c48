"""The enhancer whose backend runs in a process of its own: the same calls, and nothing that happens there ends the caller."""

from __future__ import annotations

import weakref
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import numpy as np

from edgeenh.arguments import (
    check_device,
    check_frame,
    check_out,
    check_precision,
    check_size,
    check_strength,
    check_threads,
)
from edgeenh.backends import AUTO, NAMES
from edgeenh.backends.contract import graph_precision
from edgeenh.containment.faults import check_fault
from edgeenh.containment.lifecycle import State
from edgeenh.containment.process import Assignment, Prepared
from edgeenh.containment.recovery import Budget, Rung
from edgeenh.containment.supervisor import Supervisor
from edgeenh.containment.swap import Swapper
from edgeenh.errors import EdgeenhError, UsageError
from edgeenh.frames import Provenance

if TYPE_CHECKING:
    from edgeenh.backends import SessionInfo
    from edgeenh.bundle import Bundle
    from edgeenh.notices import Notice
    from edgeenh.pixels import Levels, Pixels

Picture = TypeVar("Picture", bound="Levels")


class ContainedEnhancer:
    """Enhances frames in a worker process; in all else as `edgeenh.Enhancer`. Usable as a context manager.

    The caller's process never imports the backend's library. When the worker dies, hangs, loses its device or takes
    too much memory, it is killed and another started: at once, then after growing pauses, then on the next backend
    (with `backend="auto"`), then none but a try from time to time; `notices` tells each step. A call without a time
    limit waits for the next worker, and a frame whose worker ended is given to the next one once. A call with one
    (`budget_s`, as a live stream gives it) raises `WorkerFailed` in time, and never waits for a worker.

    Args:
        bundle: An opened bundle.
        backend: A name, or `auto`.
        precision, strength, threads, device, cache_dir: As in `Enhancer`.
        budget: How often workers may fail.
        memory_limit_mib: A worker that holds more is replaced; None = four times what it held at first, and 512.
        nice: Added to the workers' niceness: 19 = they get what nobody else wants.
        public_key, floor: What a bundle that `swap` opens must be signed by, and its lowest version, as in `Bundle.open`.

    Attributes:
        notices: What happened, oldest first; whoever reads takes them out. At most the last 1000 are kept.

    Raises:
        UsageError: An argument is none of the above, or the bundle enlarges: that is for `Enhancer`.
    """

    keeps_time = True
    """It takes `budget_s`."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        backend: str = "auto",
        precision: str | None = None,
        strength: float = 1.0,
        threads: int | None = None,
        device: str = "auto",
        cache_dir: Path | None = None,
        budget: Budget | None = None,
        memory_limit_mib: int | None = None,
        nice: int = 0,
        public_key: str | Path | None = None,
        floor: int | str | Path | None = None,
    ) -> None:
        if bundle.manifest.generator.scale != 1:
            raise UsageError(
                f"{bundle.path} enlarges {bundle.manifest.generator.scale} times; the worker process takes models that "
                "keep the size: use `edgeenh enhance` for pictures, or edgeenh.Enhancer"
            )
        self._trust: dict[str, Any] = {"public_key": public_key, "floor": floor}
        if precision is not None:
            check_precision(precision)
            bundle.model(graph_precision(precision))  # a graph that is not there is said now, not at the first frame
        self._strength = check_strength(strength)
        if memory_limit_mib is not None and memory_limit_mib < 1:
            raise UsageError(f"the memory limit is {memory_limit_mib} MiB, expected 1 or more")
        assignment = Assignment(
            backend, precision, check_threads(threads), check_device(device), cache_dir and cache_dir.absolute(), nice
        )
        limit = None if memory_limit_mib is None else memory_limit_mib << 20
        self._supervisor = Supervisor(bundle, assignment, _ladder(backend, precision), budget or Budget(), limit)
        self._swapper = Swapper(self._supervisor.life)
        self._used: tuple[Prepared, Bundle] | None = None
        self._finalizer = weakref.finalize(self, self._supervisor.close)

    def __call__(self, image: Picture, strength: float | None = None, *, bits: int | None = None) -> Picture:
        """Enhance one frame into a new array; see `Enhancer.__call__`."""
        check_frame(image, self.bundle.manifest, bits)
        out = np.empty(image.shape, image.dtype)
        self.enhance_into(image, out, strength, bits=bits)
        return cast("Picture", out)

    def enhance_into(
        self,
        image: Levels,
        out: Levels,
        strength: float | None = None,
        *,
        bits: int | None = None,
        budget_s: float | None = None,
    ) -> Provenance:
        """Enhance one frame into `out`; see `Enhancer.enhance_into`.

        Args:
            image, out, strength, bits: As there. `out` is written by this process alone, and only when all went well.
            budget_s: Seconds within which this returns or raises; None = wait for a worker.

        Returns:
            Which model made the picture, and how.

        Raises:
            WorkerFailed: There was no worker, or it ended or was too late; its `reason` says which.
            EdgeenhError: As `Enhancer.enhance_into`.
        """
        depth = check_frame(image, self.bundle.manifest, bits)
        check_out(image, out)
        wanted = self._strength if strength is None else check_strength(strength)
        self._used = self._supervisor.run(image, out, wanted, depth, budget_s)
        return _provenance(*self._used, wanted)

    def prepare(self, height: int, width: int) -> SessionInfo:
        """Have a worker ready for frames of this size; see `Enhancer.prepare`.

        Raises:
            EdgeenhError: As there; `WorkerFailed` when workers ended while they started, on every backend.
        """
        check_size(height, width, self.bundle.manifest.generator)
        prepared = self._supervisor.prepare(height, width)
        self._used = (prepared, self.bundle)
        return prepared.info

    @property
    def bundle(self) -> Bundle:
        """The bundle in use."""
        return self._supervisor.life.bundle

    @property
    def info(self) -> SessionInfo | None:
        """What the last used session really uses; None before the first frame."""
        return None if self._used is None else self._used[0].info

    @property
    def pixels(self) -> Pixels:
        """What the bundle's pictures are."""
        return self.bundle.manifest.pixels

    @property
    def scale(self) -> int:
        """1: see the class."""
        return self.bundle.manifest.generator.scale

    @property
    def strength(self) -> float:
        """The strength of calls that give none."""
        return self._strength

    @property
    def state(self) -> State:
        """What the worker does at this moment."""
        return self._supervisor.life.state

    @property
    def worker_pid(self) -> int | None:
        """The process that enhances at this moment; None when there is none."""
        process = self._supervisor.life.process
        return None if process is None else process.pid

    @property
    def notices(self) -> deque[Notice]:
        """See the class."""
        return self._supervisor.life.notices

    def provenance(self, strength: float | None = None) -> Provenance:
        """Which model made the last picture; see `Enhancer.provenance`."""
        if self._used is None:
            raise UsageError("no backend is open yet: enhance a frame or call prepare(height, width) first")
        return _provenance(*self._used, self._strength if strength is None else strength)

    def swap(
        self,
        bundle: str | Path | Bundle | None = None,
        *,
        strength: float | None = None,
        max_latency_ms: float | None = None,
    ) -> None:
        """Change bundle or strength between two frames, without losing one; callable from any thread.

        A bundle is opened, judged by its golden frames and timed in a second worker first, and is then on trial for
        its first frames: see `edgeenh.containment.swap`. When it is refused, this raises and the present one goes on.

        Args:
            bundle: A path or an opened bundle; None = only the strength changes.
            strength: The new strength of calls that give none; None = as it is.
            max_latency_ms: Refuse the bundle when a frame takes longer; None = what the last frames were given, if any.

        Raises:
            UsageError: Another model, an older version, a strength outside 0…1, or another swap is not done yet.
            IntegrityError, InputError: It is no bundle that may be used.
            GateFailed: It fails its golden frames, or is too slow.
        """
        from edgeenh.bundle import Bundle

        wanted = None if strength is None else check_strength(strength)
        if bundle is not None:
            try:
                opened = bundle if isinstance(bundle, Bundle) else Bundle.open(Path(bundle), **self._trust)
            except EdgeenhError as exc:
                self._supervisor.life.tell("swap_refused", f"{exc}; {self.bundle.manifest.title} goes on")
                raise
            limit = self._supervisor.usual_budget_s if max_latency_ms is None else max_latency_ms / 1e3
            self._swapper.swap(opened, limit)
        if wanted is not None:
            former, self._strength = self._strength, wanted
            self._supervisor.life.tell("strength_changed", f"the strength is {wanted:g}, it was {former:g}")

    def distrust(self, detail: str) -> None:
        """Tell that the last result was no picture; the worker is replaced when that repeats."""
        self._supervisor.distrust(detail)

    def degrade(self, detail: str) -> bool:
        """Go on with the next backend of the ladder; False when there is none, and then nothing changes."""
        return self._supervisor.degrade(detail)

    def play(self, fault: str, times: int = 1, amount: float = 0.0, *, at_start: bool = False) -> None:
        """Have the worker play a fault, to see that it is contained.

        Args:
            fault: One of `edgeenh.containment.faults.FAULTS`.
            times: On so many frames.
            amount: Milliseconds (`slow`) or MiB (`leak`).
            at_start: True = the next worker plays it while it starts; False = the present one, from its next frame on.
        """
        document = {"kind": check_fault(fault), "times": times, "amount": amount}
        if at_start:
            self._supervisor.life.first_faults.append(document)
        elif (process := self._supervisor.life.process) is not None:
            process.play(fault, times, amount)

    def kill_worker(self) -> None:
        """Have the kernel kill the present worker, to see that frames go on; nothing happens when there is none."""
        process = self._supervisor.life.process
        if process is not None:
            process.kill()

    def limit_memory(self, more_mib: float) -> None:
        """Allow the present worker so many MiB more than it holds now, to see that a leak is noticed; the next has the usual limit."""
        life = self._supervisor.life
        with life.changed:
            if life.process is not None:
                life.memory_limit = life.process.memory_bytes() + round(more_mib * (1 << 20))

    def close(self) -> None:
        """End the worker, whatever it does; closing twice is allowed, enhancing afterwards raises `InferenceFailed`."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _ladder(backend: str, precision: str | None) -> tuple[Rung, ...]:
    """What workers run, best first: with `auto`, one by one what it chooses among, should the choosing itself end a worker."""
    if not isinstance(backend, str) or backend not in ("auto", *NAMES):
        raise UsageError(
            f"there is no backend {backend!r}: choose auto or one of {', '.join(NAMES)}; "
            "a backend object runs in the process only, with edgeenh.Enhancer"
        )
    names = ("auto", *AUTO) if backend == "auto" else (backend,)
    return tuple(Rung(name, precision) for name in names)


def _provenance(prepared: Prepared, bundle: Bundle, strength: float) -> Provenance:
    info = prepared.info
    return Provenance(
        bundle.sha256, info.engine_sha256, info.backend, info.provider, info.precision, strength, bundle.manifest.title
    )
