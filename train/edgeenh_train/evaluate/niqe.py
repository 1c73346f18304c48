"""NIQE: how far a picture's scene statistics are from those of undistorted photographs. Lower is better.

Mittal, Soundararajan and Bovik, "Making a 'completely blind' image quality analyzer", IEEE SPL 20(3), 2013: 36 features
of every block of 96×96 pixels at two scales, a multivariate Gaussian over the blocks, and its distance (equation 10) to
the Gaussian of pristine pictures. That one comes from the user's file, the `.npz` that BasicSR distributes:
`mu_pris_param` [1,36], `cov_pris_param` [36,36], `gaussian_window` [7,7]. As in the authors' release, luminance is the
full-range luma, the picture is cropped to whole blocks from its top left, and the second scale is bicubic with
antialiasing. Blocks without structure have no features and are left out.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import InputError, PictureError
from edgeenh_train.data.reading import Picture
from edgeenh_train.evaluate.scene_statistics import Plane, fit, luminance, normalised
from edgeenh_train.evaluate.scoring import NO_WEIGHTS, Scorer

BLOCK = 96
FEATURES = 36
_SHAPES = {"mu_pris_param": (1, FEATURES), "cov_pris_param": (FEATURES, FEATURES), "gaussian_window": (7, 7)}
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True)
class NiqeModel:
    """The pristine pictures' Gaussian, the side of the smoothing window, and the file's digest."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    kernel: NDArray[np.float64]
    sha256: str


def load_niqe(path: Path) -> NiqeModel:
    """Read the parameters.

    Raises:
        InputError: The file is missing, or is not such a file.
    """
    expected = "expected an .npz with " + ", ".join(f"{name} {list(shape)}" for name, shape in _SHAPES.items())
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name], dtype=np.float64) for name in _SHAPES}
    except OSError as exc:
        raise InputError(f"{path} cannot be read ({exc.strerror or exc}); {expected}") from exc
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as exc:
        raise InputError(f"{path} holds no NIQE parameters; {expected}") from exc
    for name, shape in _SHAPES.items():
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise InputError(f"{path}: {name} is {list(arrays[name].shape)} or not finite; {expected}")
    kernel = arrays["gaussian_window"].sum(axis=0)  # the window is an outer product: its sums are its sides
    if not np.allclose(np.outer(kernel, kernel), arrays["gaussian_window"], atol=1e-6):
        raise InputError(f"{path}: gaussian_window is no Gaussian window of sum 1; {expected}")
    digest = hashlib.sha256(data).hexdigest()
    return NiqeModel(arrays["mu_pris_param"][0], arrays["cov_pris_param"], kernel, digest)


def niqe(picture: Picture, model: NiqeModel) -> float:
    """NIQE of a picture.

    Raises:
        PictureError: It is smaller than one block, or fewer than two blocks have structure.
    """
    return niqe_of_plane(luminance(picture), model)


def niqe_of_plane(plane: Plane, model: NiqeModel) -> float:
    """Like `niqe`, of luminance float64 [H,W], 0…255."""
    down, across = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    if not down or not across:
        raise PictureError(f"smaller than {BLOCK}×{BLOCK} pixels")
    plane = plane[: down * BLOCK, : across * BLOCK]
    fine = normalised(plane, model.kernel, 1.0)
    coarse = normalised(_halved(plane), model.kernel, 1.0)
    rows = [
        left + right
        for left, right in zip(_features(fine, BLOCK), _features(coarse, BLOCK // 2), strict=True)
        if left and right
    ]
    if len(rows) < 2:
        raise PictureError(f"{len(rows)} of its {down * across} blocks has structure, and NIQE needs two")
    features = np.array(rows)
    difference = model.mean - features.mean(axis=0)
    pooled = (model.covariance + np.cov(features, rowvar=False)) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(pooled) @ difference))


def niqe_scorer(path: Path | None) -> Scorer:
    """The column NIQE; without a file it says "no weights".

    Raises:
        InputError: As `load_niqe`.
    """
    if path is None:
        return Scorer(key="niqe", label="NIQE", score=None, higher_is_better=False, absent=NO_WEIGHTS)
    model = load_niqe(path)
    facts = {"file": path.name, "sha256": model.sha256}
    return Scorer(
        key="niqe", label="NIQE", score=lambda view: niqe(view.result, model), higher_is_better=False, facts=facts
    )


def _features(plane: Plane, side: int) -> Iterator[list[float]]:
    """18 features of each block; an empty list for a block without structure."""
    for top in range(0, plane.shape[0], side):
        for left in range(0, plane.shape[1], side):
            yield _block_features(plane[top : top + side, left : left + side])


def _block_features(block: Plane) -> list[float]:
    own = fit(block)
    if own is None:
        return []
    features = [own.shape, (own.left + own.right) / 2 * own.scale]
    for shift in _SHIFTS:
        pair = fit(block * np.roll(block, shift, axis=(0, 1)))
        if pair is None:
            return []
        features += [pair.shape, pair.mean, pair.left * pair.scale, pair.right * pair.scale]
    return features


def _halved(plane: Plane) -> Plane:
    """Half the size by the cubic of Keys (1981; a = −½) stretched by two, which antialiases; mirrored edges."""
    distances = np.abs(np.arange(-3.5, 4.0)) / 2
    near = 1.5 * distances**3 - 2.5 * distances**2 + 1
    far = -0.5 * distances**3 + 2.5 * distances**2 - 4 * distances + 2
    taps = np.where(distances <= 1, near, far)
    taps /= taps.sum()
    # Anchored at tap 3, the filter at pixel 2i lies over pixels 2i − 3 … 2i + 4: centred between 2i and 2i + 1.
    smooth = cv2.sepFilter2D(plane, cv2.CV_64F, taps, taps, anchor=(3, 3), borderType=cv2.BORDER_REFLECT)
    return np.ascontiguousarray(smooth[::2, ::2], dtype=np.float64)
