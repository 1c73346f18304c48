"""The frames of a benchmark: real ones, read once, brought to one size, and kept in a file that every row reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import OutputFailed, SourceError, UsageError
from edgeenh.pixels import MAX_BITS, RGB, Pixels, scaled_shape, top_of
from edgeenh.sources import open_source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.bundle import Bundle
    from edgeenh.bundle.manifest import Generator
    from edgeenh.pixels import Levels

MAX_STORED_BYTES = 512 << 20
"""Distinct frames kept at most, in bytes; a longer run goes through them again."""

DEFAULT_SIZE = (1280, 720)
"""Width and height where neither the user, the model nor the source names one: what a chair-side camera delivers."""

GOLDEN = "golden frames of the bundle"
"""What the source is called when none was given."""


@dataclass(frozen=True, slots=True)
class FrameSet:
    """Distinct frames of one size in a file of raw bytes.

    Attributes:
        path: The file: `count` × uint8 [height,width,3] RGB, or uint16 [height,width,1] grey of 16 bits, one after the other.
        source: What the frames came from.
        count: How many distinct frames there are.
        size: (width, height).
        sha256: Hex digest of the whole file: the same frames have the same digest.
        resized: How many had to be cropped or scaled to `size`.
        remarks: What the source had to tell, one line each.
        pixels: What the frames are.
        scale: How many times their size the enhanced ones have.
        whole: The source was read to its end; otherwise it may hold more frames.
    """

    path: Path
    source: str
    count: int
    size: tuple[int, int]
    sha256: str
    resized: int
    remarks: tuple[str, ...] = ()
    pixels: Pixels = RGB
    scale: int = 1
    whole: bool = True

    def used_again(self, most: int) -> list[str]:
        """A sentence where a row ran on `most` frames and there are fewer distinct ones; none otherwise."""
        if most <= self.count:
            return []
        why = "the source holds no more" if self.whole else "no more are kept"
        return [f"{self.count} distinct frames ({why}) for {most} runs of a row: they were used again"]

    def empty_enhanced(self) -> Levels:
        """A new array for one enhanced frame."""
        return np.empty(scaled_shape(self.empty().shape, self.scale), levels_dtype(self.pixels))

    def empty(self) -> Levels:
        """A new array for one frame."""
        return np.empty(self.pixels.shape(self.size[1], self.size[0]), levels_dtype(self.pixels))

    def to_json(self) -> dict[str, object]:
        """What a result says about its frames."""
        document = {"source": self.source, "count": self.count, "size": list(self.size), "sha256": self.sha256}
        return document | {"resized": self.resized, "pixels": self.pixels.photometric, "scale": self.scale}

    def read_into(self, index: int, out: Levels) -> None:
        """Fill `out` (as `empty` makes it, C-contiguous, the caller's) with frame `index` modulo `count`."""
        read_frame_into(self.path, index % self.count, out)

    def read(self, index: int) -> Levels:
        """Frame `index` modulo `count` as a new array."""
        out = self.empty()
        self.read_into(index, out)
        return out


def levels_dtype(pixels: Pixels) -> type[np.unsignedinteger[Any]]:
    """Type of stored frames: whole numbers, of grey always with 16 bits."""
    return np.uint8 if pixels == RGB else np.uint16


def parse_size(text: str) -> tuple[int, int]:
    """`1280x720` → (1280, 720).

    Raises:
        UsageError: It is not two whole numbers above 0 with an x between.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})[xX×]([1-9]\d{0,5})", text.strip())
    if match is None:
        raise UsageError(f"--size {text!r} is not a size: give WIDTHxHEIGHT in pixels, e.g. 1280x720")
    return int(match[1]), int(match[2])


def check_size(size: tuple[int, int], generator: Generator) -> None:
    """Refuse a size that the model does not take.

    Raises:
        UsageError: It is not the model's fixed size, or outside its smallest and largest.
    """
    width, height = size
    fixed, low, high = generator.fixed_size, generator.min_size, generator.max_size
    if fixed is not None and size != tuple(fixed):
        raise UsageError(f"--size {width}x{height}: this model takes {fixed[0]}x{fixed[1]} only; use that size")
    if not (low[0] <= width <= high[0] and low[1] <= height <= high[1]):
        allowed = f"{low[0]}x{low[1]} to {high[0]}x{high[1]}"
        raise UsageError(f"--size {width}x{height}: this model takes {allowed}; use a size in that range")


def require_colour(bundle: Bundle, what: str) -> None:
    """Refuse a bundle for grey where `what` is made for colour.

    Raises:
        UsageError: It is one.
    """
    if bundle.manifest.pixels != RGB:
        raise UsageError(f"{bundle.path} is for grey: {what} take a --model for colour")


def collect(spec: str | None, bundle: Bundle, size: tuple[int, int] | None, wanted: int, path: Path) -> FrameSet:
    """Read up to `wanted` frames of a source, bring them to one size and store them at `path`.

    Args:
        spec: A source as `edgeenh run` takes it; None = the golden frames that travel with the bundle.
        bundle: Gives the golden frames and the sizes that the model takes.
        size: (width, height); None = the model's fixed size, else the source's own, else `DEFAULT_SIZE`.
        wanted: Frames to read at most; `MAX_STORED_BYTES` may lower it.
        path: A new file in a folder of the caller's, who also removes it.

    Raises:
        SourceError, PictureError: The source is missing, unreadable or holds no frame.
        UsageError: The source or the size cannot be used.
        OutputFailed: The frames cannot be stored at `path`.
    """
    pixels, generator = bundle.manifest.pixels, bundle.manifest.generator
    if spec is None:
        size = size or generator.fixed_size or DEFAULT_SIZE
        check_size(size, generator)
        stored = _store((image for _, image, _ in bundle.golden()), GOLDEN, size, wanted, path, pixels)
        return replace(stored, scale=generator.scale)
    if spec == "-":
        raise UsageError(
            "a comparison does not read raw frames from stdin: give a video, a folder of pictures or a camera"
        )
    source = open_source(spec, photometric=pixels.photometric)
    try:
        size = size or generator.fixed_size or source.size or DEFAULT_SIZE
        check_size(size, generator)
        images = (_in_full_range(frame.image, frame.bits, pixels) for frame in iter(source.read, None))
        stored = _store(images, spec, size, wanted, path, pixels)
        remarks = (*(notice.detail for notice in source.notices), *_losses(dict(source.lost_upstream)))
        return replace(stored, remarks=remarks, scale=generator.scale)
    finally:
        source.close()


def _in_full_range(image: Levels, bits: int, pixels: Pixels) -> Levels:
    """A grey frame of any depth with 16 bits, to the nearest; colour as it is."""
    if pixels == RGB:
        return image
    scaled = image.reshape(*image.shape[:2], 1).astype(np.uint32) * top_of(MAX_BITS)
    return np.asarray((scaled + top_of(bits) // 2) // top_of(bits), np.uint16)


def fit(image: Levels, size: tuple[int, int]) -> Levels:
    """Centre-crop to the aspect of `size`, then scale: INTER_AREA to shrink, INTER_CUBIC to enlarge.

    Args:
        image: uint8 [H,W,3] RGB or uint16 [H,W,1] grey; only read.
        size: (width, height) of the result.

    Returns:
        [height,width,C] of the same kind, C-contiguous; `image` itself when it has that size already.
    """
    width, height = size
    if image.shape[:2] == (height, width):
        return image
    rows, columns = image.shape[:2]
    crop_columns = min(columns, max(1, round(rows * width / height)))
    crop_rows = min(rows, max(1, round(columns * height / width)))
    top, left = (rows - crop_rows) // 2, (columns - crop_columns) // 2
    part = image[top : top + crop_rows, left : left + crop_columns]
    method = cv2.INTER_AREA if crop_columns >= width else cv2.INTER_CUBIC
    scaled = cv2.resize(part, size, interpolation=method)  # a single channel comes back without its dimension
    return np.ascontiguousarray(scaled, dtype=image.dtype).reshape(height, width, image.shape[2])


def read_frame_into(path: Path, index: int, out: Levels) -> None:
    """Fill `out` with the frame at `index` of a file of raw frames of its size.

    Raises:
        SourceError: The file is shorter than that.
    """
    with path.open("rb", buffering=0) as file:
        file.seek(index * out.nbytes)
        if file.readinto(out.data.cast("B")) != out.nbytes:
            raise SourceError(f"{path} ends before frame {index}: it was changed while the benchmark ran; run it again")


def _store(
    images: Iterator[Levels], source: str, size: tuple[int, int], wanted: int, path: Path, pixels: Pixels
) -> FrameSet:
    frame_bytes = size[0] * size[1] * pixels.channels * np.dtype(levels_dtype(pixels)).itemsize
    limit = max(1, min(wanted, MAX_STORED_BYTES // frame_bytes))
    digest, count, resized, whole = hashlib.sha256(), 0, 0, True
    try:
        with path.open("wb") as file:
            for image in images:
                frame = fit(image, size)
                resized += frame is not image
                file.write(frame.data)
                digest.update(frame.data)
                count += 1
                if count == limit:
                    whole = False
                    break
    except OSError as exc:
        raise OutputFailed(
            f"the frames cannot be kept in {path.parent} ({exc.strerror}): "
            "set TMPDIR to a folder with space, or give fewer --frames"
        ) from exc
    if count == 0:
        raise SourceError(
            f"{source} holds no frame: give a source with pictures, e.g. a folder, a video or --source camera:0"
        )
    return FrameSet(path, source, count, size, digest.hexdigest(), resized, pixels=pixels, whole=whole)


def _losses(lost: dict[str, int]) -> list[str]:
    return [f"the source lost {frames} frames ({reason})" for reason, frames in lost.items()]


def read_frames(source: str, most: int) -> list[NDArray[np.uint8]]:
    """The first frames of a source, at most so many, each a new array, uint8 [H,W,3] RGB.

    Raises:
        SourceError: There is no such source, or it holds no frame.
    """
    opened = open_source(source)
    try:
        images: list[NDArray[np.uint8]] = []
        while len(images) < most and (frame := opened.read()) is not None:
            images.append(frame.image)
    finally:
        opened.close()
    return images
