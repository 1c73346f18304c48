"""The station's parts, and the order in which they begin and end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh import __version__
from edgeenh.bundle import Bundle
from edgeenh.errors import EdgeenhError, JobFailed, UsageError
from edgeenh.identity import backend_json, model_json
from edgeenh.loading import load_contained, load_enhancer, parse_floor
from edgeenh.monitoring.journal import EventJournal
from edgeenh.monitoring.run import Monitoring
from edgeenh.station.lanes import Lane, Lanes
from edgeenh.station.model import Model
from edgeenh.station.news import News
from edgeenh.stream import MonotonicClock
from edgeenh.stream.opening import check_same_size

if TYPE_CHECKING:
    from edgeenh.config import Config
    from edgeenh.config.tables import Model as ModelSettings
    from edgeenh.station.config import Service
    from edgeenh.station.model import AnyEnhancer

SERVICE_NICE = 10
"""Added to the niceness of the service's worker where streams run: frames go before pictures that are sent in."""


class Station:
    """Streams, model, events and what watches them. Nothing is served by it: see `edgeenh.station.api`.

    Args:
        config: What the station's file says.
        remark: Takes lines for people.

    Raises:
        EdgeenhError: Something cannot be opened; what was open is closed again.
    """

    def __init__(self, config: Config, remark: Callable[[str], object]) -> None:
        self.config, self.settings = config, _service(config)
        self.started = time.time()
        self.news = News()
        self.ended = threading.Event()
        self.bundles = _choices(self.settings)
        self._trust = _trust(config.one("model"))
        main = _open(config.one("model"))
        check_same_size(main)
        self.model = Model(main, self._second if config.many("source") else None)
        self.monitoring = Monitoring(MonotonicClock(), environment=os.environ, facts=self.facts)
        self.lanes = Lanes(main, self.monitoring, self.ended.set)
        try:
            self._open_journal(remark)
            self.lanes.open(config)
            for lane in self.lanes.lanes:
                lane.stream.listen(self._listener(lane))
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Prepare the model for what the sources give, and begin.

        Raises:
            EdgeenhError: The model cannot be prepared; close the station then.
        """
        if self.lanes.lanes:
            self.lanes.start()
        else:
            self.monitoring.start()  # a service alone: systemd waits for its word too
        self.model.warm()
        self.tell("station_started", f"edgeenh {__version__}, {self.model.name}, sources: {len(self.lanes.lanes)}")

    def tell(self, kind: str, detail: str) -> None:
        """An event of the station itself."""
        self.news.add(kind, detail, source="", time=time.time())
        if self.monitoring.journal is not None:
            self.monitoring.journal.add(kind, detail)

    def close(self) -> None:
        """End everything in less than two seconds; closing twice is allowed."""
        self.lanes.close()
        self.news.close()
        self.model.close()
        self.model.main.close()
        self.monitoring.close()

    @property
    def ready(self) -> bool:
        """Enhanced frames come out of every stream within its contract; without streams: the station has begun."""
        verdicts = self.monitoring.verdicts()
        return all(verdict.ready for verdict in verdicts.values())

    @property
    def live(self) -> bool:
        """Every stream is at work."""
        return all(verdict.live for verdict in self.monitoring.verdicts().values())

    def facts(self) -> dict[str, str]:
        """What runs, for the metric `edgeenh_info`."""
        from edgeenh.identity import facts_of

        return facts_of(self.model.main)

    def info(self) -> dict[str, Any]:
        """`GET /v1/info`: what runs, and what may be chosen. Paths stay here."""
        worker = getattr(self.model.main, "worker_pid", None)
        return {
            "edgeenh": __version__,
            "started": self.started,
            "model": {**model_json(self.model.main), "photometric": self.model.pixels.photometric},
            "backend": backend_json(self.model.main),
            "strength": self.model.main.strength,
            "worker": None if worker is None else {"pid": worker, "state": str(getattr(self.model.main, "state", ""))},
            "can_change": self.model.can_change and self.settings.token is not None,
            "bundles": sorted(self.bundles),
            "streams": [lane_json(lane) for lane in self.lanes.lanes],
            "limits": {
                "queue": self.settings.queue, "deadline_ms": self.settings.deadline_ms,
                "body_mb": self.settings.body_mb, "megapixels": self.settings.megapixels,
            },
        }  # fmt: skip

    def state(self, lane: Lane) -> dict[str, Any]:
        """`GET /v1/state`: verdict, accounting, latencies and drift of one stream."""
        verdict = self.monitoring.verdicts()[lane.stream.source.id]
        report = lane.stream.report()
        report.pop("events")
        named = {"name": lane.name, "source": lane.stream.source.id, "failure": lane.failure}
        return {**named, "state": verdict.state, "why": verdict.why, "ready": verdict.ready, **report}

    def choose(self, name: str) -> None:
        """Go on with one of the bundles that the file names.

        Raises:
            UsageError: There is no such choice.
            JobFailed: It was refused, and the present one goes on; the message says why, without the path.
        """
        path = self.bundles.get(name)
        if path is None:
            raise UsageError(
                f"there is no bundle {name[:80]!r} to choose, expected one of {', '.join(sorted(self.bundles)) or 'none'}"
            )
        try:
            self.model.change(bundle=path)
        except EdgeenhError as exc:
            said = str(exc).replace(str(path), name)  # paths stay here
            self.tell("choice_refused", f"{name}: {said}")
            raise JobFailed(said) from exc
        self.tell("bundle_chosen", f"{name}: {self.model.name} is in use")

    def strengthen(self, strength: float) -> None:
        """Go on with another strength.

        Raises:
            EdgeenhError: As `Model.change`.
        """
        self.model.change(strength=strength)

    def _listener(self, lane: Lane) -> Callable[[Any], object]:
        def listen(event: Any) -> None:
            more = {"source": lane.name, "sequence": event.sequence, "time": time.time()}
            self.news.add(event.kind, event.detail, **more, at_ms=round(event.at_ns / 1e6, 1))

        return listen

    def _second(self, bundle: Bundle) -> AnyEnhancer:
        """The service's own worker: of the same bundle, behind the streams in its claim on the processor."""
        from edgeenh.containment.enhancer import ContainedEnhancer
        from edgeenh.loading import cache_folder

        settings: ModelSettings = self.config.one("model")
        return ContainedEnhancer(
            bundle, backend=settings.backend, precision=settings.precision, strength=self.model.main.strength,
            threads=settings.threads, device=settings.device, cache_dir=cache_folder(), nice=SERVICE_NICE, **self._trust,
        )  # fmt: skip

    def _open_journal(self, remark: Callable[[str], object]) -> None:
        settings = self.config.one("monitoring")
        if settings.events is not None:
            self.monitoring.journal = EventJournal(
                settings.events, max_bytes=round(settings.events_max_mb * 1e6), files=settings.events_files,
                sync=settings.events_sync == "always", on_failure=remark,
            )  # fmt: skip


def lane_json(lane: Lane) -> dict[str, Any]:
    """A stream, as `GET /v1/info` names it."""
    source = lane.stream.source
    size = None if source.size is None else list(source.size)
    return {"name": lane.name, "source": source.id, "mode": lane.stream.mode, "size": size, "fps": source.fps}


def _service(config: Config) -> Service:
    found: Service = config.one("service")
    return found


def _open(settings: ModelSettings) -> AnyEnhancer:
    load = load_enhancer if settings.in_process else load_contained
    return load(
        settings.bundle, settings.backend, settings.precision, settings.strength, settings.threads, settings.device,
        settings.public_key, settings.floor,
    )  # fmt: skip


def _trust(settings: ModelSettings) -> dict[str, Any]:
    return {"public_key": settings.public_key, "floor": parse_floor(settings.floor)}


def _choices(settings: Service) -> dict[str, Path]:
    """Bundles by the name that a client uses: the file's own, without its folder."""
    found: dict[str, Path] = {}
    for text in settings.bundles:
        path = Path(text)
        if path.name in found:
            raise UsageError(f"[service] bundles names two files called {path.name}: give them different names")
        found[path.name] = path
    return found
