"""The streams' comparison: rows that take turns, pass by pass, and the document that says everything about it.

Method. Every row is a process of its own with one opened session. Each goes through the clip once to be warm; then, pace by pace, all go through
it in turns, and the row that begins changes from round to round. What a round's passes have in common is the machine of that minute, so ratios are taken
within rounds. Memory is looked at in one more pass that is not timed, since looking disturbs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeenh.backends import get_backend
from edgeenh.bundle import Bundle
from edgeenh.errors import BackendUnavailable, SourceError, UsageError
from edgeenh.padding import padded_size
from edgeenh.pixels import RGB
from edgeenh.sources import open_source
from edgeenh_bench.conditions import Conditions
from edgeenh_bench.memory import PeakOfTree
from edgeenh_bench.result import head
from edgeenh_bench.rounds import Report
from edgeenh_bench.rows import unstable
from edgeenh_bench.source_frames import check_size, require_colour
from edgeenh_bench.streams.catalogue import BY_NAME, PACED, PACES, SLOW, UNPACED, WAYS, Pace
from edgeenh_bench.streams.readers import missing
from edgeenh_bench.streams.rows import StreamRow
from edgeenh_bench.worker_process import OPEN_TIMEOUT_S, WorkerError, WorkerProcess, module_command

SCHEMA = "edgeenh.bench-streams/1"
BACKENDS = ("openvino", "onnxruntime")
"""Those that have a bare session; the first that can run is the default."""

SLACK_S = 120.0
SLOW_PERIODS = 1.5
"""How many periods whoever takes a frame needs for it, where nothing else was asked for."""

FEWEST_FRAMES = 2


@dataclass(frozen=True, slots=True)
class Request:
    """What is compared.

    Attributes:
        source: A video file.
        model: A bundle for colour; None = the one that ships.
        backends: Of `BACKENDS`; empty = the first that can run.
        ways: Names from the catalogue; empty = all. `edgeenh` always runs: it is what the others are held against.
        rounds: Passes of each row at each pace.
        fps: The camera's pace; None = the clip's own.
        slow_ms: Milliseconds that whoever takes a frame needs at the third pace; None = `SLOW_PERIODS` periods.
        threads: CPU threads of each session; None = all cores.
    """

    source: Path
    model: Path | None = None
    backends: Sequence[str] = ()
    ways: Sequence[str] = ()
    rounds: int = 9
    fps: float | None = None
    slow_ms: float | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """What is known of the clip: path, (width, height), frames and rate, and what its reader had to tell."""

    path: Path
    size: tuple[int, int]
    frames: int
    fps: float
    remarks: Sequence[str] = field(default_factory=list)


def compare_streams(request: Request, report: Report, now: datetime) -> dict[str, Any]:
    """Measure ours and the loops.

    Returns:
        The document; `interrupted` says that somebody ended it, and it is for the caller to end.

    Raises:
        UsageError: No such way or backend; the clip, its size or the model does not fit.
        SourceError: The clip cannot be read.
        BackendUnavailable: No backend can run here.
        KeyboardInterrupt: Before anything was measured.
    """
    backends = _backends(request.backends)
    rows = _rows(request.ways, backends)
    bundle = Bundle.shipped() if request.model is None else Bundle.open(request.model)
    clip = _look_at(request, bundle)
    paces = paces_of(clip.fps, request.slow_ms)
    conditions, interrupted = Conditions(), False
    try:
        _measure(request, bundle, clip, rows, paces, report)
    except KeyboardInterrupt:
        if not any(row.passes for row in rows):
            raise
        interrupted = True
        for row in rows:
            if not row.passes:
                row.fail("interrupted before its first pass")
    circumstances = conditions.to_json()
    ours = {row.backend: row for row in rows if row.way.name == "edgeenh"}
    return {
        **head(SCHEMA, now, bundle),
        "interrupted": interrupted,
        "clip": {
            "source": clip.path.name, "size": list(clip.size), "frames": clip.frames, "fps": clip.fps,
            "remarks": list(clip.remarks),
        },
        "method": {
            "rounds": request.rounds, "threads": request.threads, "paces": [pace.to_json() for pace in paces], "meaning": PACES,
            "memory": "largest sum over the process and its descendants in a pass that is not timed: PSS counts shared pages once, RSS in each",
        },
        **circumstances,
        "rows": [row.to_json(paces, ours.get(row.backend)) for row in rows],
        "doubts": [line for row in rows if row.available for line in unstable(row.label, row.ms_per_frame(), "unpaced passes")],
    }  # fmt: skip


def paces_of(fps: float, slow_ms: float | None) -> list[Pace]:
    """The three paces of `PACES` for a clip of so many frames per second."""
    sink_ms = SLOW_PERIODS * 1000.0 / fps if slow_ms is None else slow_ms
    return [Pace(UNPACED), Pace(PACED, fps), Pace(SLOW, fps, sink_ms)]


def _backends(asked: Sequence[str]) -> list[str]:
    if unknown := [name for name in asked if name not in BACKENDS]:
        raise UsageError(f"there is no bare session for {unknown[0]!r}: choose among {', '.join(BACKENDS)}")
    usable = [name for name in asked or BACKENDS if get_backend(name).availability().usable]
    if not usable:
        raise BackendUnavailable(f"{' and '.join(asked or BACKENDS)} cannot run here: pip install 'edgeenh[cpu]'")
    return list(dict.fromkeys(asked)) if asked else usable[:1]


def _rows(asked: Sequence[str], backends: Sequence[str]) -> list[StreamRow]:
    if unknown := [name for name in asked if name not in BY_NAME]:
        raise UsageError(f"there is no way {unknown[0]!r}: choose among {', '.join(BY_NAME)}")
    ways = [way for way in WAYS if not asked or way.name in asked or way.name == "edgeenh"]
    rows = [StreamRow(way, backend) for backend in backends for way in ways]
    for row in rows:
        found = get_backend(row.backend).availability()
        reason, fix = missing(row.way.name) if found.usable else (f"{row.backend}: {found.reason}", found.fix)
        if reason:
            row.fail(reason, fix)
    return rows


def _look_at(request: Request, bundle: Bundle) -> Clip:
    """Read the clip once to its end: then its frames are counted, and its file is in the page cache for everybody."""
    require_colour(bundle, "clips")
    if not request.source.is_file():
        raise SourceError(
            f"{request.source} is no file: give --source a video, e.g. clip.mp4; the loops that the stream is compared with read nothing else"
        )
    source = open_source(str(request.source), photometric=RGB.photometric)
    try:
        frames = sum(1 for _ in iter(source.read, None))
        size, fps = source.size, request.fps or source.fps
        remarks = [notice.detail for notice in source.notices]
    finally:
        source.close()
    if size is None or fps is None:
        raise SourceError(f"{request.source} has no frame rate: give a video that names one, or --paced FPS")
    if frames < FEWEST_FRAMES:
        raise SourceError(
            f"{request.source} holds {frames} frame, expected {FEWEST_FRAMES} or more: give a longer clip"
        )
    check_size(size, bundle.manifest.generator)
    multiple = bundle.manifest.generator.size_multiple
    height, width = padded_size(size[1], size[0], multiple)
    if (width, height) != size:
        raise UsageError(
            f"{request.source} is {size[0]}x{size[1]}, and a bare session pads nothing: give a clip whose sides are multiples of {multiple}"
        )
    return Clip(request.source, size, frames, fps, remarks)


Pair = tuple[StreamRow, WorkerProcess]


def _measure(
    request: Request, bundle: Bundle, clip: Clip, rows: Sequence[StreamRow], paces: Sequence[Pace], report: Report
) -> None:
    with tempfile.TemporaryDirectory(prefix="edgeenh-streams-") as folder, ExitStack() as stack:
        pairs = _open(request, bundle, clip, rows, Path(folder), stack, report)
        for number, pair in enumerate(pairs):
            report("warming up", number, len(pairs))
            _pass(pair, paces[0], clip, keep=False)
        done, total = 0, request.rounds * len(pairs) * len(paces)
        for pace in paces:
            for number in range(request.rounds):
                start = number % max(1, len(pairs))
                for pair in [*pairs[start:], *pairs[:start]]:
                    report(f"measuring {pace.name}", done, total)
                    _pass(pair, pace, clip)
                    done += 1
        for number, pair in enumerate(pairs):
            report("looking at memory", number, len(pairs))
            _look_at_memory(pair, paces[0], clip)


def _open(
    request: Request,
    bundle: Bundle,
    clip: Clip,
    rows: Sequence[StreamRow],
    folder: Path,
    stack: ExitStack,
    report: Report,
) -> list[Pair]:
    pairs = []
    for number, row in enumerate(rows):
        if not row.available:
            continue
        report(f"opening {row.label}", number, len(rows))
        command = module_command("edgeenh_bench.streams.worker")
        worker = stack.enter_context(WorkerProcess(row.label, folder / f"{row.label}.log", command))
        what: dict[str, Any] = {"do": "open", "way": row.way.name, "backend": row.backend, "threads": request.threads}
        what |= {"bundle": str(bundle.path), "bundle_sha256": bundle.sha256, "source": str(clip.path.absolute())}
        what |= {"width": clip.size[0], "height": clip.size[1], "frames": clip.frames}
        answer = _ask(row, worker, what, OPEN_TIMEOUT_S)
        if answer is not None:
            row.opened = answer
            pairs.append((row, worker))
    return pairs


def _pass(pair: Pair, pace: Pace, clip: Clip, *, keep: bool = True) -> None:
    row, worker = pair
    if pace.name not in row.way.paces:
        return
    timeout_s = SLACK_S + (clip.frames / pace.fps if pace.fps else 0.0) + clip.frames * pace.sink_ms / 1e3
    answer = _ask(row, worker, {"do": "pass", "pace": pace.to_json()}, timeout_s)
    if answer is None:
        worker.close()
    elif not answer["out"]:
        row.fail(f"no frame came out {pace.name}")
    elif keep:
        row.passes.setdefault(pace.name, []).append(answer)


def _look_at_memory(pair: Pair, pace: Pace, clip: Clip) -> None:
    row, worker = pair
    if not row.available:
        return
    with PeakOfTree(worker.pid) as peak:
        _pass(pair, pace, clip, keep=False)
    if row.available:
        processes = max(look.processes for look in peak.looks)
        row.memory = {"pss_mb": round(peak.pss_mb, 1), "rss_mb": round(peak.rss_mb, 1), "processes": processes}


def _ask(row: StreamRow, worker: WorkerProcess, request: dict[str, Any], timeout_s: float) -> dict[str, Any] | None:
    """Ask, and mark the row when there is no good answer; the others go on."""
    if not row.available:
        return None
    try:
        return worker.ask(request, timeout_s)
    except WorkerError as exc:
        row.fail(str(exc))
        return None
