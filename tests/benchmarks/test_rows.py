from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.backends import Availability
from edgeenh.drift import Thresholds
from edgeenh.gate import SelfTest, judge
from edgeenh_bench.rounds import blocks, rounds_for
from edgeenh_bench.rows import Row, RowSpec, drift_json, plan_rows


def backend(availability: Availability, *precisions: str) -> Any:
    return SimpleNamespace(PRECISIONS=precisions, availability=lambda: availability)


def test_a_row_for_every_backend_device_and_precision_with_a_graph() -> None:
    usable = Availability(usable=True, version="1")
    missing = Availability(usable=False, reason="it is not installed", fix="pip install it")
    backends = {"onnxruntime": backend(usable, "fp32", "fp16"), "tensorrt": backend(missing, "fp16", "int8", "bf16")}
    rows = plan_rows(backends, ["fp32", "fp16"])
    labels = [row.spec.label for row in rows if row.available]
    assert labels == ["onnxruntime-cpu-fp32", "onnxruntime-cpu-fp16", "onnxruntime-cuda-fp32", "onnxruntime-cuda-fp16"]
    refused = [(row.spec.precision, row.reason, row.fix) for row in rows if not row.available]
    assert refused == [(precision, "it is not installed", "pip install it") for precision in ("fp16", "bf16")]


def test_half_a_measurement_is_kept_apart_without_figures_and_the_first_reason_stays() -> None:
    row = Row(RowSpec("openvino", "fp32"), latencies_ms=[1.0, 2.0], parts_ms=[{}, {}], blocks=[2], wall_ms=3.0)
    row.fail("it crashed")
    row.fail("and again")
    document = row.to_json()
    assert (document["available"], document["reason"]) == (False, "it crashed (after 2 measured frames)")
    assert document["latency_ms"] is document["throughput_fps"] is document["psnr_db"] is document["split_ms"] is None
    assert (document["raw_ms"], document["blocks"]) == ([], [])
    assert document["partial"] == {"n": 2, "raw_ms": [1.0, 2.0]}
    never = Row(RowSpec("openvino", "fp32"))
    never.fail("it is not installed")
    assert (never.to_json()["reason"], never.to_json()["partial"]) == ("it is not installed", None)


def test_the_last_block_is_held_against_the_first() -> None:
    row = Row(RowSpec("fake", "fp32"), steady=True, latencies_ms=[10.0] * 6 + [11.5] * 3, blocks=[3, 3, 3])
    assert row.first_and_last() == {"first_ms": 10.0, "last_ms": 11.5, "last_to_first": 1.15}
    assert row.warnings() == ["fake-fp32: the last block's latency is +15% off the first's (expected within 10%)"]
    row.blocks = [9]
    assert row.first_and_last() is None
    assert row.warnings() == []


def test_the_worst_frame_speaks_for_the_row() -> None:
    reference = np.full((40, 40, 3), 100, np.uint8)
    off = reference.copy()
    off[5, 7] = (100, 90, 103)
    document = drift_json(judge([("a", reference, reference), ("b", reference, off)], Thresholds()))
    assert (document["max_abs"], document["identical"], document["drift_frames"]) == (10, False, 2)
    assert document["worst_patch"]["size"] == 32
    assert document["mean_shift"] == pytest.approx([0.0, -10 / 1600, 3 / 1600], abs=1e-5)
    assert document["gate_passed"] is True
    assert drift_json(judge([("b", reference, off)], Thresholds(math.nan)))["gate_passed"] is False


def test_a_faulty_self_test_fails_the_row_whatever_its_frames_look_like() -> None:
    picture = np.arange(48 * 48 * 3, dtype=np.uint8).reshape(48, 48, 3)
    document = drift_json(judge([("a", picture, picture)], Thresholds(), tested=SelfTest(("stale",), 4)))
    assert (document["gate_passed"], document["gate_reasons"], document["repeat_max_abs"]) == (False, ["stale"], 4)
    assert document["deterministic"] is False
    json.dumps(document, allow_nan=False)


def test_identical_outputs_have_no_psnr_and_none_have_no_verdict() -> None:
    picture = np.arange(48 * 48 * 3, dtype=np.uint8).reshape(48, 48, 3)
    same = drift_json(judge([("a", picture, picture)], Thresholds()))
    assert (same["psnr_db"], same["identical"], same["gate_passed"]) == (None, True, True)
    assert drift_json(None)["gate_passed"] is drift_json(None)["deterministic"] is None
    tested = drift_json(judge([("a", picture, picture)], Thresholds(), tested=SelfTest((), 0)))
    assert tested["deterministic"] is True
    assert same["deterministic"] is None  # it was not tested
    assert set(same) == set(drift_json(None))


def test_a_row_says_itself_when_it_cannot_be_trusted() -> None:
    row = Row(RowSpec("fake", "fp32"), steady=False, warm_up_frames=400, latencies_ms=[1.0, 9.0] * 3)
    assert [part in line for part, line in zip(("never became steady", "80%"), row.warnings(), strict=True)] == [
        True
    ] * 2
    assert not Row(RowSpec("fake", "fp32"), steady=True, latencies_ms=[10.0, 10.1] * 3).warnings()


@given(st.integers(0, 5000))
def test_blocks_hold_every_frame_once(frames: int) -> None:
    parts = blocks(frames, rounds_for(frames))
    assert sum(parts) == frames
    assert max(parts) - min(parts) <= 1
    assert frames < 5 or min(parts) >= 5
