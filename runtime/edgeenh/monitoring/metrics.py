"""The metrics of a run in the format of Prometheus; docs/monitoring.md lists them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from edgeenh.errors import MissingExtra

if TYPE_CHECKING:
    from edgeenh.monitoring.readiness import Verdict
    from edgeenh.stream.accounting import Counts
    from edgeenh.stream.latency import Latencies
    from edgeenh.stream.vitals import Vitals

BOUNDS_MS = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 33.0, 50.0, 75.0, 100.0, 150.0, 250.0, 500.0, 1000.0, 2500.0, 10_000.0)
"""Upper bounds of the latency buckets."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One stream at the moment of a scrape; `now_ns` is the time by its clock."""

    vitals: Vitals
    verdict: Verdict
    counts: Counts
    stages: Mapping[str, Latencies]
    now_ns: int


class Watched(Protocol):
    """What the metrics are made of; `edgeenh.monitoring.run.Monitoring` is it."""

    def samples(self) -> list[Sample]:
        """Each stream, now."""
        ...

    def facts(self) -> dict[str, str]:
        """What the run is: model, version, digest, backend, precision, edgeenh."""
        ...

    def event_counts(self) -> dict[tuple[str, str], int]:
        """Events so far by source and kind."""
        ...

    @property
    def events_lost(self) -> int:
        """Events that could not be written."""
        ...


def check_installed() -> None:
    """Raise `MissingExtra` unless prometheus-client is installed."""
    from importlib.util import find_spec

    if find_spec("prometheus_client") is None:
        raise MissingExtra("serving /metrics", "station")


def exposition(watched: Watched) -> bytes:
    """All metrics at this moment, as `CONTENT_TYPE`.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """
    check_installed()
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Once(Collector):
        def collect(self) -> Iterator[Any]:
            return _families(watched)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Once())
    return generate_latest(registry)


def _families(watched: Watched) -> Iterator[Any]:
    from prometheus_client.core import CounterMetricFamily as Counter
    from prometheus_client.core import GaugeMetricFamily as Gauge
    from prometheus_client.core import InfoMetricFamily

    samples = watched.samples()
    yield InfoMetricFamily("edgeenh", "What runs", value=watched.facts())
    counters: dict[str, tuple[str, list[str]]] = {
        "captured": ("Frames taken from the source", ["source"]),
        "enhanced": ("Frames handed over as the model's picture", ["source"]),
        "passthrough": ("Frames handed over as the original", ["source", "reason"]),
        "dropped": ("Frames never shown", ["source", "reason"]),
        "lost_upstream": ("Frames known to exist that never reached us", ["source", "reason"]),
    }
    for name, (text, labels) in counters.items():
        family = Counter(f"edgeenh_frames_{name}", text, labels=labels)
        for sample in samples:
            value = getattr(sample.counts, name)
            for reason, count in value.items() if isinstance(value, dict) else [("", value)]:
                family.add_metric([sample.vitals.source, reason][: len(labels)], count)
        yield family
    gauges: dict[str, tuple[str, Callable[[Sample], float | None]]] = {
        "ready": ("1 while enhanced frames come out within the contract", lambda sample: sample.verdict.ready),
        "live": ("1 while the process is at work", lambda sample: sample.verdict.live),
        "frames_in_flight": (
            "Frames captured and neither handed over nor dropped",
            lambda sample: sample.counts.in_flight,
        ),
        "accounting_holds": (
            "1 while every captured frame is accounted for once",
            lambda sample: sample.counts.holds,
        ),
        "enhanced_seconds_ago": ("Since the last enhanced frame was handed over; NaN before the first", _ago),
    }
    for name, (text, value_of) in gauges.items():
        gauge = Gauge(f"edgeenh_{name}", text, labels=["source"])
        for sample in samples:
            value = value_of(sample)
            gauge.add_metric([sample.vitals.source], math.nan if value is None else float(value))
        yield gauge
    yield _latencies(samples)
    events = Counter("edgeenh_events", "Events by kind", labels=["source", "kind"])
    for (source, kind), count in watched.event_counts().items():
        events.add_metric([source, kind], count)
    yield events
    lost = Counter("edgeenh_events_lost", "Events that could not be written to their file")
    lost.add_metric([], watched.events_lost)
    yield lost


def _ago(sample: Sample) -> float | None:
    at_ns = sample.vitals.shown.enhanced_at_ns
    return None if at_ns is None else (sample.now_ns - at_ns) / 1e9


def _latencies(samples: list[Sample]) -> Any:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily("edgeenh_latency_seconds", "Time of frames by stage", labels=["source", "stage"])
    for sample in samples:
        for stage, latencies in sample.stages.items():
            histogram = latencies.histogram
            counts = histogram.at_most(BOUNDS_MS)
            total = max(histogram.count, counts[-1])
            buckets = [(f"{bound / 1000:g}", count) for bound, count in zip(BOUNDS_MS, counts, strict=True)]
            family.add_metric([sample.vitals.source, stage], [*buckets, ("+Inf", total)], histogram.total_us / 1e6)
    return family
