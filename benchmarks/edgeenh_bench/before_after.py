"""Originals and enhanced pictures side by side, as a clip and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import JobFailed
from edgeenh.frames import EnhancedFrame, Frame, Status
from edgeenh.pictures import write_picture
from edgeenh.sinks.video import VideoSink
from edgeenh.sources import open_source

DIVIDER = 4
"""Width of the white line between the two, in pixels; even, because a video's width must be."""

Image = NDArray[np.uint8]


def side_by_side(before: Image, after: Image) -> Image:
    """`before` left, a white line, `after` right.

    Args:
        before: uint8 [H,W,3] RGB; only read.
        after: The same shape.

    Returns:
        uint8 [H,2·W+4,3] RGB, a new array.
    """
    line = np.full((before.shape[0], DIVIDER, 3), 255, np.uint8)
    return np.concatenate([before, line, after], axis=1)


def stack(pairs: Iterable[tuple[Image, Image]], height: int) -> Image:
    """Pairs side by side, scaled to `height`, one under the other, centred on white; a new array, uint8 [H,W,3] RGB."""
    rows = [side_by_side(_to_height(before, height), _to_height(after, height)) for before, after in pairs]
    width = max(row.shape[1] for row in rows)
    widened = []
    for row in rows:
        margin = width - row.shape[1]
        padding = ((0, DIVIDER), (margin // 2, margin - margin // 2), (0, 0))
        widened.append(np.pad(row, padding, constant_values=255))
    return np.concatenate(widened, axis=0)


def write_clip(before: str, after: str, clip: Path, picture: Path) -> int:
    """Write two sources of the same frames side by side as a video, and their middle frame as a picture.

    Args:
        before: Source of the originals.
        after: Source of the enhanced frames, lossless where the picture shall be exact.
        clip: The video to write.
        picture: The picture to write.

    Returns:
        The number of frames.

    Raises:
        JobFailed: The two do not hold the same number of frames.
        SourceError: One of them cannot be read.
        OutputFailed, UsageError: The results cannot be written.
    """
    source = open_source(before)
    fps, middle = source.fps or 25.0, (source.length or 1) // 2
    source.close()
    count = 0
    with VideoSink(clip, fps) as sink:
        for number, (original, enhanced) in enumerate(zip_longest(_images(before), _images(after))):
            if original is None or enhanced is None:
                raise JobFailed(f"{before} and {after} hold different numbers of frames: {number} in the shorter one")
            both = side_by_side(original, enhanced)
            sink.write(_as_frame(both, number))
            if number == middle:
                write_picture(picture, both)
            count = number + 1
    return count


def _images(spec: str) -> Iterator[Image]:
    source = open_source(spec)
    try:
        while (frame := source.read()) is not None:
            yield frame.image
    finally:
        source.close()


def _as_frame(image: Image, number: int) -> EnhancedFrame:
    """What a sink takes; only the picture is written."""
    original = Frame(image, "side by side", number, 0)
    return EnhancedFrame(image, original, Status.ENHANCED, None, "", 0, 0, None)


def _to_height(image: Image, height: int) -> Image:
    if image.shape[0] == height:
        return image
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
