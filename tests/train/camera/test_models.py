"""What each camera does to a picture, part by part, against what its sources say."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeenh_train.camera import CAMERAS, draw_of, optics
from edgeenh_train.camera import dental as dental_module
from edgeenh_train.camera import dental_b as dental_b_module
from edgeenh_train.camera.base import Float
from edgeenh_train.camera.dental import DentalDraw, lamp, lamp_colour
from edgeenh_train.camera.dental_b import DentalBDraw
from edgeenh_train.camera.xray import RANGE, XrayDraw
from edgeenh_train.data.reading import as_float, read_any

DATA = Path(os.environ.get("EDGEENH_DATA", Path(__file__).parents[4] / "shared" / "data"))


def flat(value: float, channels: int = 3, side: int = 64) -> Float:
    return np.full((side, side, channels), value, np.float32)


def dental(**changes: Any) -> DentalDraw:
    """A draw that leaves a picture almost as it is, with `changes`."""
    still = {
        "exposure": 0.0, "light_x": 0.0, "light_y": 0.0, "light_distance": 1e3, "ring_gain": 0.0, "mired": 0.0, "tint": 0.0,
        "defocus": 0.0, "motion": 0.0, "full_well": 1e9, "read_noise": 0.0, "jpeg": 0,
    }  # fmt: skip
    draw = draw_of("dental", 1)
    assert isinstance(draw, DentalDraw)
    return dataclasses.replace(draw, **still | changes)


def shown(image: Float, **changes: Any) -> Float:
    return CAMERAS["dental"].degrade(image, dental(**changes))


def test_srgb_curve_at_known_points() -> None:
    known = {0.0: 0.0, 0.04045: 0.0031308, 0.5: 0.21404114, 1.0: 1.0}  # IEC 61966-2-1
    values = np.array([*known], np.float32)[None]
    assert optics.srgb_to_linear(values)[0] == pytest.approx([*known.values()], abs=1e-6)
    ramp = np.linspace(0, 1, 1001, dtype=np.float32)[None]
    assert np.abs(optics.linear_to_srgb(optics.srgb_to_linear(ramp)) - ramp).max() < 2e-6
    assert optics.linear_to_srgb(np.array([[-0.5, 2.0]], np.float32))[0] == pytest.approx([0.0, 1.0], abs=1e-6)


def test_a_still_dental_draw_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3)).astype(np.float32) / np.float32(255)
    assert np.array_equal(np.rint(shown(image) * 255), np.rint(image * 255))


def test_one_stop_halves_the_light() -> None:
    before, after = flat(0.8), shown(flat(0.8), exposure=-1.0)
    ratio = optics.srgb_to_linear(after).mean() / optics.srgb_to_linear(before).mean()
    assert ratio == pytest.approx(0.5, abs=0.005)


def test_the_lamp_falls_off_from_where_it_points_and_keeps_the_mean() -> None:
    draw = dental(exposure=-1.5, light_x=0.4, light_distance=1.0)
    field = lamp(draw, 60, 80)
    assert field.mean() == pytest.approx(2**-1.5, rel=1e-5)
    row, column = np.unravel_index(int(field.argmax()), field.shape)
    assert abs(row - 29.5) <= 1
    assert column == pytest.approx(39.5 + 0.4 * 50, abs=1)  # half the diagonal of 60 × 80 is 50
    ringed = lamp(dataclasses.replace(draw, ring_gain=0.5, ring_radius=0.5, ring_width=0.05), 60, 80)
    assert (ringed / field)[30, 59 - 25] > (ringed / field)[30, 59]


def test_the_lamp_s_colour() -> None:
    assert lamp_colour(0.0, 0.0) == pytest.approx([1, 1, 1], abs=1e-6)
    red, green, blue = lamp_colour(80.0, 0.0)
    assert red > green > blue
    assert 0.2126 * red + 0.7152 * green + 0.0722 * blue == pytest.approx(1.0, abs=1e-6)
    assert lamp_colour(0.0, 0.01)[1] > 1.0 > lamp_colour(0.0, -0.01)[1]
    warm = dental_module._planckian_rgb(1e6 / 2856, 0.0)  # illuminant A, X = 1.0985, Z = 0.3558
    assert warm == pytest.approx([1.845, 0.826, 0.233], abs=0.01)


def test_sensor_noise_has_the_variance_of_foi() -> None:
    light = np.full((256, 256, 3), 0.25, np.float32)
    noisy = dental_module._exposed(light, dental(full_well=1000.0, read_noise=10.0))
    assert noisy.mean() == pytest.approx(0.25, abs=2e-4)
    assert noisy.var() == pytest.approx(0.25 / 1000 + (10 / 1000) ** 2, rel=0.02)


def test_motion_is_a_line_of_its_length() -> None:
    point = np.zeros((41, 41, 3), np.float32)
    point[20, 20] = 1.0
    streak = optics.motion(point, 9.0, 0.0)[..., 0]
    x = np.arange(41) - 20
    assert streak.sum() == pytest.approx(1.0, abs=1e-5)
    assert streak[[*range(20), *range(21, 41)]].sum() == pytest.approx(0.0, abs=1e-6)
    assert (streak[20] * x**2).sum() == pytest.approx(
        9**2 / 12 + 1 / 6, rel=0.01
    )  # the variance of a uniform line, and of sharing a point among neighbours
    assert optics.motion(point, 0.0, 1.0) is point


def test_blur_scales_with_the_width() -> None:
    assert optics.at_width(1.5, 640) == 1.5
    assert optics.at_width(1.5, 160) == 0.375
    edge = np.zeros((32, 320, 3), np.float32)
    edge[:, 160:] = 1.0
    soft = shown(edge, defocus=1.5)
    assert 0.0 < soft[16, 158, 0] < soft[16, 161, 0] < 1.0
    assert np.array_equal(shown(edge, defocus=0.0), edge)


def test_jpeg_is_applied_where_drawn() -> None:
    image = np.random.default_rng(0).random((32, 48, 3), dtype=np.float32)
    assert np.abs(shown(image, jpeg=75) - shown(image)).max() > 0.02


def dental_b(**changes: Any) -> DentalBDraw:
    draw = draw_of("dental-b", 1)
    assert isinstance(draw, DentalBDraw)
    return dataclasses.replace(draw, **changes)


def test_dental_b_is_another_model() -> None:
    ours, theirs = ({f.name for f in dataclasses.fields(kind)} for kind in (DentalDraw, DentalBDraw))
    assert ours & theirs == {"seed"}


def test_dental_b_colour_noise_is_constant_in_blocks() -> None:
    noisy = dental_b_module._noisy(flat(0.5, side=33), dental_b(noise=0.0, chroma_noise=0.02))
    blocks = noisy[:32, :32].reshape(16, 2, 16, 2, 3)
    assert np.ptp(blocks, axis=(1, 3)).max() == pytest.approx(0.0, abs=1e-7)
    assert noisy[..., 0].std() > 0.005
    assert (noisy.mean(axis=2) - 0.5).std() < 1e-6  # colour alone: the mean of the channels stays
    dark, light = (dental_b_module._noisy(flat(v), dental_b(noise=0.02)).std() for v in (0.0, 1.0))
    assert dark == pytest.approx(3 * light, rel=0.01)


def test_dental_b_sharpening_overshoots_and_blur_does_not() -> None:
    edge = np.full((16, 640, 3), 0.3, np.float32)
    edge[:, 320:] = 0.6
    halo = dental_b_module._sharpened(edge, dental_b(sharpen=1.0, radius=1.5))
    soft = dental_b_module._sharpened(edge, dental_b(sharpen=0.0, radius=1.5))
    assert halo.min() < 0.29
    assert halo.max() > 0.61
    assert 0.299 < soft.min() < soft.max() < 0.601


def test_dental_b_matrix_mixes_channels() -> None:
    matrix = dental_b_module._matrix(dental_b(crosstalk=0.1, red=1.1, blue=0.8))
    assert matrix.sum(axis=1) == pytest.approx([1.1, 1.0, 0.8])
    assert matrix[1] == pytest.approx([0.05, 0.9, 0.05])


@pytest.mark.parametrize("webp", [True, False])
def test_dental_b_codecs(webp: bool) -> None:
    image = flat(0.7)
    assert CAMERAS["dental-b"].degrade(image, dental_b(webp=webp)).mean() < 0.7


def xray(image: Float, **changes: Any) -> Float:
    still = {
        "photons": 1e9, "blur": 0.0, "spread": 0.0, "electronic": 0.0, "scatter": 0.0, "black": 0.0, "white": 1.0,
        "gamma": 1.0, "bits": 12,
    }  # fmt: skip
    draw = draw_of("xray", 1)
    assert isinstance(draw, XrayDraw)
    return CAMERAS["xray"].degrade(image, dataclasses.replace(draw, **still | changes))


def test_xray_quantum_noise_grows_with_density_and_falls_with_dose() -> None:
    for value, photons in ((0.2, 1000.0), (0.8, 1000.0), (0.8, 8000.0)):
        expected = 1 / (RANGE * np.sqrt(photons * np.exp(-RANGE * value)))  # of a logarithm of a Poisson count
        assert xray(flat(value, 1, 128), photons=photons).std() == pytest.approx(expected, rel=0.1)


def test_xray_window_and_depth() -> None:
    ramp = np.tile(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], (16, 1, 1))
    assert np.abs(xray(ramp) - ramp).max() < 1.5 / 4095
    low = xray(ramp, black=0.2, white=0.7)
    assert (low.min(), low.max()) == pytest.approx((0.2, 0.7), abs=1e-3)
    assert np.array_equal(np.rint(low * 255), low * 255) is False
    eight = xray(ramp, black=0.2, white=0.7, bits=8) * np.float32(255)
    assert np.abs(eight - np.rint(eight)).max() < 1e-4


def test_xray_scatter_lowers_contrast() -> None:
    stripes = np.where(np.arange(128) // 4 % 2, 0.8, 0.2).astype(np.float32)
    image = np.ascontiguousarray(np.broadcast_to(stripes[None, :, None], (64, 128, 1)))
    assert np.ptp(xray(image, scatter=0.4)) < 0.8 * np.ptp(xray(image))


def test_xray_spread_correlates_the_noise() -> None:
    def correlation(spread: float) -> float:
        noisy = xray(flat(0.5, 1, 640), photons=1000.0, spread=spread)[..., 0]
        return float(np.corrcoef(noisy[:, :-1].ravel(), noisy[:, 1:].ravel())[0, 1])

    assert abs(correlation(0.0)) < 0.02
    assert correlation(0.8) > 0.2


@pytest.mark.parametrize("name", ["dental", "dental-b"])
def test_real_photographs_become_dim_but_not_black(name: str) -> None:
    files = sorted((DATA / "dental-photos").glob("*Voluntario7_*"))[:6]
    if not files:
        pytest.skip(f"no photographs in {DATA}")
    psnr = []
    for index, file in enumerate(files):
        image = cv2.resize(as_float(read_any(file)), (320, 214), interpolation=cv2.INTER_AREA)
        result = CAMERAS[name].degrade(image.astype(np.float32), draw_of(name, 1, index))
        psnr.append(-10 * np.log10(float(((result - image) ** 2).mean())))
        assert result.mean() > 0.05
    assert 9 < np.mean(psnr) < 17
