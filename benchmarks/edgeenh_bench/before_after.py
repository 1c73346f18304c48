"""Originals and enhanced pictures side by side, as a clip and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import JobFailed, SourceError
from edgeenh.frames import EnhancedFrame, Frame, Status
from edgeenh.sinks.video_opencv import VideoSink
from edgeenh.sources import open_source

DIVIDER = 4
"""Width of the white line between the two, in pixels; even, because a video's width must be."""

DEFAULT_FPS = 25.0
"""Rate of a clip made from a source without one, such as a folder of pictures."""

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


def write_clip(before: str, after: str, clip: Path) -> int:
    """Write two sources of the same frames side by side as a video; returns the number of frames.

    Raises:
        JobFailed: The two do not hold the same number of frames.
        SourceError: One of them cannot be read.
        OutputFailed, UsageError: The video cannot be written.
    """
    count = 0
    with VideoSink(clip, _fps(before)) as sink:
        for original, enhanced in zip_longest(_images(before), _images(after)):
            if original is None or enhanced is None:
                raise JobFailed(f"{before} and {after} hold different numbers of frames: {count} in the shorter one")
            sink.write(_as_frame(side_by_side(original, enhanced), count))
            count += 1
    return count


def middle_frame(spec: str) -> Image:
    """The frame in the middle of a source of known length, else the first: uint8 [H,W,3] RGB, the caller's.

    Raises:
        SourceError: It cannot be read, or holds no frame.
    """
    source = open_source(spec)
    middle = (source.length or 1) // 2
    source.close()
    last: Image | None = None
    for number, image in enumerate(_images(spec)):
        last = image
        if number == middle:
            break
    if last is None:
        raise SourceError(f"{spec} holds no frame: give another clip")
    return last


def _fps(spec: str) -> float:
    source = open_source(spec)
    source.close()
    return source.fps or DEFAULT_FPS


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
