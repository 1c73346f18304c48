"""A picture of what the probe saw: marked input, its enhanced form, and the map of what became of every mark."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh_train.fidelity.light import VEIL, luminance, smoothed, to_bytes, to_linear
from edgeenh_train.fidelity.probe import Pictures, ProbeResult

CELL_WIDTH = 480
GAP = 4
STRIP = 20
SPAN = 0.3
"""Weber contrast that the map shows as white or black; grey is none."""
_GREEN, _RED, _BLUE = (0, 140, 60), (220, 30, 30), (40, 80, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def sheet_row(result: ProbeResult, pictures: Pictures) -> NDArray[np.uint8]:
    """One row of the sheet: uint8 [h,w,3].

    Left the marked input with every mark ringed, in the middle its enhanced form, right the contrast of the enhanced marks: the
    enhanced picture with marks over that without, grey = no difference. A ring is green where the mark survived and red where it did
    not; a blue square is an invented structure.
    """
    map_cell = _map(pictures)
    cells = [_cell(image) for image in (to_bytes(pictures.marked), to_bytes(pictures.marked_out), map_cell)]
    scale = cells[0].shape[1] / pictures.marked.shape[1]
    for cell in (cells[0], cells[2]):
        for mark in result.marks:
            reach = round((mark.size + 8.0) * scale)
            colour = _GREEN if mark.survived else _RED
            cv2.circle(cell, (round(mark.x * scale), round(mark.y * scale)), reach, colour, 1, cv2.LINE_AA)
    for cell in cells[1:]:
        for structure in (*result.in_clean, *result.beside_marks):
            x, y = round(structure.x * scale), round(structure.y * scale)
            cv2.rectangle(cell, (x - 6, y - 6), (x + 6, y + 6), _BLUE, 1)
    gap = np.full((cells[0].shape[0], GAP, 3), 255, np.uint8)
    row = np.hstack([cells[0], gap, cells[1], gap, cells[2]])
    return np.vstack([_strip(result, row.shape[1]), row])


def sheet(rows: tuple[NDArray[np.uint8], ...]) -> NDArray[np.uint8]:
    """All rows below each other: uint8 [H,W,3], white where a row is narrower."""
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.ascontiguousarray(np.vstack(padded))


def _map(pictures: Pictures) -> NDArray[np.uint8]:
    with_marks, without = (luminance(to_linear(p)) + VEIL for p in (pictures.marked_out, pictures.clean_out))
    contrast = smoothed(with_marks / without - 1.0, 0.7)
    return to_bytes((0.5 + np.clip(contrast / SPAN, -1.0, 1.0) / 2).astype(np.float32)[..., None])


def _cell(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height = max(1, round(CELL_WIDTH * image.shape[0] / image.shape[1]))
    method = cv2.INTER_AREA if image.shape[1] > CELL_WIDTH else cv2.INTER_CUBIC
    return np.array(cv2.resize(image, (CELL_WIDTH, height), interpolation=method), dtype=np.uint8)


def _strip(result: ProbeResult, width: int) -> NDArray[np.uint8]:
    strip = np.full((STRIP, width, 3), 255, np.uint8)
    name = result.name.encode("ascii", "replace").decode()  # OpenCV's font has no other letters
    text = f"{name}: {result.survived} of {len(result.marks)} marks survived, {result.invented} invented"
    cv2.putText(strip, text, (4, 14), _FONT, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return strip
