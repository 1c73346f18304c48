"""The picture that a failed gate leaves behind: reference | engine | twenty times their difference."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh.files import write_bytes
from edgeenh.metrics import DATA_RANGE
from edgeenh.pictures import encode_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.gate.verdict import Verdict

AMPLIFIED = 20

NOT_FINITE = (255, 0, 255)
"""Magenta, in RGB: what is NaN or infinite in the engine's picture."""


def side_by_side(reference: NDArray[Any], candidate: NDArray[Any], data_range: int) -> NDArray[np.uint8]:
    """Reference, engine and their difference next to each other.

    Args:
        reference: uint8 or uint16, [H,W,3] RGB or [H,W,1] grey; only read.
        candidate: Of the same shape, likewise, or floating point on the same scale, NaN included.
        data_range: What full brightness is.

    Returns:
        uint8 [H,3W,3] RGB: mid-grey on the right is no difference, brighter is an engine that is too bright.
    """
    scale = DATA_RANGE / data_range
    wrong = ~np.isfinite(candidate.astype(np.float64)).all(axis=2)
    before, after = reference.astype(np.float32) * scale, np.nan_to_num(candidate.astype(np.float32)) * scale
    parts = [before, after, 128 + AMPLIFIED * (after - before)]
    pictures = [np.repeat(part, 3, axis=2) if part.shape[2] == 1 else part for part in parts]
    shown = [np.clip(np.rint(picture), 0, 255).astype(np.uint8) for picture in pictures]
    for picture in shown[1:]:
        picture[wrong] = NOT_FINITE
    return np.ascontiguousarray(np.concatenate(shown, axis=1))


def write_evidence(verdict: Verdict, folder: Path, name: str, data_range: int) -> Path | None:
    """Write the worst picture of a verdict as PNG into `folder`.

    Args:
        verdict: With `evidence`.
        folder: Made where it is missing.
        name: Begins the file's name; anything but letters, digits, `.`, `-` and `_` becomes `-`.
        data_range: What full brightness is.

    Returns:
        The file; None when there is nothing to show: no picture, or reference and engine of different shapes.

    Raises:
        OutputFailed, UsageError: The place cannot be written to.
    """
    if verdict.evidence is None or verdict.evidence[0].shape != verdict.evidence[1].shape:
        return None
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{name}-{verdict.worst_picture}")
    path = folder / f"{plain}.png"
    write_bytes(path, encode_frame(side_by_side(*verdict.evidence, data_range), ".png", path.name))
    return path
