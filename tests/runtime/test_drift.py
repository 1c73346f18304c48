import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh.drift import PATCH, Thresholds, measure
from edgeenh.errors import InputError
from edgeenh.gate import judge

GATE = Thresholds()


def noise(height=48, width=64, seed=0):
    """A picture without flat parts and without 0 and 255, so that adding ±1 never clips."""
    return np.random.default_rng(seed).integers(1, 255, (height, width, 3), dtype=np.uint8)


@st.composite
def pairs(draw, low=16, high=80):
    """Two pictures of one size, from nearly equal to unrelated."""
    height, width = draw(st.integers(low, high)), draw(st.integers(low, high))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    reference = random.integers(0, 256, (height, width, 3)).astype(np.int16)
    reach = draw(st.sampled_from([0, 1, 3, 255]))
    change = random.integers(-reach, reach + 1, reference.shape) * (
        random.random(reference.shape) < draw(st.floats(0, 1))
    )
    return reference.astype(np.uint8), np.clip(reference + change, 0, 255).astype(np.uint8)


def naive_ssim(reference, candidate, data_range=255):
    """Wang's formula as printed, one window at a time, in double precision."""
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    weights = np.outer(line, line) / line.sum() ** 2
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    values = []
    for channel in range(reference.shape[2]):
        windows = [
            np.lib.stride_tricks.sliding_window_view(picture[..., channel].astype(float), (11, 11))
            for picture in (reference, candidate)
        ]
        mx, my = ((window * weights).sum((2, 3)) for window in windows)
        dx, dy = windows[0] - mx[..., None, None], windows[1] - my[..., None, None]
        vx, vy, cov = ((product * weights).sum((2, 3)) for product in (dx * dx, dy * dy, dx * dy))
        values.append(((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())
    return np.mean(values)


@settings(max_examples=40)
@given(pairs())
def test_ssim_is_that_of_the_paper(pair):
    assert measure(*pair).ssim == pytest.approx(naive_ssim(*pair), abs=2e-6)


@pytest.mark.parametrize("height", [11, 64, 74, 75, 150])
def test_ssim_counts_every_window_once_however_the_picture_is_cut(height):
    reference = noise(height, 40)
    candidate = reference.copy()
    candidate[height // 2 :, :, 1] ^= 16
    assert measure(reference, candidate).ssim == pytest.approx(naive_ssim(reference, candidate), abs=2e-6)


@settings(max_examples=60)
@given(pairs())
def test_figures_are_those_of_plain_arithmetic(pair):
    reference, candidate = (picture.astype(np.int64) for picture in pair)
    difference, drift = candidate - reference, measure(*pair)
    mse = (difference**2).mean()
    assert drift.psnr_db == (math.inf if mse == 0 else pytest.approx(10 * math.log10(255**2 / mse)))
    assert drift.identical == (mse == 0)
    assert drift.max_abs == abs(difference).max()
    assert abs(difference[drift.max_abs_at[1], drift.max_abs_at[0]]).max() == drift.max_abs
    assert drift.share_off_by_more_than_1 == pytest.approx((abs(difference) > 1).any(2).mean())
    assert drift.mean_shift == pytest.approx(tuple(difference.mean((0, 1))), abs=1e-9)


@settings(max_examples=60)
@given(pairs(high=120))
def test_no_window_is_worse_than_the_worst_patch(pair):
    patch = measure(*pair).worst_patch
    squares = ((pair[0].astype(float) - pair[1]) ** 2).sum(2)
    assert patch.size == min(PATCH, *squares.shape)
    sums = np.lib.stride_tricks.sliding_window_view(squares, (patch.size, patch.size)).sum((2, 3))
    worst = sums.max() / (patch.size**2 * 3)
    assert sums[patch.y, patch.x] == sums.max()
    assert patch.psnr_db == (math.inf if worst == 0 else pytest.approx(10 * math.log10(255**2 / worst)))


@given(pairs())
def test_measure_is_symmetric_but_for_the_sign_of_the_shift(pair):
    one, other = measure(*pair), measure(*reversed(pair))
    assert one.psnr_db == other.psnr_db
    assert one.ssim == pytest.approx(other.ssim, abs=1e-7)
    assert one.mean_shift == pytest.approx(tuple(-shift for shift in other.mean_shift))


@pytest.mark.parametrize("picture", [noise(), np.zeros((16, 16, 3), np.uint8), np.full((720, 16, 3), 255, np.uint8)])
def test_identical_pictures_are_exactly_that(picture):
    drift = measure(picture, picture.copy())
    assert (drift.identical, drift.psnr_db, drift.ssim, drift.max_abs) == (True, math.inf, 1.0, 0)
    assert drift.to_json()["psnr_db"] is None
    assert drift.to_json()["worst_patch"]["psnr_db"] is None


def test_one_step_everywhere_is_48_db():
    assert measure(noise(), noise() + np.uint8(1)).psnr_db == pytest.approx(48.1308, abs=1e-4)


def test_pictures_need_not_be_contiguous():
    wide = noise(40, 80)
    assert measure(wide[:, ::2], wide[:, 1::2]) == measure(wide[:, ::2].copy(), wide[:, 1::2].copy())


@pytest.mark.parametrize(
    ("reference", "candidate", "message"),
    [
        (noise(), noise().astype(np.float32), "the candidate is float32"),
        (noise()[..., 0], noise(), r"the reference is uint8 \[48, 64\]"),
        (noise(), noise(32), "expected the same"),
        (noise(10), noise(10), "expected at least 11×11"),
    ],
)
def test_pictures_that_cannot_be_measured_are_refused(reference, candidate, message):
    with pytest.raises(InputError, match=message):
        measure(reference, candidate)


def test_the_gate_reports_the_worst_of_all_pictures():
    good, bad = noise(), noise()
    bad[20, 30, 2] ^= 64
    pairs = [("good", noise(), good), ("bad", noise(), bad), ("same", noise(), good)]
    verdict = judge(pairs, Thresholds(max_difference=64))
    assert verdict.passed
    assert not judge(pairs, GATE).passed, "one wrong value in a frame is no drift"
    assert (verdict.pictures, verdict.worst_picture, verdict.max_abs) == (3, "bad", 64)
    assert verdict.psnr_db == measure(noise(), bad).psnr_db
    assert verdict.worst_patch == measure(noise(), bad).worst_patch


def test_the_gate_says_where_and_by_how_much():
    bad = noise()
    bad[:32, :32] = 255 - bad[:32, :32]
    verdict = judge([("good", noise(), noise()), ("bad", noise(), bad)], GATE)
    assert not verdict.passed
    psnr_line, ssim_line, difference_line = verdict.reasons
    assert psnr_line.startswith("bad: PSNR ")
    assert "expected at least 50 dB (largest difference 253 at x=" in psnr_line
    assert psnr_line.endswith("dB at x=0, y=0)")
    assert ssim_line.startswith("bad: SSIM ")
    assert difference_line.endswith("expected at most 32 of 255 anywhere")


@pytest.mark.parametrize(("thresholds", "passed"), [(GATE, False), (Thresholds(48.0, 0.9), True)])
def test_thresholds_decide(thresholds, passed):
    assert judge([("x", noise(), noise() + np.uint8(1))], thresholds).passed is passed


def test_a_threshold_that_is_not_a_number_fails():
    assert not judge([("x", noise(), noise() + np.uint8(1))], Thresholds(math.nan, math.nan)).passed


def test_no_picture_is_a_failure():
    verdict = judge([], GATE)
    assert not verdict.passed
    assert verdict.reasons == ("no picture was judged: the gate needs at least one",)


HALF_BLACK = np.where(noise() > 128, 255, 0).astype(np.uint8)
ONE_NAN = np.where(np.arange(noise().size).reshape(noise().shape) == 5, np.nan, noise()).astype(np.float32)
DEAD_GREEN = np.concatenate([noise()[..., :1], np.zeros((48, 64, 1), np.uint8), noise()[..., 2:]], axis=2)


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (noise(32), r"expected the reference's shape \[48, 64, 3\]"),
        (noise().astype(np.int32), "the output is int32"),
        (ONE_NAN, "1 values that are not finite"),
        (np.full(noise().shape, -np.inf), "9216 values that are not finite"),
        (np.full_like(noise(), 7), "constant: 7 everywhere in channel R"),
        (DEAD_GREEN, "constant: 0 everywhere in channel G"),
        (HALF_BLACK, "all clipped"),
    ],
)
def test_a_broken_output_fails_before_any_metric_and_hides_no_other(candidate, reason):
    verdict = judge([("fine", noise(), noise()), ("broken", noise(), candidate)], Thresholds(0, -1))
    assert not verdict.passed
    assert len(verdict.reasons) == 1
    assert reason.replace("\\", "") in verdict.reasons[0]
    assert verdict.worst_picture == "broken"
    assert math.isnan(verdict.psnr_db)
    document = verdict.to_json()
    assert (document["psnr_db"], document["ssim"], document["max_abs"], document["identical"]) == (
        None,
        None,
        None,
        False,
    )


@pytest.mark.parametrize("reference", [np.full((16, 16, 3), 9, np.uint8), HALF_BLACK])
def test_an_output_may_be_constant_or_clipped_where_the_reference_is(reference):
    assert judge([("x", reference, reference.copy())], GATE).passed


def test_a_reference_that_is_no_picture_fails():
    assert "the reference is float32" in judge([("x", noise().astype(np.float32), noise())], GATE).reasons[0]
    assert "too small" in judge([("x", noise(10), noise(10))], GATE).reasons[0]


def test_floating_point_is_rounded_and_clamped_as_the_graph_does():
    exact = noise().astype(np.float64)
    assert judge([("x", noise(), exact + 0.4)], GATE).psnr_db == math.inf
    reference = np.where(noise() > 200, 255, noise()).astype(np.uint8)
    assert judge([("x", reference, np.where(reference == 255, 300.0, reference))], GATE).psnr_db == math.inf


@given(pairs(high=32))
def test_every_verdict_is_json(pair):
    verdict = judge([("x", *pair)], GATE)
    document = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
    assert document["passed"] is (not document["reasons"])
    assert document["identical"] is (verdict.psnr_db == math.inf)


def test_pictures_are_taken_one_at_a_time():
    taken = []

    def produce():
        for name in "abc":
            taken.append(name)
            yield name, noise(), noise()

    assert judge(produce(), GATE).pictures == len(taken) == 3


@st.composite
def grey_pairs(draw):
    """Two grey pictures of one size and their data range, from nearly equal to unrelated."""
    top = (1 << draw(st.integers(9, 16))) - 1
    height, width = draw(st.integers(16, 60)), draw(st.integers(16, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    reference = random.integers(0, top + 1, (height, width, 1))
    reach = draw(st.sampled_from([0, 1, 40, top]))
    change = random.integers(-reach, reach + 1, reference.shape)
    return reference.astype(np.uint16), np.clip(reference + change, 0, top).astype(np.uint16), top


@settings(max_examples=40)
@given(grey_pairs())
def test_figures_of_grey_stand_on_its_own_range(case):
    *pair, top = case
    reference, candidate = (picture.astype(np.int64) for picture in pair)
    difference, drift = candidate - reference, measure(*pair, top)
    mse = (difference**2).mean()
    assert drift.psnr_db == (math.inf if mse == 0 else pytest.approx(10 * math.log10(top**2 / mse)))
    assert (drift.max_abs, drift.identical) == (abs(difference).max(), mse == 0)
    assert drift.ssim == pytest.approx(naive_ssim(*pair, top), abs=2e-6)
    assert drift.mean_shift == pytest.approx((difference.mean(),), abs=1e-9)
    squares = (difference.astype(float) ** 2).sum(2)
    patch = drift.worst_patch
    sums = np.lib.stride_tricks.sliding_window_view(squares, (patch.size, patch.size)).sum((2, 3))
    assert sums[patch.y, patch.x] == sums.max()


def test_8_bit_grey_is_measured_as_a_channel_of_colour_is():
    reference, candidate = noise(seed=1)[..., :1], noise(seed=2)[..., :1]
    grey, colour = measure(reference, candidate), measure(*(np.repeat(p, 3, 2) for p in (reference, candidate)))
    assert (grey.max_abs, grey.max_abs_at) == (colour.max_abs, colour.max_abs_at)
    assert grey.psnr_db == pytest.approx(colour.psnr_db)
    assert grey.ssim == pytest.approx(colour.ssim)


def test_identical_16_bit_pictures_are_exactly_that():
    picture = np.random.default_rng(0).integers(0, 65536, (80, 40, 1), np.uint16)
    drift = measure(picture, picture.copy(), 65535)
    assert (drift.identical, drift.psnr_db, drift.ssim, drift.max_abs) == (True, math.inf, 1.0, 0)


@pytest.mark.parametrize(
    ("picture", "data_range", "words"),
    [
        (noise(), 65535, r"uint8 .*expected uint16 \[H,W,3\] or \[H,W,1\]"),
        (noise().astype(np.uint16), 255, "uint16 .*expected uint8"),
        (noise()[..., :2], 255, r"uint8 \[48, 64, 2\]"),
        (noise(), 0, "the data range is 0, expected 1 to 65535"),
        (noise(), 65536, "the data range is 65536"),
    ],
)
def test_a_range_that_is_not_the_pictures_is_refused(picture, data_range, words):
    with pytest.raises(InputError, match=words):
        measure(picture, picture, data_range)


def test_the_gate_judges_grey_on_16_bits():
    reference = np.random.default_rng(0).integers(100, 65000, (48, 64, 1), np.uint16)
    one_step_of_8_bits = judge([("x", reference, reference + np.uint16(257))], GATE, 65535)
    assert one_step_of_8_bits.psnr_db == pytest.approx(48.1308, abs=1e-4)
    assert not one_step_of_8_bits.passed
    floating = judge([("x", reference, reference + 0.4)], GATE, 65535)
    assert floating.psnr_db == math.inf
    flat, clipped = np.full_like(reference, 7), np.where(reference > 30_000, 65535, 0).astype(np.uint16)
    assert "constant: 7 everywhere, where" in judge([("x", reference, flat)], GATE, 65535).reasons[0]
    assert "0 or 65535" in judge([("x", reference, clipped)], GATE, 65535).reasons[0]
    assert "the reference is uint8" in judge([("x", noise(), noise())], GATE, 65535).reasons[0]
