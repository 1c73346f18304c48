"""Choosing a backend and a precision for a bundle on this machine: first right, then fast, then remembered.

Every available backend in every precision of the bundle enhances the golden frames; those that pass the bundle's gate
are timed at the frame size that will be used, and the fastest is taken. Nothing is assumed: bf16 is slower than fp32 on
some CPUs that have it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edgeenh.backends import AUTO, get_backend
from edgeenh.backends.base import Backend, SessionOptions
from edgeenh.backends.contract import graph_precision
from edgeenh.backends.first_start import Acceptance
from edgeenh.backends.memory import Memory
from edgeenh.backends.trial import Candidate, Trial
from edgeenh.drift import Thresholds
from edgeenh.environment import fingerprint
from edgeenh.errors import BackendUnavailable, EdgeenhError, GateFailed
from edgeenh.gate.evidence import write_evidence

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Report:
    """How a choice was made: every candidate, whether it was remembered from before, and remarks for the user."""

    candidates: tuple[Candidate, ...]
    remembered: bool = False
    remarks: tuple[str, ...] = ()

    def notices(self) -> list[str]:
        """What a person should know: every engine that ran and was not taken because it is wrong here, and the remarks."""
        wrong = [one for one in self.candidates if one.ran and not one.accepted]
        return [*(f"{one.backend} {one.precision} is not used: {one.reason}" for one in wrong), *self.remarks]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "remembered": self.remembered,
            "remarks": list(self.remarks),
            "candidates": [asdict(candidate) for candidate in self.candidates],
        }


class Choice(NamedTuple):
    """Backend and precision to use, and how they were chosen."""

    backend: str
    precision: str
    report: Report


def choose(
    bundle: Bundle,
    height: int,
    width: int,
    *,
    backends: Sequence[str] = AUTO,
    precision: str | None = None,
    threads: int | None = None,
    device: str = "auto",
    cache_dir: Path | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Choice:
    """Choose what runs `bundle` fastest here among what passes its gate.

    Args:
        bundle: The model; its golden frames and thresholds decide what is right.
        height: Frame height in pixels, a multiple of the bundle's.
        width: Frame width, likewise.
        backends: Names to choose among.
        precision: The only precision to consider; None = all.
        threads: As in `SessionOptions`.
        device: As in `SessionOptions`.
        cache_dir: Where choices are remembered for the same bundle, size, options and machine; None = nowhere.
        clock: Monotonic nanoseconds.

    Raises:
        UsageError: There is no backend of such a name.
        GateFailed: Something runs here, and none of it passes the gate.
        BackendUnavailable: Nothing runs here; the message has every reason.
    """
    options = SessionOptions(height, width, precision or "", threads, device)
    memory = Memory(_circumstances(bundle, backends, options), cache_dir)
    if remembered := _recall(memory, backends):
        return remembered
    trial = Trial(bundle, options, clock, cache_dir)
    candidates = tuple(
        trial.run(get_backend(name), asked) for name in backends for asked in _precisions(bundle, name, precision)
    )
    accepted = [candidate for candidate in candidates if candidate.accepted]
    if not accepted:
        raise _nothing(bundle, options, candidates)
    best = min(accepted, key=lambda candidate: candidate.latency_ms or 0.0)
    document = {"backend": best.backend, "precision": best.precision, "candidates": [asdict(one) for one in candidates]}
    memory.keep(document)
    remarks = dict.fromkeys([*memory.remarks, *trial.remarks])
    return Choice(best.backend, best.precision, Report(candidates, remarks=tuple(remarks)))


def prove(
    bundle: Bundle, backend: Backend, options: SessionOptions, clock: Callable[[], int] = time.perf_counter_ns
) -> Acceptance:
    """Prove that the one engine that was asked for by name is right on this station: nothing else is taken instead.

    Args:
        bundle: The model; its golden frames and thresholds decide.
        backend: What runs it.
        options: How; `cache_dir` is where a station remembers which engines passed.
        clock: Monotonic nanoseconds.

    Raises:
        GateFailed: It does not pass; the message names the picture, the place and what to do.
        EdgeenhError: It cannot be opened, or failed on a frame.
    """
    accepted = Trial(bundle, options, clock, options.cache_dir).prove(backend, options.precision)
    if not accepted.passed:
        asked = Thresholds(**bundle.manifest.gate.thresholds(options.precision))
        would = accepted.verdict.would_pass(asked) if accepted.verdict else {}
        passing = "; a bundle with " + ", ".join(f"{name} {value:g}" for name, value in would.items()) + " would pass"
        raise GateFailed(
            f"{backend.NAME} {options.precision} fails the gate of {bundle.manifest.id} {bundle.manifest.version} on this "
            f"station ({accepted.reasons[0]}{passing if would else ''}{_shown(accepted, options, bundle)}): choose --backend "
            "auto, another --precision, or find the cause with "
            f"`edgeenh export --explain {bundle.path} --backend {backend.NAME}`"
        )
    return accepted


def _shown(accepted: Acceptance, options: SessionOptions, bundle: Bundle) -> str:
    """Where the worst picture lies now, in the cache; empty without one, or where it cannot be written to."""
    if accepted.verdict is None or options.cache_dir is None:
        return ""
    name = f"{bundle.manifest.id}-{accepted.info.backend}-{options.precision}"
    try:
        path = write_evidence(accepted.verdict, options.cache_dir / "failures", name, bundle.manifest.pixels.top)
    except EdgeenhError:
        return ""  # the verdict matters more than its picture
    return f"; the worst picture is {path}" if path else ""


def _circumstances(bundle: Bundle, backends: Sequence[str], options: SessionOptions) -> dict[str, Any]:
    return {
        "bundle_sha256": bundle.sha256,
        "size": [options.width, options.height],
        "backends": list(backends),
        "precision": options.precision,
        "threads": options.threads,
        "device": options.device,
        "environment": fingerprint(),
    }


def _recall(memory: Memory, backends: Sequence[str]) -> Choice | None:
    """A choice made before, if what it names was asked for and can still be used."""
    remembered = memory.recall()
    if remembered is None:
        return None
    try:
        candidates = tuple(Candidate(**candidate) for candidate in remembered["candidates"])
        backend, precision = str(remembered["backend"]), str(remembered["precision"])
        usable = backend in backends and get_backend(backend).availability().usable
    except (KeyError, TypeError, EdgeenhError):
        memory.remarks.append("the remembered choice of a backend is damaged and is ignored; measuring again")
        return None
    return Choice(backend, precision, Report(candidates, remembered=True)) if usable else None


def _precisions(bundle: Bundle, name: str, only: str | None) -> Sequence[str]:
    """Precisions of a backend that the bundle has a graph for; or the one asked for, so that it gets its reason."""
    if only is not None:
        return (only,)
    return [asked for asked in get_backend(name).PRECISIONS if graph_precision(asked) in bundle.precisions]


def _nothing(bundle: Bundle, options: SessionOptions, candidates: Sequence[Candidate]) -> EdgeenhError:
    reasons = "; ".join(f"{one.backend} {one.precision}: {one.reason}" for one in candidates) or "nothing was tried"
    what = f"{bundle.manifest.id} {bundle.manifest.version} at {options.width}x{options.height}"
    if any(candidate.ran for candidate in candidates):
        return GateFailed(f"no backend here passes the gate with {what} ({reasons}): export the bundle again")
    return BackendUnavailable(f"no backend here can run {what} ({reasons}): `edgeenh doctor` names the fixes")
