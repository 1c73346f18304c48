"""The station's streams: each source into its sinks and its view, all on one enhancer, pumped by one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.errors import EdgeenhError, UsageError
from edgeenh.files import readable
from edgeenh.sinks import open_sinks
from edgeenh.sinks.fan_out import FanOut, hurry
from edgeenh.sinks.places import place_names, place_of
from edgeenh.sinks.writer import Writer, check_durable
from edgeenh.sources import open_source
from edgeenh.sources.network import without_password
from edgeenh.station.view import View
from edgeenh.stream import MonotonicClock, Stream, StreamGroup
from edgeenh.stream.drift_monitor import DriftMonitor

if TYPE_CHECKING:
    from edgeenh.config import Config
    from edgeenh.monitoring.run import Monitoring
    from edgeenh.sinks import Sink


@dataclass(slots=True)
class Lane:
    """One source on its way into its sinks.

    Attributes:
        name: What a client calls it; of the source's text, and no two are the same.
        stream, sink, view, writer: Its parts.
        monitor: Its drift monitor; None = none.
        failure: What ended it early; empty when nothing did.
    """

    name: str
    stream: Stream
    sink: Sink
    view: View
    writer: Writer
    monitor: DriftMonitor | None = None
    failure: str = ""


class Lanes:
    """All streams of a station.

    Args:
        enhancer: Shared by all; not closed.
        watched: Told of every frame and event.
        on_end: Called when the last stream has ended, from the pumping thread.
    """

    def __init__(self, enhancer: Any, watched: Monitoring, on_end: Callable[[], object]) -> None:
        self.group = StreamGroup(enhancer)
        self.lanes: list[Lane] = []
        self.clock = MonotonicClock()
        self._photometric: str = enhancer.pixels.photometric
        self._watched, self._on_end = watched, on_end
        self._thread = threading.Thread(target=self._pump, name="edgeenh-pump", daemon=True)

    def open(self, config: Config) -> None:
        """Open every source and sink that the file names.

        Raises:
            EdgeenhError: As `open_source`, `open_sinks` and `Stream`; what was open is closed by `close`.
        """
        sources = config.many("source")
        if len({source.spec for source in sources}) < len(sources):
            raise UsageError("the same source is named twice: each is opened once")
        out = [sink.spec for sink in config.many("sink")]
        if "-" in out or any(source.spec == "-" for source in sources):
            raise UsageError("a station has neither frames on stdin nor on stdout: use `edgeenh run`")
        names = place_names([source.spec for source in sources])
        for index, source in enumerate(sources):
            self._open_one(source, config.one("stream"), out, names, index)

    def _open_one(self, wanted: Any, settings: Any, out: Sequence[str], names: list[str], index: int) -> None:
        shown = readable(without_password(wanted.spec))
        name, count = names[index], len(names)
        places = list(out) if count == 1 else [place_of(spec, name, index, count) for spec in out]
        with ExitStack() as unowned:
            source = open_source(wanted.spec, photometric=self._photometric, bits=wanted.bits)
            unowned.callback(source.close)
            mode = settings.mode or ("exposure" if settings.spool and not source.live else "live")
            sink = open_sinks(places, strict=mode != "live", fps=source.fps, live=mode == "live")
            unowned.callback(sink.abort)
            check_durable(mode, sink, places)
            view = View(shown, self.clock.now_ns)
            unowned.callback(view.abort)
            monitor = DriftMonitor(settings.drift_every) if settings.drift_every else None
            if monitor is not None:
                unowned.callback(monitor.close)
            spool: Path | None = settings.spool
            spool = spool / name if spool is not None and mode == "exposure" and count > 1 else spool
            options = {"spool": spool if mode == "exposure" else None, "monitor": monitor, "frames": settings.frames}
            stream = self.group.add(source, mode=mode, max_age_ms=settings.max_age_ms, **options)
            unowned.pop_all()
        self._watched.watch(stream)
        both = FanOut([sink, view], strict=mode != "live")
        self.lanes.append(Lane(name, stream, both, view, Writer(stream, both), monitor))

    def start(self) -> None:
        """Prepare the model for every size, and begin.

        Raises:
            EdgeenhError: The model cannot be prepared.
        """
        self.group.prepare()
        self._watched.start()
        self._thread.start()

    def find(self, name: str | None) -> Lane | None:
        """The lane of this name; the first one for None; None when there is no such lane."""
        if name is None:
            return self.lanes[0] if self.lanes else None
        return next((lane for lane in self.lanes if lane.name == name), None)

    def close(self, grace_s: float = 0.6) -> None:
        """End all streams softly, then at once; sinks are finished, and an archive that is silent is not waited for."""
        late = threading.Timer(grace_s, self._hurry)
        late.daemon = True
        late.start()
        self.group.stop()
        if self._thread.is_alive():
            self._thread.join(grace_s)
        self.group.close()
        if self._thread.ident is not None:
            self._thread.join(1.0)
        for lane in self.lanes:
            _finish(lane)
            if lane.monitor is not None:
                lane.monitor.close()
        late.cancel()

    def _hurry(self) -> None:
        for lane in self.lanes:
            hurry(lane.sink)

    def _pump(self) -> None:
        lanes = {id(lane.stream): lane for lane in self.lanes}
        try:
            for stream, frame in self.group:
                self._watched.frame(stream)
                _write(lanes[id(stream)], frame)
        except EdgeenhError as exc:
            for lane in self.lanes:
                lane.failure = lane.failure or str(exc)
        finally:
            for lane in self.lanes:
                self._watched.ended(lane.stream)
            self._on_end()


def _write(lane: Lane, frame: Any) -> None:
    if lane.failure:
        return
    try:
        lane.writer.write(frame)
    except EdgeenhError as exc:
        lane.failure = str(exc)
        lane.stream.keep(frame)
        lane.stream.note("failed", str(exc), frame.original.sequence)
        lane.stream.stop()


def _finish(lane: Lane) -> None:
    try:
        if lane.failure:
            lane.sink.abort()
        else:
            lane.sink.close()
    except EdgeenhError as exc:
        lane.failure = str(exc)
        lane.sink.abort()
