"""Which row to ship: what no other beats, with quality found by digest."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from edgeenh_bench.report.choice import choice

Json = dict[str, Any]


def row(label: str, p50: float, psnr: float | None, memory: float = 30.0, **more: Any) -> Json:
    own = {"label": label, "available": True, "latency_ms": {"p50": p50}, "psnr_db": psnr, "identical": psnr is None}
    return own | {"rss_mb": memory, "graph_mb": 0.4, "gate_passed": True} | more


def document(*rows: Json, model: str = "n", digest: str = "d", size: tuple[int, int] = (64, 48)) -> Json:
    return {
        "model": {"id": model, "version": 1, "digest": digest},
        "environment": {"cpu": {"model": "A"}},
        "frames": {"size": list(size)},
        "method": {"threads": None, "mode": {"name": "latency"}},
        "checkpoint_sha256": f"{digest}-checkpoint",
        "rows": list(rows),
    }


def quality(*rows: tuple[str | None, float | None], higher: bool = True) -> Json:
    scorers = [
        {"key": "nima", "label": "NIMA", "higher_is_better": True, "absent": "no weights"},
        {"key": "psnr_db", "label": "PSNR dB", "higher_is_better": higher, "absent": ""},
    ]
    told = [{"facts": {"sha256": digest}, "summary": {"psnr_db": {"mean": mean}}} for digest, mean in rows]
    return {"sets": [{"name": "held-out", "scorers": scorers, "rows": told}]}


def verdicts(found: Json | None) -> list[str]:
    assert found is not None
    return [cells[-1] for cells in found["rows"]]


def test_a_row_that_another_beats_in_all_is_named_with_the_other() -> None:
    found = choice([document(row("fast", 5.0, 100.0), row("exact", 20.0, None), row("slow", 25.0, 60.0))], [])
    assert verdicts(found) == ["not beaten", "not beaten", "beaten by n 1, fast"]
    assert found is not None
    assert found["rows"][1][2] == "identical"
    assert "Quality is not known" in found["lines"][0]


def test_noise_is_no_reason_and_memory_is_one() -> None:
    assert verdicts(choice([document(row("a", 5.0, None), row("b", 5.2, None))], [])) == ["not beaten"] * 2
    assert verdicts(choice([document(row("a", 5.0, None), row("b", 5.2, None, 40.0))], []))[1] == "beaten by n 1, a"
    assert verdicts(choice([document(row("a", 5.0, None), row("b", 9.0, None, 20.0))], [])) == ["not beaten"] * 2


def test_what_fails_the_gate_is_no_choice_and_beats_nothing() -> None:
    found = choice([document(row("wrong", 1.0, None, gate_passed=False), row("right", 5.0, 60.0))], [])
    assert verdicts(found) == ["FAILS THE GATE", "not beaten"]


@pytest.mark.parametrize("digest", ["s", "s-checkpoint"])
def test_quality_is_found_by_digest_and_decides_between_models(digest: str) -> None:
    documents = [document(row("x", 5.0, 60.0), digest="n"), document(row("x", 50.0, 60.0), model="seed", digest="s")]
    table = quality(("n", 20.0), (digest, 25.0), (None, 99.0))
    found = choice(documents, [table])
    assert verdicts(found) == ["not beaten"] * 2
    assert found is not None
    assert found["head"][-2] == "PSNR dB on held-out"
    assert [cells[-2] for cells in found["rows"]] == ["20", "25"]
    svg, caption = found["charts"][0]
    assert ElementTree.fromstring(svg).tag == "svg"
    assert "up is better" in caption
    assert ("n 1, x" in svg, "seed 1, x" in svg) == (True, True)
    worse = choice(documents, [quality(("n", 20.0), (digest, 15.0))])
    assert verdicts(worse) == ["not beaten", "beaten by n 1, x"]
    assert verdicts(choice(documents, [quality(("n", 20.0), (digest, 25.0), higher=False)]))[1] == "beaten by n 1, x"


def test_a_table_without_the_model_is_said() -> None:
    found = choice([document(row("a", 5.0, None), row("b", 9.0, 60.0))], [quality(("other", 20.0))])
    assert found is not None
    assert "No model here is in the table of PSNR dB on held-out" in found["lines"][0]
    assert found["charts"] == []


def test_results_of_another_size_are_left_out_and_that_is_said() -> None:
    documents = [document(row("a", 5.0, None), row("b", 9.0, 60.0)), document(row("a", 1.0, None), size=(8, 8))]
    found = choice(documents, [])
    assert found is not None
    assert len(found["rows"]) == 2
    assert "1 of 2 results are left out" in found["lines"][0]


def test_results_of_one_model_are_told_apart_and_one_row_is_no_choice() -> None:
    found = choice([document(row("a", 5.0, None)), document(row("a", 9.0, None))], [])
    assert verdicts(found) == ["not beaten", "beaten by n 1 (1), a"]
    assert choice([document(row("a", 5.0, None))], []) is None
