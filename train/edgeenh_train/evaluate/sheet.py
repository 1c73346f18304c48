"""Picture sheets: the same pictures through every row, side by side, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import UsageError
from edgeenh.pictures import write_picture
from edgeenh_train.evaluate.candidate import Candidate
from edgeenh_train.evaluate.pairs import Pair
from edgeenh_train.evaluate.run import TRUTH, Report, enhanced
from edgeenh_train.evaluate.scoring import shown

Image = NDArray[np.uint8]

CELL_WIDTH = 320
GAP = 4
STRIP = 22
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE = 255
INPUT_ROW = "input"


def chosen(report: Report, name: str, count: int = 3) -> list[Pair]:
    """Pictures from the worst to the best of a row, evenly over the ranks: of three the worst, the median, the best.

    Ranked by PSNR, where there is none by the change against the input, and where there is neither taken in order.

    Raises:
        UsageError: There is no such row, or `count` is below 1.
    """
    if count < 1:
        raise UsageError(f"a sheet of {count} pictures; expected at least 1")
    row = report.row(name)
    key = "psnr_db" if row.numbers("psnr_db") else "change_delta_e_2000"
    sign = 1.0 if key == "psnr_db" else -1.0
    ranks = {picture: sign * value for picture, value in row.numbers(key).items()}
    pairs = sorted(report.pairs.pairs, key=lambda pair: ranks.get(pair.name, float("inf")))  # identical ones are best
    places = np.unique(np.linspace(0, len(pairs) - 1, min(count, len(pairs))).round().astype(int))
    return [pairs[place] for place in places]


def write_sheet(path: Path, report: Report, candidates: Sequence[Candidate], pairs: Sequence[Pair], ours: str) -> None:
    """Write a sheet: a row per picture; columns input, the others, ours, truth; the suffix chooses the format.

    Failed rows are left out. Under each cell stands its PSNR where it is known.

    Raises:
        UsageError, OutputFailed: It cannot be written.
    """
    columns = _columns(report, candidates, ours)
    rows = [_row_of(report, columns, pair) for pair in pairs]
    names = [candidate.name for candidate in columns] + ([TRUTH] if report.pairs.paired else [])
    head = np.hstack([_strip(_labelled(name, ours), CELL_WIDTH + GAP) for name in names])
    write_picture(path, np.ascontiguousarray(np.vstack([head, *rows]), dtype=np.uint8))


def _columns(report: Report, candidates: Sequence[Candidate], ours: str) -> list[Candidate]:
    well = [candidate for candidate in candidates if not report.row(candidate.name).failure]
    place = {INPUT_ROW: 0, ours: 2}
    return sorted(well, key=lambda candidate: place.get(candidate.name, 1))


def _row_of(report: Report, columns: Sequence[Candidate], pair: Pair) -> Image:
    given, truth = pair.read()
    cells = [
        _cell(
            shown(enhanced(c, given)),
            _caption(report, c.name, pair) if place else f"{pair.name}  {_caption(report, c.name, pair)}",
        )
        for place, c in enumerate(columns)
    ]
    if truth is not None:
        cells.append(_cell(shown(truth), ""))
    return np.hstack(cells)


def _caption(report: Report, name: str, pair: Pair) -> str:
    value = report.row(name).values.get("psnr_db", {}).get(pair.name)
    if value is None or (value.value is None and value.note != "identical"):
        return ""
    return "identical" if value.value is None else f"{value.value:.2f} dB"


def _labelled(name: str, ours: str) -> str:
    return f"{name} (ours)" if name == ours and ours != INPUT_ROW else name


def _cell(image: Image, caption: str) -> Image:
    height = max(1, round(CELL_WIDTH * image.shape[0] / image.shape[1]))
    method = cv2.INTER_AREA if image.shape[1] > CELL_WIDTH else cv2.INTER_CUBIC
    scaled = np.asarray(cv2.resize(image, (CELL_WIDTH, height), interpolation=method), dtype=np.uint8)
    framed = np.pad(scaled, ((0, 0), (0, GAP), (0, 0)), constant_values=_WHITE)
    return np.vstack([framed, _strip(caption, CELL_WIDTH + GAP)])


def _strip(text: str, width: int) -> Image:
    strip = np.full((STRIP, width, 3), _WHITE, np.uint8)
    plain = text.encode("ascii", "replace").decode()  # OpenCV's font has no other letters
    cv2.putText(strip, plain, (3, STRIP - 7), _FONT, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return strip
