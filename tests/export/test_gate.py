from __future__ import annotations

import math

import cv2
import numpy as np
import onnx
import pytest

from edgeenh.drift import Thresholds
from edgeenh.errors import GateFailed
from edgeenh.pixels import GREY, RGB
from edgeenh_export.execute import OnnxRunner
from edgeenh_export.gate import (
    Judged,
    check_reference,
    compare,
    judge_frames,
    judge_graph,
    max_parity_steps,
    require_passed,
    require_precision,
)
from edgeenh_export.golden import GoldenFrame


@pytest.fixture
def frame() -> GoldenFrame:
    return GoldenFrame("scene", np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_both_graphs_pass_with_a_proof_of_precision(exported, frame, precision):
    onnx_bytes = exported.bundle.model(precision).onnx
    with OnnxRunner(exported.bundle.model("fp32").onnx, "fp32", "toy") as run:
        reference = run(frame.image)
    judged, made = judge_graph(onnx_bytes, precision, [frame], [reference], Thresholds(), cap=0.6)
    require_passed(judged, Thresholds())
    assert judged.determinism.holds
    assert judged.document()["determinism"]["second_session_max_abs"] == 0
    assert judged.arithmetic.shares == {precision: pytest.approx(1)}
    assert ("ReduceMean" in judged.arithmetic.islands) == (precision == "fp16")
    assert made[0].shape == frame.image.shape


def test_a_graph_of_one_size_is_tested_at_that_size(fixed_graphs, frame):
    with OnnxRunner(fixed_graphs["fp32"], "fp32", "toy") as run:
        reference = run(frame.image)
    judged, _ = judge_graph(fixed_graphs["fp16"], "fp16", [frame], [reference], Thresholds(), cap=0.6, fixed=(64, 48))
    require_passed(judged, Thresholds())


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_both_grey_graphs_give_every_value_back_at_strength_0(grey_exported, precision):
    image = np.random.default_rng(0).integers(0, 65536, (48, 64, 1), np.uint16)
    onnx_bytes, frame = grey_exported.bundle.model(precision).onnx, GoldenFrame("film", image)
    judged, _ = judge_graph(onnx_bytes, precision, [frame], [image], Thresholds(), GREY, cap=0.6)
    assert judged.verdict.self_test.faults == ()


def test_a_graph_that_is_fp16_in_name_only_fails(exported, frame):
    judged, _ = judge_graph(exported.bundle.model("fp32").onnx, "fp32", [frame], [frame.image], Thresholds(), cap=0.6)
    with pytest.raises(GateFailed, match=r"fp16 graph computes 0\.0% .*found 100\.0% fp32.*in name only"):
        require_precision(judged.arithmetic, "fp16")


def edited(onnx_bytes, edit):
    model = onnx.load_model_from_string(onnx_bytes)
    edit(model.graph)
    return model.SerializeToString()


def spoil_weight(value):
    def edit(graph):
        weight = next(tensor for tensor in graph.initializer if tensor.name.endswith("weight"))
        values = onnx.numpy_helper.to_array(weight).copy()
        values.flat[0] = value
        weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))

    return edit


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_graph_with_values_that_are_not_finite_can_never_pass(exported, frame, value, precision):
    onnx_bytes = edited(exported.bundle.model(precision).onnx, spoil_weight(value))
    anything = Thresholds(0.0, -1.0, 255.0)
    with pytest.raises(GateFailed, match=r"scene: .* holds \d+ values that are not finite .* no tolerance passes this"):
        judge_graph(onnx_bytes, precision, [frame], [frame.image], anything, cap=0.6)


def add_nan_pixel(graph):
    """What goes into the clamp gets NaN at the one pixel of the frame that is 77, 66, 55."""
    clip = next(node for node in graph.node if node.op_type == "Clip")
    before, spoilt = clip.input[0], "spoilt"
    make = onnx.helper.make_node
    colour = onnx.numpy_helper.from_array(np.array([77, 66, 55], np.float32), "colour")
    nothing, nan = (
        onnx.numpy_helper.from_array(np.float32(v).reshape(1), n) for v, n in ((0, "nothing"), (math.nan, "nan"))
    )
    axes = onnx.numpy_helper.from_array(np.array([3]), "axes")
    first = next(node for node in graph.node if node.input[0] == "image").output[0]
    nodes = [
        make("Sub", [first, "colour"], ["apart"]),
        make("Abs", ["apart"], ["distance"]),
        make("ReduceMax", ["distance", "axes"], ["far"]),
        make("Equal", ["far", "nothing"], ["here"]),
        make("Where", ["here", "nan", "nothing"], ["once"]),
        make("Mul", [first, "nothing"], ["black"]),
        make("Add", ["once", "black"], ["thrice"]),
        make("Shape", [before], ["size"]),
        make("Reshape", ["thrice", "size"], ["in_its_place"]),
        make("Add", [before, "in_its_place"], [spoilt]),
    ]
    clip.input[0] = spoilt
    index = list(graph.node).index(clip)
    graph.initializer.extend([colour, nothing, nan, axes])
    for offset, node in enumerate(nodes):
        graph.node.insert(index + offset, node)


