"""The user's pictures for calibration: what an INT8 graph learns the range of its values from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import PictureError, UsageError
from edgeenh.pictures import PICTURE_SUFFIXES, read_frame
from edgeenh_export.golden import GoldenFrame, fit
from edgeenh_export.options import rounded_down

if TYPE_CHECKING:
    from edgeenh.pixels import Pixels
    from edgeenh_export.options import Bounds, Size

LEAST = 2
"""Pictures without which there is no calibration: the range of one picture is that picture's."""
FEW = 16
"""Below this the ranges depend on which pictures were taken; a remark says so."""
MOST = 64
"""Pictures that are used, evenly spread over a folder that has more."""
LARGEST: Size = (640, 640)
"""A graph of any size is calibrated on pictures no larger than this."""


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a calibration folder, sorted by name; nothing is read.

    Raises:
        UsageError: It is no folder, cannot be read, or has fewer than `LEAST` pictures.
    """
    if not folder.exists():
        raise UsageError(f"--calibration {folder} does not exist: give a folder of pictures like those of the station")
    if not folder.is_dir():
        raise UsageError(f"--calibration {folder} is a file, expected a folder of pictures like those of the station")
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file())
    except OSError as exc:
        raise UsageError(
            f"--calibration {folder} cannot be read ({exc.strerror}): give a folder that you may read"
        ) from exc
    if len(files) < LEAST:
        found = "no pictures" if not files else f"one picture ({files[0].name})"
        raise UsageError(
            f"--calibration {folder} holds {found}, expected at least {LEAST} and better {FEW} or more, of the kind that the "
            f"station will see ({', '.join(PICTURE_SUFFIXES)})"
        )
    return files


def calibration_frames(
    folder: Path, pixels: Pixels, bounds: Bounds, remark: Callable[[str], None]
) -> list[GoldenFrame]:
    """Read the pictures, brought to a size that the graph takes.

    Args:
        folder: As `picture_files`.
        pixels: What the graph takes; 8-bit grey is widened to 16.
        bounds: The sizes that it takes.
        remark: Takes what the user should know.

    Raises:
        UsageError: As `picture_files`.
        PictureError: A picture cannot be read, or is of another kind; none is left out in silence.
    """
    files = picture_files(folder)
    if len(files) < FEW:
        remark(
            f"--calibration {folder} holds {len(files)} pictures: {FEW} or more give ranges that hold for others too"
        )
    count = min(len(files), MOST)
    if count < len(files):
        remark(f"calibrating on {count} of the {len(files)} pictures of {folder}, evenly spread")
    chosen = [files[index * len(files) // count] for index in range(count)]
    return [_frame(path, index, pixels, bounds) for index, path in enumerate(chosen)]


def _frame(path: Path, index: int, pixels: Pixels, bounds: Bounds) -> GoldenFrame:
    try:
        image = read_frame(path, pixels.photometric)
    except PictureError as exc:
        raise PictureError(f"--calibration: {exc}; take the file away, or replace it") from exc
    if pixels.bits[1] == 16 and image.dtype.itemsize == 1:
        image = image.astype("uint16") * 257
    size = bounds.asked[index % len(bounds.asked)] if bounds.asked else _within(image.shape[1], image.shape[0], bounds)
    return GoldenFrame(path.name, fit(image, size))


def _within(width: int, height: int, bounds: Bounds) -> Size:
    """The picture's own proportions, no larger than `LARGEST`, and a size that the graph takes."""
    factor = min(1.0, LARGEST[0] / width, LARGEST[1] / height)
    low, high = bounds.min, bounds.max
    scaled = rounded_down((int(width * factor), int(height * factor)), bounds.multiple)
    return max(low[0], min(scaled[0], high[0])), max(low[1], min(scaled[1], high[1]))
