from __future__ import annotations

import math

import numpy as np
import pytest

from edgeenh.drift import Thresholds
from edgeenh.errors import GateFailed
from edgeenh_export.execute import OnnxRunner
from edgeenh_export.gate import Judged, check_identity, check_reference, compare, judge_frames, require_passed
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
