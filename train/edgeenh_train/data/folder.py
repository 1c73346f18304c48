"""A folder of pictures as one domain, and the views that training takes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import InputError, PictureError
from edgeenh.pictures import PICTURE_SUFFIXES
from edgeenh_train.data.profiles import is_not_srgb
from edgeenh_train.data.reading import Picture, at_full_scale, read_any

MAX_UNREADABLE_SHARE = 0.05
MIN_PICTURES = 2


class PictureFolder:
    """One domain: every picture of a folder and its subfolders, decoded once and kept reduced in memory.

    Attributes:
        path: The folder.
        names: File names relative to it, sorted; `images` and `digests` have the same order.
        images: uint8 or uint16 [H,W,C] each, as its file has it, short side at most `decode_side`.
        digests: SHA-256 of each decoded picture before reducing, so that a copy is known under another name or format.
        unreadable: Pictures left out, by name, with the reason.
        widened: How many grey pictures stand in as colour ones, with R = G = B.
        foreign: Names of pictures with a colour profile other than sRGB, which is not applied.
        brightest: Highest value of the 16-bit grey pictures, as their files have it; 0 where there are none.
    """

    def __init__(
        self, path: Path, *, decode_side: int, channels: int = 3, bits: int = 0, threads: int = 2,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:  # fmt: skip
        """Decode the folder.

        Args:
            path: The folder.
            decode_side: Largest short side in memory, pixels.
            channels: 3 for colour, where grey pictures are widened; 1 for grey, where a colour picture cannot be used.
            bits: That the values of 16-bit grey files have; 0 = all of them.
            threads: Decoders.
            progress: Called with pictures done and pictures in all.

        Raises:
            InputError: It is missing, holds fewer than two pictures, or more than 5 % of them cannot be used.
        """
        self.path = path
        files = picture_files(path)
        self.names: list[str] = []
        self.images: list[Picture] = []
        self.digests: list[str] = []
        self.unreadable: dict[str, str] = {}
        self.widened = 0
        self.foreign: list[str] = []
        self.brightest = 0
        with ThreadPoolExecutor(threads) as pool:
            results = pool.map(lambda file: _decode(file, decode_side, channels, bits), files)
            for done, (file, result) in enumerate(zip(files, results, strict=True)):
                self._take(str(file.relative_to(path)), result)
                if progress is not None:
                    progress(done + 1, len(files))
        self._check(len(files))

    def _take(self, name: str, result: _Decoded | PictureError) -> None:
        if isinstance(result, PictureError):
            self.unreadable[name] = str(result)
            return
        self.names.append(name)
        self.images.append(result.image)
        self.digests.append(result.digest)
        self.widened += result.widened
        self.brightest = max(self.brightest, result.brightest)
        if result.foreign:
            self.foreign.append(name)

    @property
    def left_out(self) -> list[str]:
        """A line for every picture left out: its name and why."""
        return [f"{name}: {reason}" for name, reason in self.unreadable.items()]

    def leave_out(self, reasons: Mapping[str, str]) -> None:
        """Take usable pictures out after all, e.g. for want of a partner; `reasons` by name.

        Raises:
            InputError: Fewer than two are left.
        """
        kept = [index for index, name in enumerate(self.names) if name not in reasons]
        self.names = [self.names[index] for index in kept]
        self.images = [self.images[index] for index in kept]
        self.digests = [self.digests[index] for index in kept]
        self.unreadable |= reasons
        self._check_enough()

    def _check(self, found: int) -> None:
        refuse_many(self.path, self.left_out, found)
        self._check_enough()

    def _check_enough(self) -> None:
        if len(self.images) < MIN_PICTURES:
            raise InputError(
                f"{self.path} holds {len(self.images)} usable picture(s); a domain needs at least {MIN_PICTURES}: add pictures"
            )

    def __len__(self) -> int:
        return len(self.images)


def refuse_many(place: Path, left_out: Sequence[str], found: int, what: str = "pictures") -> None:
    """Raise `InputError` where more than 5 % of what was found in `place` had to be left out, for the reasons in `left_out`."""
    if len(left_out) > MAX_UNREADABLE_SHARE * found:
        raise InputError(
            f"{place}: {len(left_out)} of {found} {what} cannot be used, more than 5 %; the first: {left_out[0]}"
        )


def refuse_overlap(low: PictureFolder, high: PictureFolder) -> None:
    """Refuse two domains that share a picture: it would be called bad and good at once, and unpaired data would hold a pair.

    Raises:
        InputError: They do.
    """
    names = dict(zip(high.digests, high.names, strict=True))
    shared = [(name, names[digest]) for name, digest in zip(low.names, low.digests, strict=True) if digest in names]
    if shared:
        raise InputError(
            f"{len(shared)} picture(s) of {low.path} are also in {high.path}, the first {shared[0][0]} = {shared[0][1]}; "
            "expected two domains of different pictures: take them out of one of them"
        )


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


@dataclass(frozen=True, slots=True)
class _Decoded:
    """The reduced picture, the digest of the whole one, whether it was widened from grey, whether its values are not sRGB, and the highest value of 16-bit grey."""

    image: Picture
    digest: str
    widened: bool
    foreign: bool
    brightest: int


def _decode(file: Path, side: int, channels: int, bits: int) -> _Decoded | PictureError:
    try:
        found = read_any(file)
        image = at_full_scale(found, bits, str(file))
        if image.shape[2] > channels:
            raise PictureError(
                f"{file} is a colour picture; this run takes grey ones: convert it, or train with channels = 3"
            )
    except PictureError as exc:
        return exc
    digest = hashlib.sha256(repr((image.shape, image.dtype.str)).encode() + image.tobytes()).hexdigest()
    reduced, foreign = _reduced(image, side), is_not_srgb(file.read_bytes())
    brightest = int(found.max()) if found.dtype == np.uint16 and found.shape[2] == 1 else 0
    widened = reduced.shape[2] != channels
    if widened:
        like = np.empty((0, 0, channels), reduced.dtype)
        reduced = _with_channels(np.repeat(reduced, channels, axis=2), like)
    return _Decoded(reduced, digest, widened, foreign, brightest)


def _reduced(image: Picture, side: int) -> Picture:
    scale = side / min(image.shape[:2])
    if scale >= 1.0:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return _with_channels(cv2.resize(image, size, interpolation=cv2.INTER_AREA), image)


def _with_channels(array: NDArray[Any], like: Picture) -> Picture:
    """OpenCV drops an axis of one channel; put it back, in the dtype of `like`."""
    shaped = array.reshape(*array.shape[:2], like.shape[2])
    return shaped.astype(np.uint8, copy=False) if like.dtype == np.uint8 else shaped.astype(np.uint16, copy=False)


def view(
    image: Picture, *, height: int, width: int, whole_share: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A random view: the whole picture or a crop of it, scaled to `height` × `width`, perhaps mirrored.

    Whole views matter: the generator judges by the whole frame, and one that had only seen crops in training would meet
    other frames in use. A crop's area is log-uniform between the view's own pixels and the whole picture.

    Args:
        image: uint8 or uint16 [H,W,C].
        height, width: Size of the view in pixels.
        whole_share: Probability of a whole view.
        rng: Source of all randomness.

    Returns:
        float32 [height,width,C], 0…1, a new array.
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
    turned = _with_channels(scaled if flip is None else cv2.flip(scaled, flip), image)
    return np.ascontiguousarray(turned, dtype=np.float32) / np.float32(np.iinfo(image.dtype).max)
