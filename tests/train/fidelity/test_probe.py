"""The probe against enhancers whose harm is known."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh_train.data.reading import as_float, read_any
from edgeenh_train.fidelity import invention
from edgeenh_train.fidelity.light import reduced, to_encoded, to_linear
from edgeenh_train.fidelity.probe import ProbeResult, probe

Picture = NDArray[np.float32]
Scene = Callable[..., Picture]
Fakes = dict[str, Callable[[Picture], Picture]]


def run(enhance: Callable[[Picture], Picture], picture: Picture, count: int = 15) -> ProbeResult:
    return probe(enhance, picture, "scene", np.random.default_rng([1, 2]), count=count)[0]


def ratios(result: ProbeResult, kind: str | None = None) -> list[float]:
    return [mark.ratio for mark in result.marks if kind in (None, mark.kind)]


def test_identity_passes_exactly(scene: Scene, fakes: Fakes) -> None:
    result = run(fakes["identity"], scene())
    assert ratios(result) == pytest.approx([1.0] * 15)
    assert (result.survived, result.invented) == (15, 0)


def test_measured_contrast_is_the_painted_one_where_a_mark_is_solid(scene: Scene, fakes: Fakes) -> None:
    result = run(fakes["identity"], scene())
    for mark in result.marks:
        assert (
            0.5 < mark.contrast_in / mark.contrast <= 1.01
        )  # a soft edge lowers the mean over the mark, nothing raises it


@pytest.mark.parametrize("name", ["gain", "smooth gain"])
def test_gain_passes(name: str, scene: Scene, fakes: Fakes) -> None:
    result = run(fakes[name], scene())
    assert (result.survived, result.invented) == (15, 0), result


def test_a_stop_of_exposure_changes_no_contrast(scene: Scene) -> None:
    result = run(lambda p: to_encoded(to_linear(p) * 1.5), scene() * np.float32(0.7))
    assert ratios(result) == pytest.approx([1.0] * 15, abs=0.01)
    assert result.invented == 0


def test_a_window_of_a_radiograph_keeps_contrast_to_noise(radiograph: Picture) -> None:
    result = run(lambda p: np.clip((p - np.float32(0.25)) / np.float32(0.6), 0, 1), radiograph)
    assert ratios(result) == pytest.approx([1.0] * 15, abs=0.05)
    assert [mark.gain for mark in result.marks] == pytest.approx([1 / 0.6] * 15, rel=1e-3)
    assert result.invented == 0


def test_a_window_that_clips_loses_marks(radiograph: Picture) -> None:
    cut = np.float32(np.quantile(radiograph, 0.6))
    result = run(lambda p: np.clip((p - np.float32(0.25)) / (cut - np.float32(0.25)), 0, 1), radiograph)
    assert result.survived < 15


def test_harm_to_radiographs_is_found(radiograph: Picture, fakes: Fakes) -> None:
    assert run(fakes["median"], radiograph).survived < 15
    assert run(lambda p: np.full_like(p, 0.5), radiograph).survived == 0


def test_strengthening_marks_more_than_their_surroundings_fails(radiograph: Picture) -> None:
    result = run(lambda p: np.clip(p + (p - radiograph), 0, 1), radiograph)
    assert not any(mark.survived for mark in result.marks)


def test_a_median_erases_cracks(scene: Scene, fakes: Fakes) -> None:
    result = run(fakes["median"], scene())
    assert max(ratios(result, "crack")) < 0.8
    assert not any(mark.survived for mark in result.marks if mark.kind == "crack")


def test_a_blur_weakens_cracks(scene: Scene, fakes: Fakes) -> None:
    assert max(ratios(run(fakes["blur"], scene()), "crack")) < 0.8


def test_overshoot_strengthens_marks_too_much(scene: Scene, fakes: Fakes) -> None:
    result = run(fakes["overshoot"], scene())
    assert max(ratios(result)) > 1.2
    assert result.survived < 15


def test_gamma_changes_every_contrast(scene: Scene) -> None:
    result = run(lambda p: np.asarray(p ** np.float32(0.6)), scene())
    assert result.survived == 0
    assert max(ratios(result)) < 0.8
    assert result.invented == 0  # weaker, but nothing drawn


def test_an_inverted_mark_has_a_negative_ratio(scene: Scene) -> None:
    assert max(ratios(run(lambda p: np.asarray(np.float32(0.9) - p * np.float32(0.8)), scene()))) < 0.0


def test_light_that_the_enhancer_clips_is_loss(scene: Scene) -> None:
    result = run(lambda p: np.clip(p * np.float32(3.0), 0, 1), scene())
    assert result.survived < 5
    assert run(lambda p: np.zeros_like(p), scene()).survived == 0


def test_drawn_spots_are_found_where_they_are(scene: Scene, fakes: Fakes) -> None:
    result = run(fakes["spots"], scene())
    assert len(result.in_clean) == 4
    for x, y in ((40, 150), (100, 20), (165, 160), (215, 25)):
        assert sum(abs(s.x - x) + abs(s.y - y) < 8 for s in result.in_clean) == 1
    assert all(s.contrast < -0.1 for s in result.in_clean)


def test_a_red_spot_of_equal_luminance_is_found(scene: Scene) -> None:
    def redden(picture: Picture) -> Picture:
        light = to_linear(picture)
        spot = np.zeros(picture.shape[:2])
        cv2.circle(spot, (100, 20), 5, 1.0, -1)
        light[..., 1] *= 1.0 - 0.3 * spot
        light[..., 0] += spot * 0.3 / 0.7 * light[..., 1] * 0.7152 / 0.2126  # the luminance that green lost
        return to_encoded(light)

    assert invention.in_clean(scene(), redden(scene()))


def test_what_only_marks_provoke_is_found_beside_them(scene: Scene) -> None:
    clean = scene()

    def provoked(picture: Picture) -> Picture:
        if np.array_equal(picture, clean):
            return picture.copy()
        drawn = picture.copy()
        for y in range(8, 170, 24):
            for x in range(8, 230, 24):
                drawn[y : y + 5, x : x + 5] *= np.float32(0.8)
        return drawn

    result = run(provoked, clean, count=6)
    assert len(result.beside_marks) > 10
    assert result.in_clean == ()


def test_a_global_answer_to_the_marks_is_allowed(scene: Scene) -> None:
    clean = scene()
    result = run(lambda p: np.clip(p * np.float32(1.0 if np.array_equal(p, clean) else 1.05), 0, 1), clean)
    assert result.beside_marks == ()


def test_taking_away_is_no_invention(scene: Scene, fakes: Fakes) -> None:
    picture = fakes["spots"](scene())
    assert invention.in_clean(picture, scene()) == ()


def test_control_tells_how_much_the_measure_sees(scene: Scene, fakes: Fakes) -> None:
    seen = run(fakes["identity"], scene())
    assert 7 <= seen.control <= 15
    blind = probe(fakes["identity"], scene(), "x", np.random.default_rng([1, 2]), count=15, threshold=0.5)[0]
    assert blind.control == 0


def test_the_seed_repeats(scene: Scene, fakes: Fakes) -> None:
    assert run(fakes["smooth gain"], scene()) == run(fakes["smooth gain"], scene())


def test_on_a_real_photograph(fakes: Fakes) -> None:
    root = Path(os.environ.get("EDGEENH_DATA", Path(__file__).parents[4] / "shared" / "data"))
    file = root / "dental-photos" / "perm_CPOD_Voluntario7_4.jpeg"
    if not file.exists():
        pytest.skip(f"no {file}: EDGEENH_DATA names the folder of real data")
    picture = reduced(as_float(read_any(file)), 320)
    for name in ("identity", "gamma"):
        assert run(fakes[name], picture).invented == 0
    drawn = run(fakes["spots"], picture)
    assert 1 <= len(drawn.in_clean) <= 4
    assert drawn.survived == len(drawn.marks)
