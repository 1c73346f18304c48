"""All that watches a run: the journal of events, `/live`, `/ready` and `/metrics`, and what systemd is told."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from edgeenh.monitoring.journal import EventJournal
from edgeenh.monitoring.metrics import Sample
from edgeenh.monitoring.readiness import Verdict, judge, within_contract
from edgeenh.monitoring.systemd import Notifier, SystemdWatch

if TYPE_CHECKING:
    from edgeenh.monitoring.address import Address
    from edgeenh.monitoring.web import Request, Server
    from edgeenh.stream import Event, Stream
    from edgeenh.stream.clock import Clock
    from edgeenh.stream.vitals import Vitals

HTTP_CONNECTIONS = 16


class Monitoring:
    """Watches streams; nothing of it can hold a frame up.

    Args:
        clock: The streams' clock.
        environment: Of this process, for what systemd says in it.
        journal: Where events are written; closed with this. None = nowhere.
        facts: What the run is, asked for with every scrape.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        environment: Mapping[str, str] | None = None,
        journal: EventJournal | None = None,
        facts: Callable[[], dict[str, str]] = dict,
    ) -> None:
        self.journal, self._clock, self._facts = journal, clock, facts
        self._notifier = Notifier(environment or {})
        self._streams: list[Stream] = []
        self._lost: dict[str, str] = {}
        self._events: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._systemd: SystemdWatch | None = None

    def watch(self, stream: Stream) -> None:
        """Watch one more stream, from its first event on; before its start."""
        self._streams.append(stream)
        stream.listen(lambda event: self._event(stream, event))

    def start(self) -> None:
        """All streams are known, and the model is prepared for them."""
        periodic = [stream.vitals().periodic for stream in self._streams]
        watched = bool(periodic) and all(periodic)
        self._systemd = SystemdWatch(self._notifier, watched=watched, awaited=any(periodic))

    def frame(self, stream: Stream) -> None:
        """A frame of `stream` came out."""
        if self._systemd is None or not self._notifier.present:
            return
        now_ns = self._clock.now_ns()
        vitals = self._vitals(stream)
        counts = stream.accounting
        status = f"{vitals.shown.frames} frames out, {counts.enhanced} enhanced; {judge(vitals, now_ns).why}"
        self._systemd.frame(within_contract=within_contract(vitals), now_ns=now_ns, status=status)

    def serve(self, address: Address) -> Address:
        """Serve `/live`, `/ready` and `/metrics`; returns where.

        Raises:
            UsageError: The place is taken.
            MissingExtra: prometheus-client is not installed.
        """
        from edgeenh.monitoring.metrics import check_installed
        from edgeenh.monitoring.web import Server

        check_installed()
        pages = {"/live": self._live_page, "/ready": self._ready_page, "/metrics": self._metrics_page}
        self._server = Server(address, pages, most=HTTP_CONNECTIONS, what="http")
        return self._server.address

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each stream, by its source's id, now."""
        now_ns = self._clock.now_ns()
        return {stream.source.id: judge(self._vitals(stream), now_ns) for stream in self._streams}

    def samples(self) -> list[Sample]:
        """See `edgeenh.monitoring.metrics.Watched`."""
        now_ns, found = self._clock.now_ns(), []
        for stream in self._streams:
            vitals = self._vitals(stream)
            found.append(Sample(vitals, judge(vitals, now_ns), stream.accounting.counts(), stream.stages, now_ns))
        return found

    def facts(self) -> dict[str, str]:
        """See `edgeenh.monitoring.metrics.Watched`."""
        return self._facts()

    def event_counts(self) -> dict[tuple[str, str], int]:
        """See `edgeenh.monitoring.metrics.Watched`."""
        with self._lock:
            return dict(self._events)

    @property
    def events_lost(self) -> int:
        """See `edgeenh.monitoring.metrics.Watched`."""
        return self.journal.lost if self.journal else 0

    def ended(self, stream: Stream) -> None:
        """A stream has ended: its accounting is the last word in the journal."""
        if self.journal is not None:
            counts = stream.accounting.counts()
            self.journal.add("run_ended", str(counts), source=stream.source.id, accounting=counts.to_json())

    def close(self) -> None:
        """The run has ended."""
        if self._systemd is not None:
            self._systemd.close()
        if self._server is not None:
            self._server.close()
        if self.journal is not None:
            self.journal.close()

    def _vitals(self, stream: Stream) -> Vitals:
        return stream.vitals(self._lost.get(stream.source.id, ""))

    def _event(self, stream: Stream, event: Event) -> None:
        source = stream.source.id
        with self._lock:
            self._events[source, event.kind] += 1
        if event.kind == "lost":
            self._lost[source] = event.detail
        elif event.kind == "back":
            self._lost.pop(source, None)
        if self._systemd is not None:
            self._systemd.event(source, event.kind, event.detail)
        if self.journal is not None:
            at_ms = round(event.at_ns / 1e6, 3)
            self.journal.add(event.kind, event.detail, source=source, sequence=event.sequence, monotonic_ms=at_ms)

    def _live_page(self, request: Request) -> None:
        self._verdict_page(request, lambda verdict: verdict.live)

    def _ready_page(self, request: Request) -> None:
        self._verdict_page(request, lambda verdict: verdict.ready)

    def _verdict_page(self, request: Request, holds: Callable[[Verdict], bool]) -> None:
        """200 when it holds for every stream, otherwise 503; the body says why."""
        verdicts = self.verdicts()
        good = bool(verdicts) and all(holds(verdict) for verdict in verdicts.values())
        body: dict[str, Any] = {
            "ok": good,
            "streams": {source: {"state": verdict.state, "why": verdict.why} for source, verdict in verdicts.items()},
        }
        status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
        request.answer(
            status, "application/json", json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        )

    def _metrics_page(self, request: Request) -> None:
        from edgeenh.monitoring.metrics import CONTENT_TYPE, exposition

        request.answer(HTTPStatus.OK, CONTENT_TYPE, exposition(self))
