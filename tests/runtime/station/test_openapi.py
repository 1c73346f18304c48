"""Cases made from the service's own OpenAPI document: whatever is sent, there is a documented answer, and no 5xx but 503."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from .conftest import TOKEN, Running

CASES = int(os.environ.get("EDGEENH_FUZZ_CASES", "12"))
"""Per operation; `make fuzz-service` asks for many more."""

ENDLESS = ("/v1/events",)
HEALTH = ("/live", "/ready", "/v2/health/live", "/v2/health/ready")


MALFORMED = b"Invalid HTTP request received."
"""What the HTTP parser says to what is no HTTP, before anything of ours is asked."""


def test_no_case_ends_in_another_5xx_than_503(running: Running) -> None:
    with warnings.catch_warnings(action="ignore"):
        schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
        found = schemathesis.openapi.from_url(f"http://127.0.0.1:{running.port}/openapi.json")
        operations = [one.ok() for one in found.get_all_operations()]
        assert len(operations) >= 12
        seen: Counter[int] = Counter()
        for operation in operations:
            if operation.path in ENDLESS:  # it has no end, and answers as it goes
                continue
            for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
                with suppress(Unsatisfiable):  # an operation without parameters has no wrong ones
                    play(operation.as_strategy(generation_mode=mode), partial(send, operation.path, seen))
    assert sum(seen.values()) >= CASES * 8, seen
    assert running.ask("GET", "/live").status == 200


def send(path: str, seen: Counter[int], case: Any) -> None:
    answer = case.call(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
    seen[answer.status_code] += 1
    assert answer.status_code < 500 or answer.status_code == 503, answer.text[:500]
    if answer.status_code >= 400 and path not in HEALTH and answer.request.method != "HEAD":
        assert answer.content == MALFORMED or answer.json()["error"], answer.text[:200]


def play(strategy: Any, check: Any) -> None:
    quick = settings(
        max_examples=CASES,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
        database=None,
    )

    @quick
    @given(case=strategy)
    def cases(case: Any) -> None:
        check(case)

    cases()
