"""What `edgeenh run` does once it is known what is wanted: sources, enhancer and sinks opened, run, reported, closed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edgeenh.cli import output
from edgeenh.cli.interrupts import Interrupts
from edgeenh.cli.model import check_bits, next_step
from edgeenh.cli.run_report import broken_off, counts_line, exit_code, make_report, tell
from edgeenh.cli.shutdown import Shutdown, aborting, interruptible
from edgeenh.errors import EdgeenhError, UsageError
from edgeenh.identity import backend_json, describe, model_json
from edgeenh.loading import load_contained, load_enhancer
from edgeenh.sinks.writer import Writer, check_durable

if TYPE_CHECKING:
    from edgeenh.config.tables import Monitoring as MonitoringSettings
    from edgeenh.loading import AnyEnhancer
    from edgeenh.monitoring.run import Monitoring
    from edgeenh.sinks import Sink
    from edgeenh.sources import Source
    from edgeenh.stream import Mode, Stream
    from edgeenh.stream.drift_monitor import DriftMonitor


def run_station(
    settings: MonitoringSettings,
    sources: list[str],
    model: Path | None,
    backend: str,
    precision: str | None,
    mode: str | None,
    spool: Path | None,
    max_age: float,
    strength: float | None,
    out: list[str],
    frames: int | None,
    threads: int | None,
    device: str,
    bits: int | None,
    public_key: Path | None,
    floor: str | None,
    raw: str | None,
    in_process: bool,
    watch_model: bool,
    drift_every: int | None,
    fault: str | None,
    json_target: str | None,
    **_asked: Any,
) -> int:
    """Run what the options and the file say; see `HELP` for the exit code."""
    from edgeenh.cli.run_watch import claim_stdout, watching_run
    from edgeenh.sinks import open_sinks
    from edgeenh.sources import open_source
    from edgeenh.stream import Stream
    from edgeenh.stream.opening import check_mode, check_range, check_same_size

    if len(sources) == 1 or mode is not None:
        check_mode(mode or "offline", spool=spool is not None)
    check_range(max_age, strength, frames)
    source, several = sources[0], len(sources) > 1
    if several and (fault or raw):
        raise UsageError("--fault and --raw are for one source: name one")
    claim_stdout(json_target, settings.events, out)
    stream: Stream | None = None
    interrupts = Interrupts()
    try:
        with ExitStack() as stack:
            stack.enter_context(interrupts)
            load = load_enhancer if in_process else load_contained
            enhancer = load(model, backend, precision, strength, threads, device, public_key, floor)
            kill = None if in_process else enhancer.close
            if kill is not None:
                stack.callback(kill)  # whatever the worker does, it can be killed
            check_bits(bits, enhancer)
            check_same_size(enhancer)
            watched = stack.enter_context(watching_run(settings, enhancer))
            stack.enter_context(watching(model, enhancer, watch_model))
            if several:
                wanted: dict[str, Any] = {"max_age": max_age, "frames": frames, "bits": bits, "watched": watched}
                return run_several(sources, enhancer, interrupts, kill, json_target, mode, spool, out, **wanted)
            monitor = stack.enter_context(monitoring(drift_every))
            with ExitStack() as unowned:
                opened = open_source(source, photometric=enhancer.pixels.photometric, bits=bits, raw=raw)
                unowned.callback(opened.close)
                refuse_overwriting(opened, out)
                chosen = cast("Mode", mode or ("live" if opened.live else "offline"))
                sink = open_sinks(out, strict=chosen != "live", fps=opened.fps, live=chosen == "live")
                unowned.callback(sink.abort)
                check_durable(chosen, sink, out)
                options: dict[str, Any] = {"spool": spool, "monitor": monitor, "faults": fault}
                stream = Stream(opened, enhancer, mode=chosen, max_age_ms=max_age, frames=frames, **options)
                unowned.pop_all()  # from here on the stream closes the source
            watched.watch(stream)
            if stream.rehearsal is not None:
                sink = stream.rehearsal.sink(sink)
            # A backend that hangs holds the enhancer's lock: then the end of the process frees what it has.
            stack.callback(lambda: enhancer.close() if stream.ended or not in_process else None)
            total = frames or stream.source.length
            failure, unwritten = pump(stream, sink, interrupts, kill, total=total, watched=watched)
            report = make_report(stream, enhancer, sink, strength, interrupted=interrupts.count > 0, failure=failure)
            report["unwritten"] = unwritten
            watched.ended(stream)
    except KeyboardInterrupt:
        # Before the first frame, or one signal too many: there is a report all the same.
        output.emit_json(json_target, broken_off(source, stream))
        raise
    tell(report, describe(enhancer), sink, failure)
    output.emit_json(json_target, report)  # after the words: they must not be lost when the file cannot be written
    enhanced = report["accounting"]["enhanced"]
    output.next_step(next_step(source, model, enhancer) if enhanced else "edgeenh doctor")
    return exit_code(report, failure)


def run_several(
    sources: list[str],
    enhancer: AnyEnhancer,
    interrupts: Interrupts,
    kill: Callable[[], object] | None,
    json_target: str | None,
    mode: str | None,
    spool: Path | None,
    out: list[str],
    **options: Any,
) -> int:
    """The same for several sources, which share the enhancer; the document of `--json` has one report for each."""
    from edgeenh.cli import run_several as several
    from edgeenh.environment import fingerprint

    run = several.Several(enhancer)
    try:
        with aborting(run.sinks):
            run.open(sources, mode, spool, out, photometric=enhancer.pixels.photometric, **options)
        failure = run.pump(interrupts, kill, options["watched"])
    finally:
        run.group.close()
    reports, interrupted = run.report(), interrupts.count > 0
    several.tell(reports, counts_line)
    if failure is not None:
        output.remark(str(failure))
    named = {"schema": several.SCHEMA, "model": model_json(enhancer), "backend": backend_json(enhancer)}
    ended = {"interrupted": interrupted, "failure": str(failure) if failure else None}
    output.emit_json(json_target, {**named, **ended, "streams": reports, "environment": fingerprint()})
    return max(exit_code({**report, "interrupted": interrupted}, failure) for report in reports)


def pump(
    stream: Stream,
    sink: Sink,
    interrupts: Interrupts,
    kill: Callable[[], object] | None,
    total: int | None,
    watched: Monitoring,
) -> tuple[EdgeenhError | None, int]:
    """Move every frame from `stream` to `sink`.

    The sink is closed when the stream came to its end, also when that was asked for by a signal, and aborted
    otherwise. Beside a patient a full disk stops nothing: in the modes `live` and `exposure` a frame that cannot be
    written is told and counted (an exposure stays in its spool), and the next one is tried.

    Returns:
        What ended it early, None when nothing did; and how many frames could not be written.

    Raises:
        EdgeenhError: The stream could not start; nothing was written.
    """
    with aborting([sink]):
        interruptible(stream.prepare)
    shutdown = Shutdown([stream], kill, [sink])
    interrupts.react(shutdown.soft, shutdown.hard)
    watched.start()
    stream.start()
    if total is None and not getattr(stream.source, "ends", False):
        output.remark(f"{stream.source.id} has no end of its own: Ctrl-C ends the run and prints the report")
    writer = Writer(stream, sink)
    try:
        with output.progress("enhancing", total) as progress:
            for done, frame in enumerate(stream, start=1):
                watched.frame(stream)
                writer.write(frame)
                progress.update(done)
        sink.close()
    except EdgeenhError as exc:
        sink.abort()
        return exc, writer.unwritten
    except BaseException:
        sink.abort()
        raise
    finally:
        shutdown.done()
        stream.close()
    return None, writer.unwritten


def watching(model: Path | None, enhancer: AnyEnhancer, wanted: bool) -> AbstractContextManager[object]:
    """The watch over the file of `--model`, to be entered; nothing when it is not wanted.

    Raises:
        UsageError: There is no such file to watch, or the model runs in this process.
    """
    from edgeenh.cli.watch_model import ModelWatch
    from edgeenh.containment.enhancer import ContainedEnhancer

    if not wanted:
        return nullcontext()
    if model is None or not isinstance(enhancer, ContainedEnhancer):
        raise UsageError("--watch-model needs --model with a file of its own, and goes without --in-process")
    return ModelWatch(model, enhancer)


def monitoring(every: int | None) -> AbstractContextManager[DriftMonitor | None]:
    """The drift monitor, to be entered; nothing when it is not wanted.

    Raises:
        UsageError: `every` is less than 1.
    """
    if every is None:
        return nullcontext()
    from edgeenh.stream.drift_monitor import DriftMonitor

    return DriftMonitor(every)


def refuse_overwriting(source: Source, out: list[str]) -> None:
    """Raise `UsageError` when a sink would write into the source itself.

    Originals are never overwritten, and a folder that is watched would give out its own results again, without an end.
    """
    origin = Path(source.id.removeprefix("watch:"))
    for place in out:
        folder = Path(place.removeprefix("dicom:").partition("?")[0])
        if origin.exists() and folder.exists() and folder.samefile(origin):
            raise UsageError(f"--out {place} is the source itself: choose another place, originals are not overwritten")
