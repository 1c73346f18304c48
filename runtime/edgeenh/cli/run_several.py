"""`edgeenh run SOURCE SOURCE …`: several sources, one enhancer, a folder and a report for each."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.cli import output
from edgeenh.cli.shutdown import Shutdown, aborting, interruptible
from edgeenh.errors import EdgeenhError, UsageError
from edgeenh.sinks.places import place_names, place_of
from edgeenh.sinks.writer import Writer, check_durable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgeenh.cli.interrupts import Interrupts
    from edgeenh.loading import AnyEnhancer
    from edgeenh.monitoring.run import Monitoring
    from edgeenh.sinks import Sink
    from edgeenh.stream import Stream, StreamGroup

SCHEMA = "edgeenh.run-several/1"


@dataclass(slots=True)
class Lane:
    """One source on its way into its sink."""

    stream: Stream
    sink: Sink
    writer: Writer
    failure: EdgeenhError | None = None


class Several:
    """The lanes of one run.

    Args:
        enhancer: What all share.
    """

    def __init__(self, enhancer: AnyEnhancer) -> None:
        from edgeenh.stream import StreamGroup

        self.group: StreamGroup = StreamGroup(enhancer)
        self.lanes: list[Lane] = []
        self.sinks: list[Sink] = []

    def open(
        self, sources: Sequence[str], mode: str | None, spool: Path | None, out: Sequence[str], **options: Any
    ) -> None:
        """Open all sources and their sinks; a sink is a folder in `out`, a spool one in `spool`.

        Raises:
            EdgeenhError: As `open_source`, `open_sink` and `Stream`.
        """
        from edgeenh.sinks import open_sinks
        from edgeenh.sources import open_source

        if len(set(sources)) < len(sources):
            raise UsageError("the same source is named twice: each is opened once")
        for index, (name, place) in enumerate(zip(sources, place_names(sources), strict=True)):
            places = [place_of(spec, place, index, len(sources)) for spec in out]
            with ExitStack() as unowned:
                source = open_source(name, photometric=options["photometric"], bits=options["bits"])
                unowned.callback(source.close)
                chosen = mode or ("live" if source.live else "exposure" if spool is not None else "offline")
                sink = open_sinks(places, strict=chosen != "live", fps=source.fps, live=chosen == "live")
                unowned.callback(sink.abort)
                check_durable(chosen, sink, out)
                kept = spool / place if spool is not None and chosen == "exposure" else None
                limits = {"max_age_ms": options["max_age"], "frames": options["frames"]}
                stream = self.group.add(source, mode=chosen, spool=kept, **limits)
                unowned.pop_all()
            self.sinks.append(sink)
            options["watched"].watch(stream)
            self.lanes.append(Lane(stream, sink, Writer(stream, sink)))

    def pump(
        self, interrupts: Interrupts, kill: Callable[[], object] | None, watched: Monitoring
    ) -> EdgeenhError | None:
        """Move every frame into its sink; returns what ended it early, None when nothing did.

        A sink that fails ends its own lane only where its mode says so; see `edgeenh.sinks.writer`.
        """
        with aborting(self.sinks):
            interruptible(self.group.prepare)
        shutdown = Shutdown([lane.stream for lane in self.lanes], kill, self.sinks)
        interrupts.react(shutdown.soft, shutdown.hard)
        lanes = {id(lane.stream): lane for lane in self.lanes}
        try:
            watched.start()
            for stream, frame in self.group:
                watched.frame(stream)
                _write(lanes[id(stream)], frame)
        except EdgeenhError as exc:
            return exc
        finally:
            self.group.close()
            _close(self.lanes)
            shutdown.done()
        return next((lane.failure for lane in self.lanes if lane.failure), None)

    def report(self) -> list[dict[str, Any]]:
        """One document for each source."""
        return [
            {
                "source": {"id": lane.stream.source.id, "fps": lane.stream.source.fps},
                "sink": lane.sink.id,
                **({"sinks": lane.sink.to_json()} if hasattr(lane.sink, "to_json") else {}),
                "unwritten": lane.writer.unwritten,
                "failure": str(lane.failure) if lane.failure else None,
                **lane.stream.report(),
            }
            for lane in self.lanes
        ]


def _write(lane: Lane, frame: Any) -> None:
    if lane.failure is not None:
        return
    try:
        lane.writer.write(frame)
    except EdgeenhError as exc:
        lane.failure = exc
        lane.stream.keep(frame)
        lane.stream.note("failed", str(exc), frame.original.sequence)
        lane.stream.stop()


def _close(lanes: list[Lane]) -> None:
    for lane in lanes:
        if lane.failure is not None:
            lane.sink.abort()
            continue
        try:
            lane.sink.close()
        except EdgeenhError as exc:
            lane.failure = exc
            lane.sink.abort()


def tell(reports: list[dict[str, Any]], counts: Callable[[dict[str, Any]], str]) -> None:
    """The reports for people: events on stderr, one line for each source on stdout."""
    for report in reports:
        name = report["source"]["id"]
        for line in dict.fromkeys(event["detail"] for event in report["events"]):
            output.remark(f"{name}: {line}")
        output.say(f"{name} ({report['mode']}): {counts(report['accounting'])}")
        if report["sink"] != "null":
            output.say(f"written: {report['sink']}")
