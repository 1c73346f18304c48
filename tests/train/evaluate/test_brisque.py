"""BRISQUE: features and scores of OpenCV's own module, the order of worse pictures, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.errors import InputError, PictureError, UsageError
from edgeenh_train.data.reading import read_any
from edgeenh_train.evaluate.brisque import brisque, brisque_features, brisque_scorer, load_brisque

OPENCV_FEATURES = [  # cv2.quality.QualityBRISQUE_computeFeatures of `noise`, opencv-contrib-python-headless 5.0.0
    *(6.302, 0.74686, 1.248, -0.13289, 0.61146, 0.36368, 1.226, -0.08157, 0.56701, 0.41318, 1.155, -0.07806),
    *(0.59591, 0.44247, 1.163, -0.05602, 0.57033, 0.46061, 3.4, 0.73107, 1.044, -0.16708, 0.59855, 0.29144),
    *(1.028, -0.14724, 0.5966, 0.31988, 0.946, -0.02702, 0.50721, 0.4535, 0.902, -0.03162, 0.53938, 0.474),
]
MODEL = """%YAML:1.0
---
opencv_ml_svm:
   format: 3
   svmType: {kind}
   kernel:
      type: RBF
      gamma: 5.0000000000000003e-02
   support_vectors:
{vectors}
   decision_functions:
      -
         sv_count: 2
         rho: -3.5000000000000000e+01
         alpha: [ 10., {second} ]
"""


@pytest.fixture
def noise() -> NDArray[np.uint8]:
    image = np.random.default_rng(5).integers(0, 256, (64, 80, 3)).astype(np.uint8)
    return image // 2 + np.arange(80, dtype=np.uint8)[None, :, None]


def write_model(path: Path, *, kind: str = "EPS_SVR", length: int = 36, second: str = "-20.") -> Path:
    vectors = [", ".join(f"{value:.1f}" for value in np.full(length, shift)) for shift in (0.0, 0.5)]
    path.write_text(MODEL.format(kind=kind, second=second, vectors="\n".join(f"      - [ {v} ]" for v in vectors)))
    return path


def write_range(path: Path, low: float = -10.0, high: float = 10.0, columns: int = 36) -> Path:
    data = ", ".join([f"{low:.1f}"] * columns + [f"{high:.1f}"] * columns)
    path.write_text(
        f"%YAML:1.0\n---\nrange: !!opencv-matrix\n   rows: 2\n   cols: {columns}\n   dt: f\n   data: [ {data} ]\n"
    )
    return path


def test_features_of_opencv(noise: NDArray[np.uint8]) -> None:
    assert brisque_features(noise) == pytest.approx(
        OPENCV_FEATURES, abs=2e-3
    )  # the shape is searched in steps of 0.001


def test_scores_of_opencv(real_data: Path, noise: NDArray[np.uint8]) -> None:
    folder = real_data / "weights/brisque_opencv"
    model = load_brisque(folder / "brisque_model_live.yml", folder / "brisque_range_live.yml")
    assert brisque(noise, model) == pytest.approx(74.6407, abs=0.2)
    for name, expected in (("01", 18.609), ("02", 13.540), ("03", 3.438), ("05", 6.688)):
        assert brisque(read_any(real_data / f"kodak24/{name}.png"), model) == pytest.approx(expected, abs=0.2)


def test_worse_pictures_score_worse(real_data: Path) -> None:
    folder = real_data / "weights/brisque_opencv"
    model = load_brisque(folder / "brisque_model_live.yml", folder / "brisque_range_live.yml")
    picture = np.asarray(read_any(real_data / "kodak24/05.png"), dtype=np.uint8)
    hiss = np.random.default_rng(1).normal(0, 1, picture.shape)
    noisy = [np.clip(picture + sigma * hiss, 0, 255).astype(np.uint8) for sigma in (10, 30)]
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.uint8) for sigma in (1.5, 3.0)]
    assert brisque(picture, model) < brisque(noisy[0], model) < brisque(noisy[1], model)
    assert brisque(picture, model) < brisque(blurred[0], model) < brisque(blurred[1], model)


def test_regression_by_hand(tmp_path: Path) -> None:
    model = load_brisque(write_model(tmp_path / "m.yml"), write_range(tmp_path / "r.yml"))
    features = np.full(36, 2.5)  # scaled to 0.25: as far from 0 as from 0.5
    near = np.exp(-0.05 * 36 * 0.25**2)
    assert model.predict(features) == pytest.approx(10 * near - 20 * near + 35)
    assert model.predict(np.full(36, 1e6)) == pytest.approx(35.0)


def test_a_flat_picture_cannot_be_judged() -> None:
    with pytest.raises(PictureError, match="no structure"):
        brisque_features(np.full((32, 32, 3), 7, np.uint8))


def test_scorer_needs_both_files(tmp_path: Path, noise: NDArray[np.uint8]) -> None:
    model, ranges = write_model(tmp_path / "m.yml"), write_range(tmp_path / "r.yml")
    assert brisque_scorer(None, None).absent == "no weights"
    assert brisque_scorer(model, ranges).score is not None
    for files in ((model, None), (None, ranges)):
        with pytest.raises(UsageError, match="belong together"):
            brisque_scorer(*files)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"kind": "C_SVC"}, "'C_SVC RBF'"),
        ({"length": 35}, "do not fit"),
        ({"second": "1., 2."}, "do not fit"),
    ],
)
def test_wrong_models(tmp_path: Path, options: dict[str, str], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        load_brisque(write_model(tmp_path / "m.yml", **options), write_range(tmp_path / "r.yml"))  # type: ignore[arg-type]


def test_wrong_ranges(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.yml")
    for ranges in (write_range(tmp_path / "a.yml", columns=35), write_range(tmp_path / "b.yml", low=10.0)):
        with pytest.raises(InputError, match="holds no range of 36 features"):
            load_brisque(model, ranges)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"a: 1", b"%YAML:1.0\n---\na: [ 1"])
def test_files_that_are_none(tmp_path: Path, data: bytes) -> None:
    ranges = write_range(tmp_path / "r.yml")
    (tmp_path / "bad.yml").write_bytes(data)
    with pytest.raises(InputError, match="is no YAML file of OpenCV"):
        load_brisque(tmp_path / "bad.yml", ranges)
    with pytest.raises(InputError, match="cannot be read"):
        load_brisque(tmp_path / "none.yml", ranges)
