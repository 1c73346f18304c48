"""The search for FP16 on graphs that overflow, lose their sums or divide by nothing there."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from edgeenh.drift import Thresholds
from edgeenh.errors import GateFailed
from edgeenh.pixels import RGB
from edgeenh_export.gate import arithmetic_of
from edgeenh_export.precision import autocast
from edgeenh_export.precision.half import search_half
from edgeenh_export.precision.rules import fp32_by_rule
from edgeenh_export.precision.stored import stored_in_half
from edgeenh_export.precision.traffic import bytes_moved
from edgeenh_export.precision.typed import to_fp16

from .conftest import plain

LIMITS = Thresholds(50, 0.995)


def half_of(fp32, frames, references, limits=LIMITS):
    said = []
    return search_half(fp32, frames, references(fp32), limits, RGB, said.append), said


def variance(b, x):
    """Divides by the spread of the whole picture: means of squares, which a sum in FP16 would not survive."""
    x = plain(b, x)
    mean = b.add("ReduceMean", x, b.constant([2, 3], np.int64))
    apart = b.add("Sub", x, mean)
    spread = b.add("ReduceMean", b.add("Mul", apart, apart), b.constant([2, 3], np.int64))
    return b.add("Div", apart, b.add("Sqrt", b.add("Add", spread, b.constant(1e-6))))


def exponential(b, x):
    """e^(14 x) reaches 1.2 million; its logarithm brings it back."""
    x = b.add("LeakyRelu", b.conv(x, 3, 8, 1), alpha=0.2)
    big = b.add("Exp", b.add("Mul", b.add("Sigmoid", b.add("Add", x, b.constant(4.0))), b.constant(14.0)))
    back = b.add("Mul", b.add("Log", b.add("Add", big, b.constant(1.0))), b.constant(1 / 14))
    return b.conv(back, 8, 3, 3)


def power(b, x):
    """The eighth power of values around 6 is over a million; the eighth root of it is harmless."""
    x = b.add("Add", b.add("Abs", b.conv(x, 3, 8, 1)), b.constant(6.0))
    root = b.add("Pow", b.add("Pow", x, b.constant(8.0)), b.constant(0.125))
    return b.conv(b.add("Sub", root, b.constant(6.0)), 8, 3, 3)


def nothing(b, x):
    """Divides by 1e-8 plus something: in FP16 that constant is 0, and 0/0 is none."""
    x = plain(b, x)
    zero = b.add("Sub", x, x)
    return b.add("Add", x, b.add("Div", zero, b.add("Add", b.add("Abs", zero), b.constant(1e-8))))


def cancelling(b, x):
    """The difference of two numbers near 300 that differ in the third decimal: FP16 has steps of 0.25 there."""
    x = plain(b, x)
    return b.add("Sub", b.add("Add", x, b.constant(300.0)), b.constant(300.0))


def test_a_graph_that_is_not_hard_keeps_nothing_by_choice(plain_graph, frames, references):
    half, said = half_of(plain_graph, frames, references)
    assert half.outcome.kept == ()
    assert half.verdict.passed
    assert said == []
    assert half.line().startswith("FP16: nothing kept FP32 by choice")
    assert arithmetic_of(half.onnx).shares == {"fp16": 1.0}


@pytest.mark.parametrize("network", [variance, exponential, power, nothing, cancelling])
def test_what_is_hard_is_rescued_and_the_rest_is_in_fp16(build, frames, references, network):
    fp32 = build(network)
    half, _ = half_of(fp32, frames, references)
    assert half.verdict.passed
    assert arithmetic_of(half.onnx).shares["fp16"] >= 0.5
    kept = {*half.outcome.kept, *half.outcome.required}
    operators = {node.op_type for node in onnx.load_model_from_string(fp32).graph.node if node.name in kept}
    expected = {
        variance: {"ReduceMean"},
        exponential: {"Exp"},
        power: {"Pow"},
        nothing: {"Div"},
        cancelling: {"Sub"},
    }[network]
    assert expected <= operators
    document = half.to_json()
    assert document["passed"]
    assert document["cost_by"] == "bytes moved per frame"
    assert document["bytes_moved"]["after"] == bytes_moved(half.onnx)


def test_what_was_kept_and_what_it_cost_is_one_line(build, frames, references):
    half, said = half_of(build(cancelling), frames, references)
    assert half.outcome.before_db < 50 <= half.outcome.after_db
    line = half.line()
    assert f"{len(half.outcome.kept)} node" in line
    assert half.outcome.kept[0] in line
    assert f"{half.outcome.before_db:.1f} dB → {half.outcome.after_db:.1f} dB" in line
    assert "MB moved per frame" in line
    assert any("measuring what each of" in one for one in said)


def test_the_search_keeps_no_more_than_is_needed(build, frames, references):
    half, _ = half_of(build(cancelling), frames, references)
    fp32 = build(cancelling)
    for name in half.outcome.kept:
        fewer = {*half.outcome.required, *half.outcome.kept} - {name}
        made = list(stored_in_half(to_fp16(fp32, fewer), frames, RGB))
        wanted = references(fp32)
        errors = [np.abs(np.clip(one, 0, 255) - two).mean() for one, two in zip(made, wanted, strict=True)]
        assert max(errors) > 0.3  # the gate would not hold without it


def test_a_gate_that_nothing_reaches_names_what_was_tried(plain_graph, frames, references):
    with pytest.raises(
        GateFailed,
        match=r"no FP16 graph .* \d+ candidates were measured with up to \d+ of \d+ nodes.*export with --fp32",
    ):
        half_of(plain_graph, frames, references, Thresholds(140.0, 0.995, 0.0))


def test_the_emulation_finds_what_onnx_runtime_hides(build, frames, references):
    fp32 = build(exponential)
    everything = to_fp16(fp32, fp32_by_rule(onnx.load_model_from_string(fp32)))
    (made, *_) = stored_in_half(everything, frames[:1], RGB)
    wanted = references(fp32)[0]
    assert not np.isfinite(made).all() or np.abs(made - wanted).max() > 20


def test_rules_keep_the_sum_the_frame_and_sums_over_the_picture(build):
    model = onnx.load_model_from_string(build(variance))
    kept = {node.op_type for node in model.graph.node if node.name in fp32_by_rule(model)}
    assert kept == {"Cast", "Mul", "Add", "Clip", "Round", "ReduceMean"}
    many = [node for node in model.graph.node if node.op_type == "Mul" and node.name in fp32_by_rule(model)]
    assert len(many) == 1  # the one by strength


def test_bytes_count_casts_and_halves(plain_graph):
    rule = fp32_by_rule(onnx.load_model_from_string(plain_graph))
    names = {node.name for node in onnx.load_model_from_string(plain_graph).graph.node}
    assert bytes_moved(to_fp16(plain_graph, rule)) < bytes_moved(to_fp16(plain_graph, names))
    assert bytes_moved(plain_graph) == bytes_moved(to_fp16(plain_graph, names))


def test_without_autocast_the_search_says_why(build, frames, references, monkeypatch):
    monkeypatch.setattr(autocast, "find_spec", lambda name: None)
    half, _ = half_of(build(plain), frames, references)
    reason = "nvidia-modelopt is not installed (pip install 'edgeenh[autocast]')"
    assert half.remarks == (f"ModelOpt AutoCast was not tried: {reason}",)


@pytest.fixture
def autocast_here():
    """Skips where AutoCast is not installed; one that is there and does not load fails."""
    if autocast.find_spec("modelopt") is None:
        pytest.skip("needs nvidia-modelopt")
    assert autocast.unavailable() == ""


@pytest.mark.parametrize("network", [plain, variance, exponential, power])
def test_autocast_writes_what_the_rules_ask_for_and_nothing_to_stdout(autocast_here, build, frames, network, capfd):
    fp32 = build(network)
    rule = fp32_by_rule(onnx.load_model_from_string(fp32))
    converted = autocast.convert(fp32, frames, rule)
    assert arithmetic_of(converted).shares["fp16"] > 0.5
    assert capfd.readouterr().out == ""  # an export's results go there


def test_autocast_is_a_candidate_by_the_same_gate(autocast_here, build, frames, references):
    half, _ = half_of(build(plain), frames, references)
    assert half.verdict.passed
    assert half.route == "autocast" or half.remarks[0].startswith("ModelOpt AutoCast's graph passes too, and moves ")
