"""A folder of pictures as one domain, and the views that training takes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import InputError, PictureError
from edgeenh.pictures import PICTURE_SUFFIXES, read_picture

MAX_UNREADABLE_SHARE = 0.05
MIN_PICTURES = 2


class PictureFolder:
    """One domain: every picture of a folder and its subfolders, decoded once and kept reduced in memory.

    Attributes:
        path: The folder.
        names: File names relative to it, sorted; `images` has the same order.
        images: uint8 [H,W,3] RGB each, short side at most `decode_side`.
        unreadable: Names of pictures left out, with the reason.
    """

    def __init__(
        self, path: Path, *, decode_side: int, threads: int = 2, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Decode the folder.

        Raises:
            InputError: It is missing, holds fewer than two pictures, or more than 5 % of them cannot be used.
        """
        self.path = path
        files = picture_files(path)
        self.names: list[str] = []
        self.images: list[NDArray[np.uint8]] = []
        self.unreadable: list[str] = []
        with ThreadPoolExecutor(threads) as pool:
            for done, (file, result) in enumerate(
                zip(files, pool.map(lambda f: _decode(f, decode_side), files), strict=True)
            ):
                if isinstance(result, PictureError):
                    self.unreadable.append(f"{file.relative_to(path)}: {result}")
                else:
                    self.names.append(str(file.relative_to(path)))
                    self.images.append(result)
                if progress is not None:
                    progress(done + 1, len(files))
        self._check(len(files))

    def _check(self, found: int) -> None:
        if len(self.unreadable) > MAX_UNREADABLE_SHARE * found:
            raise InputError(
                f"{self.path}: {len(self.unreadable)} of {found} pictures cannot be used, more than 5 %; the first: {self.unreadable[0]}"
            )
        if len(self.images) < MIN_PICTURES:
            raise InputError(
                f"{self.path} holds {len(self.images)} usable picture(s); a domain needs at least {MIN_PICTURES}"
            )

    def __len__(self) -> int:
        return len(self.images)


def picture_files(path: Path) -> Sequence[Path]:
    """Every picture file in `path` and its subfolders, sorted.

    Raises:
        InputError: It is not a folder, or holds none.
    """
    if not path.is_dir():
        raise InputError(
            f"{path} is not a folder; expected a folder of pictures ({', '.join(sorted(PICTURE_SUFFIXES))})"
        )
    files = sorted(f for f in path.rglob("*") if f.suffix.lower() in PICTURE_SUFFIXES and f.is_file())
    if not files:
        raise InputError(f"{path} holds no picture; expected files ending in {', '.join(sorted(PICTURE_SUFFIXES))}")
    return files


def _decode(file: Path, side: int) -> NDArray[np.uint8] | PictureError:
    try:
        image = read_picture(file)
    except PictureError as exc:
        return exc
    scale = side / min(image.shape[:2])
    if scale >= 1.0:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def view(
    image: NDArray[np.uint8], *, height: int, width: int, whole_share: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A random view: the whole picture or a crop of it, scaled to `height` × `width`, perhaps mirrored.

    Whole views matter: the generator pools over the whole frame, so one that had only seen crops in training would meet
    other statistics in use. A crop's area is log-uniform between the view's own pixels and the whole picture.

    Args:
        image: uint8 [H,W,3] RGB.
        height, width: Size of the view in pixels.
        whole_share: Probability of a whole view.
        rng: Source of all randomness.

    Returns:
        uint8 [height,width,3] RGB, a new array.
    """
    full_height, full_width = image.shape[:2]
    largest = min(full_height / height, full_width / width)  # scale of the largest crop with the view's aspect
    scale = largest
    if rng.random() >= whole_share and largest > 1.0:
        scale = float(np.exp(rng.uniform(0.0, np.log(largest))))
    crop_height, crop_width = max(1, round(height * scale)), max(1, round(width * scale))
    top = int(rng.integers(0, full_height - crop_height + 1))
    left = int(rng.integers(0, full_width - crop_width + 1))
    crop = image[top : top + crop_height, left : left + crop_width]
    method = cv2.INTER_AREA if scale > 1.0 else cv2.INTER_CUBIC
    scaled = cv2.resize(crop, (width, height), interpolation=method)
    flips: tuple[int | None, ...] = (None, 1, 0, -1)
    flip = flips[int(rng.integers(0, 4))]
    return np.ascontiguousarray(scaled if flip is None else cv2.flip(scaled, flip), dtype=np.uint8)