def test_one_nan_pixel_in_a_later_picture_can_never_pass(exported, frame):
    image = frame.image.copy()
    image[20, 30] = (77, 66, 55)
    frames, anything = [frame, GoldenFrame("second", image)], Thresholds(0.0, -1.0, 255.0)
    onnx_bytes = edited(exported.bundle.model("fp32").onnx, add_nan_pixel)
    with pytest.raises(GateFailed, match="second: the FP32 graph holds 3 values that are not finite"):
        judge_graph(onnx_bytes, "fp32", frames, [one.image for one in frames], anything, cap=0.6)


def test_parity_of_grey_is_counted_on_16_bits():
    assert (max_parity_steps(RGB), max_parity_steps(GREY)) == (1, 7)
    image = np.random.default_rng(0).integers(100, 65000, (48, 64, 1), np.uint16)
    frame, other = GoldenFrame("scene", image), image.copy()
    other[5, 6] += 7
    assert compare([frame], [image], [other], GREY).max_abs == 7
    other[5, 6] += 1
    with pytest.raises(GateFailed, match=r"scene: .* by 8 of 65535 at x=6, y=5, expected at most 7"):
        compare([frame], [image], [other], GREY)


def test_parity_counts_single_steps_and_refuses_more(frame):
    other = frame.image.copy()
    other[0, 0, 0] ^= 1
    parity = compare([frame], [frame.image], [other])
    assert (parity.max_abs, parity.worst_picture) == (1, "scene")
    assert parity.share == pytest.approx(1 / frame.image.size)
    other[5, 6] ^= 2
    with pytest.raises(GateFailed, match=r"scene: .* by 2 of 255 at x=6, y=5, expected at most 1"):
        compare([frame], [frame.image], [other])


@pytest.mark.parametrize(("value", "word"), [(math.nan, "not finite"), (128.0, "constant"), (None, "clipped")])
def test_a_checkpoint_that_gives_no_picture_is_refused(frame, value, word):
    result = np.where(frame.image > 127, 255.0, 0.0) if value is None else np.full(frame.image.shape, value)
    with pytest.raises(GateFailed, match=rf"does not give a picture: scene: .*{word}"):
        check_reference([frame], [result.astype(np.float32)])
    check_reference([frame], [frame.image.astype(np.float32)])


def test_a_failure_names_picture_place_figure_and_the_tolerance_that_passes(frame):
    noisy = frame.image ^ np.uint8(2)
    limits = Thresholds()
    judged = Judged("fp16", "onnxruntime", judge_frames([frame], [frame.image], [noisy], limits))
    with pytest.raises(
        GateFailed, match=r"fp16 graph on onnxruntime .*scene: PSNR 42\.11 dB.* at x=\d+, y=\d+.*--min-psnr 42\.11"
    ) as caught:
        require_passed(judged, limits)
    passing = Thresholds(min_psnr_db=float(str(caught.value).split("--min-psnr ")[1].split()[0]))
    require_passed(Judged("fp16", "x", judge_frames([frame], [frame.image], [noisy], passing)), passing)


def test_a_result_that_is_not_finite_fails_whatever_the_tolerance(frame):
    limits = Thresholds(min_psnr_db=0, min_ssim=-1)
    result = frame.image.astype(np.float32)
    result[3, 4, 1] = math.nan
    judged = Judged("fp16", "torch", judge_frames([frame], [frame.image], [result], limits))
    with pytest.raises(GateFailed, match=r"1 values that are not finite.*no tolerance passes this"):
        require_passed(judged, limits)


def test_the_worst_picture_is_written_passed_or_not(frame, tmp_path):
    noisy, limits = frame.image ^ np.uint8(2), Thresholds()
    judged = Judged("fp16", "onnxruntime", judge_frames([frame], [frame.image], [noisy], limits))
    with pytest.raises(GateFailed, match=r"the worst picture is .*fp16-onnxruntime-scene\.png"):
        require_passed(judged, limits, report=tmp_path / "new")
    shown = cv2.imread(str(tmp_path / "new" / "fp16-onnxruntime-scene.png"))[..., ::-1]
    assert shown.shape == (48, 64 * 3, 3)
    assert np.array_equal(shown[:, :64], frame.image)
    assert np.array_equal(shown[:, 64:128], noisy)
    assert np.array_equal(shown[:, 128:], np.clip(128 + 20 * (noisy.astype(int) - frame.image), 0, 255))


def test_every_threshold_names_its_option(frame):
    off = frame.image.copy()
    off[:24] ^= 128
    limits = Thresholds(50, 0.995, 32, 0.001, 0.1)
    judged = Judged("fp16", "torch", judge_frames([frame], [frame.image], [off], limits))
    with pytest.raises(GateFailed) as caught:
        require_passed(judged, limits)
    for option in ("--min-psnr", "--min-ssim", "--max-difference 128 ", "--max-share-off 0.5 ", "--max-mean-shift"):
        assert option in str(caught.value)
