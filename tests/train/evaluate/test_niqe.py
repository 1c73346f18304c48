"""NIQE: against an independent implementation's values, the order of worse pictures, and files that are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.errors import InputError, PictureError
from edgeenh_train.data.reading import read_any
from edgeenh_train.evaluate.niqe import load_niqe, niqe, niqe_scorer
from edgeenh_train.evaluate.scoring import View

MakePicture = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def parameters(tmp_path: Path) -> Path:
    """Made-up parameters in the layout of the published file."""
    return _write(tmp_path / "p.npz", {})


def _write(path: Path, changes: dict[str, NDArray[np.float64]]) -> Path:
    side = cv2.getGaussianKernel(7, 7 / 6)
    arrays = {"mu_pris_param": np.ones((1, 36)), "cov_pris_param": np.eye(36), "gaussian_window": side @ side.T}
    kept: dict[str, Any] = {name: value for name, value in (arrays | changes).items() if value.size}
    np.savez(path, **kept)
    return path


def test_values_of_a_public_implementation(real_data: Path) -> None:
    """BasicSR's, with an antialiased halving as in the authors' release; only pixels at the edge differ."""
    model = load_niqe(real_data / "weights/niqe_basicsr/niqe_pris_params.npz")
    for name, expected in (("01", 3.4458), ("02", 3.4675), ("03", 4.2531), ("04", 2.4528)):
        assert niqe(read_any(real_data / f"kodak24/{name}.png"), model) == pytest.approx(expected, abs=0.005)


def test_worse_pictures_score_worse(real_data: Path) -> None:
    model = load_niqe(real_data / "weights/niqe_basicsr/niqe_pris_params.npz")
    picture = np.asarray(read_any(real_data / "kodak24/05.png"), dtype=np.uint8)
    noise = np.random.default_rng(1).normal(0, 1, picture.shape)
    noisy = [np.clip(picture + sigma * noise, 0, 255).astype(np.uint8) for sigma in (0, 12, 30)]
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.uint8) for sigma in (1.5, 4.0)]
    scores = [niqe(p, model) for p in noisy]
    assert scores[0] < scores[1] < scores[2]
    assert scores[0] < niqe(blurred[0], model) < niqe(blurred[1], model)


def test_deterministic_and_grey_as_colour(parameters: Path, make_picture: MakePicture) -> None:
    model = load_niqe(parameters)
    grey = make_picture(1, height=200, width=300)[..., :1]
    first = niqe(grey, model)
    assert first == niqe(np.repeat(grey, 3, axis=2), model)
    assert first == niqe(grey[:192, :288], model)  # cropped to whole blocks
    assert np.isfinite(first)


def test_pictures_that_cannot_be_judged(parameters: Path, make_picture: MakePicture) -> None:
    model = load_niqe(parameters)
    with pytest.raises(PictureError, match="smaller than 96×96"):
        niqe(make_picture(1, height=95, width=300), model)
    flat = np.full((200, 200, 3), 90, np.uint8)
    with pytest.raises(PictureError, match="0 of its 4 blocks"):
        niqe(flat, model)
    flat[:96] = make_picture(1, height=96, width=200)
    assert np.isfinite(niqe(flat, model))  # two of four blocks have structure


def test_scorer_without_and_with_a_file(parameters: Path, make_picture: MakePicture) -> None:
    assert niqe_scorer(None).absent == "no weights"
    scorer = niqe_scorer(parameters)
    picture = make_picture(1, height=200, width=200)
    assert scorer.score is not None
    assert scorer.score(View(picture, picture)) == niqe(picture, load_niqe(parameters))
    assert len(scorer.facts["sha256"]) == 64


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mu_pris_param": np.ones((1, 35))}, r"mu_pris_param is \[1, 35\]"),
        ({"cov_pris_param": np.full((36, 36), np.nan)}, "not finite"),
        ({"gaussian_window": np.zeros(0)}, "holds no NIQE parameters"),
        ({"gaussian_window": np.eye(7)}, "no Gaussian window"),
    ],
)
def test_wrong_parameters(tmp_path: Path, changes: dict[str, NDArray[np.float64]], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        load_niqe(_write(tmp_path / "p.npz", changes))


def test_files_that_are_none(tmp_path: Path, parameters: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_niqe(tmp_path / "none.npz")
    for data in (b"", b"text", parameters.read_bytes()[:200], b"\x80\x04pickle"):
        (tmp_path / "bad.npz").write_bytes(data)
        with pytest.raises(InputError, match="holds no NIQE parameters"):
            load_niqe(tmp_path / "bad.npz")
