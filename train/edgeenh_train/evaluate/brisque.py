"""BRISQUE: a learned score of distortion from scene statistics, 0 (pristine) to 100. Lower is better.

Mittal, Moorthy and Bovik, "No-reference image quality assessment in the spatial domain", IEEE TIP 21(12), 2012: 36
features of the whole picture at two scales, into a support vector regression with a radial basis function. The model
and the range of its features come from the user's two files, those of OpenCV's `quality` module (trained on the LIVE
database); the regression is evaluated here, since `opencv-python-headless` carries neither that module nor `ml`.
Features follow OpenCV's definition: luma 0…1, window 7×7 of σ = 7/6, σ + 1/255, products with zero beyond the edge, and
half size by plain bicubic.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import InputError, PictureError, UsageError
from edgeenh_train.data.reading import Picture
from edgeenh_train.evaluate.scene_statistics import Fit, Plane, fit, luminance, normalised
from edgeenh_train.evaluate.scoring import NO_WEIGHTS, Scorer

FEATURES = 36
_WINDOW, _SIGMA = 7, 7 / 6
_SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))
_WORST = 100.0


@dataclass(frozen=True)
class BrisqueModel:
    """The regression: f(x) = Σ αᵢ exp(−γ ‖x − vᵢ‖²) − ρ, on features scaled from [low, high] to [−1, 1]."""

    vectors: NDArray[np.float64]
    weights: NDArray[np.float64]
    gamma: float
    rho: float
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    sha256: dict[str, str]

    def predict(self, features: NDArray[np.float64]) -> float:
        """The score of 36 features, held within 0…100."""
        scaled = 2.0 * (features - self.low) / (self.high - self.low) - 1.0
        kernel = np.exp(-self.gamma * ((self.vectors - scaled) ** 2).sum(axis=1))
        return float(np.clip(self.weights @ kernel - self.rho, 0.0, _WORST))


def load_brisque(model: Path, ranges: Path) -> BrisqueModel:
    """Read OpenCV's two YAML files.

    Raises:
        InputError: One is missing, or is not such a file.
    """
    svm, model_hash = _open(model, "opencv_ml_svm")
    span, range_hash = _open(ranges, "range")
    low, high = _ranges(span, ranges)
    try:
        vectors, weights, gamma, rho = _regression(svm.getNode("opencv_ml_svm"))
    except (ValueError, cv2.error) as exc:
        raise InputError(f"{model} holds no BRISQUE model: {exc}; expected OpenCV's brisque_model_live.yml") from exc
    sha256 = {"model": model_hash, "range": range_hash}
    return BrisqueModel(vectors, weights, gamma, rho, low, high, sha256)


def brisque(picture: Picture, model: BrisqueModel) -> float:
    """BRISQUE of a picture.

    Raises:
        PictureError: It has no structure to judge.
    """
    return model.predict(brisque_features(picture))


def brisque_features(picture: Picture) -> NDArray[np.float64]:
    """The 36 features of a picture.

    Raises:
        PictureError: It has no structure, so that a distribution cannot be fitted.
    """
    plane = luminance(picture) / 255.0
    half = cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_CUBIC)
    return np.array(_scale_features(plane) + _scale_features(np.asarray(half, dtype=np.float64)))


def brisque_scorer(model: Path | None, ranges: Path | None) -> Scorer:
    """The column BRISQUE; without the files it says "no weights".

    Raises:
        UsageError: One file is given without the other.
        InputError: As `load_brisque`.
    """
    if model is None and ranges is None:
        return Scorer(key="brisque", label="BRISQUE", score=None, higher_is_better=False, absent=NO_WEIGHTS)
    if model is None or ranges is None:
        raise UsageError("--brisque and --brisque-range belong together: give the model and the range of its features")
    loaded = load_brisque(model, ranges)
    facts = {"file": model.name, "sha256": loaded.sha256["model"], "range sha256": loaded.sha256["range"]}
    return Scorer(
        key="brisque",
        label="BRISQUE",
        score=lambda view: brisque(view.result, loaded),
        higher_is_better=False,
        facts=facts,
    )


def _scale_features(plane: Plane) -> list[float]:
    mscn = normalised(
        plane, np.asarray(cv2.getGaussianKernel(_WINDOW, _SIGMA, cv2.CV_64F), dtype=np.float64), 1.0 / 255.0
    )
    own = _fitted(mscn)
    features = [own.shape, (own.left**2 + own.right**2) / 2]
    for shift in _SHIFTS:
        pair = _fitted(mscn * _shifted(mscn, *shift))
        features += [pair.shape, pair.mean, pair.left**2, pair.right**2]
    return features


def _fitted(values: Plane) -> Fit:
    found = fit(values)
    if found is None:
        raise PictureError("it has no structure to judge")
    return found


def _shifted(plane: Plane, down: int, right: int) -> Plane:
    """The value `down` rows below and `right` columns to the right; zero beyond the edge. |down|, right ≤ 1."""
    padded = np.pad(plane, 1)
    height, width = plane.shape
    return padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]


def _open(path: Path, node: str) -> tuple[Any, str]:
    try:
        data = path.read_bytes()
        storage = cv2.FileStorage(data.decode("utf-8"), cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        usable = not storage.getNode(node).empty()
    except OSError as exc:
        raise InputError(f"{path} cannot be read ({exc.strerror or exc}): give the YAML file of OpenCV") from exc
    except (UnicodeDecodeError, cv2.error, SystemError):
        usable = False
    if not usable:
        raise InputError(f"{path} is no YAML file of OpenCV with '{node}'; expected one of its two BRISQUE files")
    return storage, hashlib.sha256(data).hexdigest()  # the storage itself: its nodes do not keep it alive


def _ranges(storage: Any, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        matrix = storage.getNode("range").mat()
    except cv2.error:
        matrix = None
    if matrix is None or matrix.shape != (2, FEATURES) or not (matrix[1] > matrix[0]).all():
        raise InputError(f"{path} holds no range of {FEATURES} features; expected OpenCV's brisque_range_live.yml")
    return matrix[0].astype(np.float64), matrix[1].astype(np.float64)


def _regression(svm: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
    kind = f"{svm.getNode('svmType').string()} {svm.getNode('kernel').getNode('type').string()}"
    if kind != "EPS_SVR RBF":
        raise ValueError(f"it is '{kind}', expected 'EPS_SVR RBF'")
    rows = svm.getNode("support_vectors")
    vectors = np.array([_numbers(rows.at(index)) for index in range(rows.size())])
    function = svm.getNode("decision_functions").at(0)
    weights = np.array(_numbers(function.getNode("alpha")))
    index = function.getNode("index")
    if not index.empty():
        vectors = vectors[np.array(_numbers(index), dtype=int)]
    if vectors.shape != (len(weights), FEATURES):
        raise ValueError(f"{list(vectors.shape)} support vectors and {len(weights)} weights do not fit")
    return vectors, weights, svm.getNode("kernel").getNode("gamma").real(), function.getNode("rho").real()


def _numbers(node: Any) -> list[float]:
    return [node.at(index).real() for index in range(node.size())]
