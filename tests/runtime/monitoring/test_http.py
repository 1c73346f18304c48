"""`/live`, `/ready` and `/metrics` of a stream that runs, fails, and ends."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from edgeenh.errors import InferenceFailed, UsageError
from edgeenh.monitoring.address import Address, parse_address
from edgeenh.monitoring.chain import verify_journal
from edgeenh.monitoring.journal import EventJournal
from edgeenh.monitoring.run import Monitoring
from edgeenh.stream import ManualClock, Stream

DOCS = Path(__file__).parents[3] / "docs" / "monitoring.md"


class Brighter:
    """An enhancer that may be told to fail."""

    failing = False

    def prepare(self, height: int, width: int) -> None:
        pass

    def enhance_into(self, image: Any, out: Any, strength: float | None = None, **_: Any) -> Any:
        from edgeenh.frames import Provenance

        if self.failing:
            raise InferenceFailed("out of order")
        out[...] = image // 2 + 50
        return Provenance("b" * 64, "", "fake", "numpy", "fp32", 1.0)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[tuple[Monitoring, Stream, Brighter, ManualClock]]:
    clock, enhancer = ManualClock(10**9), Brighter()
    pictures = [np.random.default_rng(seed).integers(0, 200, (24, 32, 3), np.uint8) for seed in range(6)]
    stream = Stream(pictures, enhancer, clock=clock)  # type: ignore[arg-type]
    journal = EventJournal(tmp_path / "events.jsonl", sync=False)
    monitoring = Monitoring(clock, journal=journal, facts=lambda: {"model": "tiny", "digest": 'b"c'})
    monitoring.watch(stream)
    yield monitoring, stream, enhancer, clock
    stream.close()
    monitoring.close()


def get(address: Address, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_answers_follow_the_stream(parts: tuple[Monitoring, Stream, Brighter, ManualClock]) -> None:
    monitoring, stream, enhancer, _ = parts
    where = monitoring.serve(Address("127.0.0.1", 0))
    assert get(where, "/live")[0] == 200
    status, body = get(where, "/ready")
    assert (status, json.loads(body)["streams"][stream.source.id]["state"]) == (503, "starting")
    monitoring.start()
    assert next(stream).enhanced
    assert get(where, "/ready")[0] == 200
    enhancer.failing = True
    while next(stream).enhanced:
        pass
    status, body = get(where, "/ready")
    assert (status, json.loads(body)["streams"][stream.source.id]["state"]) == (503, "passthrough")
    assert get(where, "/live")[0] == 200
    assert list(stream)
    status, body = get(where, "/live")
    assert (status, json.loads(body)["streams"][stream.source.id]["state"]) == (503, "ended")
    assert get(where, "/etc/passwd")[0] == 404
    assert get(where, "/ready", Host="evil.example")[0] == 403
    assert get(where, "/live", Host="localhost:1")[0] == 503


def test_metrics_are_prometheus_and_add_up(
    parts: tuple[Monitoring, Stream, Brighter, ManualClock], tmp_path: Path
) -> None:
    monitoring, stream, enhancer, clock = parts
    where = monitoring.serve(Address("127.0.0.1", 0))
    monitoring.start()
    next(stream)
    clock.advance(40)
    enhancer.failing = True
    list(stream)
    monitoring.ended(stream)
    _, text = get(where, "/metrics")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    source = stream.source.id

    def value(name: str, **labels: str) -> float:
        found = [
            sample.value
            for family in families.values()
            for sample in family.samples
            if sample.name == name and all(sample.labels.get(key) == what for key, what in labels.items())
        ]
        assert found, name
        return sum(found)

    counts = stream.accounting.counts()
    assert value("edgeenh_frames_captured_total", source=source) == counts.captured == 6
    assert value("edgeenh_frames_enhanced_total") == counts.enhanced
    assert value("edgeenh_frames_passthrough_total", reason="backend_error") == counts.passthrough["backend_error"]
    assert value("edgeenh_ready") == 0
    assert value("edgeenh_accounting_holds") == 1
    assert value("edgeenh_latency_seconds_count", stage="age") == 6
    assert value("edgeenh_latency_seconds_bucket", stage="age", le="+Inf") == 6
    assert value("edgeenh_events_total", kind="passthrough_began") == 1
    assert value("edgeenh_info", model="tiny", digest='b"c') == 1
    for name, family in families.items():
        assert name in DOCS.read_text(), f"{name} is not in docs/monitoring.md"
        assert family.documentation
    monitoring.close()
    journal = tmp_path / "events.jsonl"
    kinds = [json.loads(line)["kind"] for line in journal.read_text().splitlines()]
    assert kinds == ["journal_opened", "passthrough_began", "run_ended", "journal_closed"]
    assert verify_journal(journal).holds


def test_every_kind_of_event_is_documented() -> None:
    root = Path(__file__).parents[3] / "runtime" / "edgeenh"
    text = DOCS.read_text()
    pattern = r"(?:Notice|_tell|_event|_note|\bnote|\btell|Event|journal\.add|self\.add)\(\s*\"([a-z_]+)\""
    kinds = {kind for file in root.rglob("*.py") for kind in re.findall(pattern, file.read_text())}
    assert len(kinds) > 20
    assert not {kind for kind in kinds if f"`{kind}`" not in text}


def test_a_port_that_is_taken_is_one_line(parts: tuple[Monitoring, Stream, Brighter, ManualClock]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"http: 127.0.0.1:{port} is taken by another program"):
            parts[0].serve(Address("127.0.0.1", port))
    with pytest.raises(UsageError, match="cannot be used"):
        parts[0].serve(Address("192.0.2.1", 0))


def test_addresses() -> None:
    assert parse_address("8080", "x") == ("127.0.0.1", 8080)
    assert parse_address(":8080", "x") == ("127.0.0.1", 8080)
    assert parse_address("0.0.0.0:1", "x") == ("0.0.0.0", 1)
    assert parse_address("[::1]:0", "x").text == "[::1]:0"
    for wrong in ("", "host", "1.2.3.4:", "1.2.3.4:70000", "a b:1", "http://x:1"):
        with pytest.raises(UsageError, match="names no place, expected HOST:PORT"):
            parse_address(wrong, wrong)
