"""Pictures of drift for the report: what the reference gives, what the engine gives, where they differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgeenh.gate.evidence import side_by_side
from edgeenh.metrics import DATA_RANGE
from edgeenh.pictures import encode_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.pixels import Levels

WORST = 3
"""Frames per row."""

PATCH = 32
WIDEST = 480
"""Width of one shown picture in pixels: three stand beside each other."""

HOTTEST = 2.0
"""Mean difference of a patch, in steps of 255, that the heat map shows as its brightest colour."""


@dataclass(frozen=True, slots=True)
class DriftPicture:
    """One frame of one row.

    Attributes:
        frame: Its name.
        psnr_db: Of engine against reference.
        triple: JPEG: reference, engine, twenty times their difference, beside each other.
        heat: PNG: mean difference of every patch of `PATCH`×`PATCH` pixels, black 0, white `HOTTEST` or more.
        original, enhanced: JPEG: the frame, and what the engine made of it.
    """

    frame: str
    psnr_db: float
    triple: bytes = field(repr=False)
    heat: bytes = field(repr=False)
    original: bytes = field(repr=False)
    enhanced: bytes = field(repr=False)


def draw(
    name: str,
    psnr_db: float,
    original: Levels,
    reference: Levels,
    candidate: Levels,
    data_range: int = DATA_RANGE,
) -> DriftPicture:
    """Draw one frame, uint8 [H,W,3] RGB or uint16 [H,W,1] grey each, of which `data_range` is full brightness; only read.

    The difference is multiplied before anything is scaled down, so that single pixels do not fade; what stands for them then is their
    mean.
    """
    triple = side_by_side(reference, candidate, data_range)
    return DriftPicture(
        name,
        psnr_db,
        encode_frame(_narrow(triple, 3 * WIDEST), ".jpg", name),
        encode_frame(heat_map(reference, candidate, data_range), ".png", name),
        encode_frame(_narrow(_shown(original, data_range), 2 * WIDEST), ".jpg", name),
        encode_frame(_narrow(_shown(candidate, data_range), 2 * WIDEST), ".jpg", name),
    )


def _shown(picture: Levels, data_range: int) -> NDArray[np.uint8]:
    """As a screen shows it: uint8 [H,W,3]."""
    levels = np.rint(picture * (DATA_RANGE / data_range)).astype(np.uint8)
    return np.repeat(levels, 3, axis=2) if levels.shape[2] == 1 else levels


def heat_map(reference: Levels, candidate: Levels, data_range: int = DATA_RANGE) -> NDArray[np.uint8]:
    """Mean absolute difference of every whole patch, uint8 [rows,columns,3]: 255 is `HOTTEST` steps or more."""
    side = min(PATCH, *reference.shape[:2])
    apart = cv2.absdiff(reference, candidate).astype(np.float32).reshape(reference.shape)
    difference = apart.mean(axis=2) * np.float32(DATA_RANGE / data_range)
    rows, columns = (length // side for length in difference.shape)
    patches = difference[: rows * side, : columns * side].reshape(rows, side, columns, side).mean(axis=(1, 3))
    shown = np.clip(np.rint(patches * (255.0 / HOTTEST)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(shown[..., None], 3, axis=2))


def _narrow(picture: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    if picture.shape[1] <= width:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    return np.ascontiguousarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
