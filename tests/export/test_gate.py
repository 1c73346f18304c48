from __future__ import annotations

import math

import numpy as np
import pytest

from edgeenh.drift import Thresholds
from edgeenh.errors import GateFailed
from edgeenh.pixels import GREY, RGB
from edgeenh_export.execute import OnnxRunner
from edgeenh_export.gate import (
    Judged,
    check_identity,
    check_reference,
    compare,
    every_value,
    judge_frames,
    max_parity_steps,
    require_passed,
)
from edgeenh_export.golden import GoldenFrame


@pytest.fixture
def frame() -> GoldenFrame:
    return GoldenFrame("scene", np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_strength_0_is_the_identity_of_both_graphs_in_onnx_runtime(exported, fixed_graphs, precision):
    with OnnxRunner(exported.bundle.model(precision).onnx, precision, "toy") as run:
        check_identity(run, precision, None)
    with OnnxRunner(fixed_graphs[precision], precision, "toy") as run:
        check_identity(run, precision, (64, 48))


def test_one_changed_value_fails_the_identity():
    def off_by_one_at_200(image, strength):
        return np.where(image == 200, 201, image).astype(np.uint8)

    with pytest.raises(GateFailed, match=r"FP16 graph at strength 0 changes 3 values \(first at x=7, y=3, B\)"):
        check_identity(off_by_one_at_200, "FP16", None)


@pytest.mark.parametrize("size", [None, (256, 256), (64, 48), (512, 384)])
def test_every_16_bit_value_of_grey_is_tried(size):
    pictures = list(every_value(size, GREY))
    assert {picture.shape for picture in pictures} == {(*(size or (256, 256))[::-1], 1)}
    assert {picture.dtype for picture in pictures} == {np.dtype(np.uint16)}
    assert len(np.unique(np.concatenate([picture.reshape(-1) for picture in pictures]))) == 65536


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_strength_0_is_the_identity_of_both_grey_graphs_in_onnx_runtime(grey_exported, precision):
    with OnnxRunner(grey_exported.bundle.model(precision).onnx, precision, "toy", GREY) as run:
        check_identity(run, precision, None, GREY)


def test_one_changed_grey_value_fails_the_identity():
    def off_by_one_at_40000(image, strength):
        return np.where(image == 40_000, 40_001, image).astype(np.uint16)

    with pytest.raises(GateFailed, match=r"FP16 graph at strength 0 changes 1 values \(first at x=64, y=156\)"):
        check_identity(off_by_one_at_40000, "FP16", None, GREY)


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
