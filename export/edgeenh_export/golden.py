"""Golden frames: the real pictures that travel with a bundle, and by which every precision and backend is judged."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgeenh.bundle import Golden
from edgeenh.pictures import decode_frame, encode_frame
from edgeenh.pixels import RGB, Pixels
from edgeenh_export.options import Bounds, Size, rounded_down

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

MAX_PIXELS = 4_000_000
"""Pixels of all golden frames in a bundle together. Frames of 1280×720 all fit; larger ones would outweigh the model."""


@dataclass(frozen=True, slots=True, eq=False)
class GoldenFrame:
    """One frame: its name, and uint8 [H,W,3] RGB or uint16 [H,W,1] grey, C-contiguous, which nobody writes to."""

    name: str
    image: Levels

    @property
    def size(self) -> Size:
        """Width and height."""
        return self.image.shape[1], self.image.shape[0]


def shipped_frames(pixels: Pixels = RGB) -> list[GoldenFrame]:
    """The frames in `edgeenh_export/frames`, or for grey in its folder `grey`, sorted by name.

    Raises:
        PictureError: This installation's frames are damaged.
    """
    folder = importlib.resources.files("edgeenh_export") / "frames"
    if pixels != RGB:
        folder = folder / pixels.photometric
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".png")), key=lambda file: file.name)
    frames = []
    for file in files:
        image = decode_frame(file.read_bytes(), file.name, pixels.photometric)
        frames.append(GoldenFrame(file.name.removesuffix(".png"), image.reshape(*image.shape[:2], pixels.channels)))
    return frames


def golden_frames(frames: Sequence[GoldenFrame], bounds: Bounds) -> list[GoldenFrame]:
    """Bring frames to the sizes that a graph is exported for.

    A graph for any size takes them as they are, or cut to its multiple. Otherwise they are dealt out over the sizes in turn, until every frame and every size
    has been used.
    """
    if not bounds.asked:
        return [_whole(frame, bounds.multiple) for frame in frames]
    count = max(len(frames), len(bounds.asked))
    pairs = [(frames[i % len(frames)], bounds.asked[i % len(bounds.asked)]) for i in range(count)]
    return [GoldenFrame(f"{frame.name}-{size[0]}x{size[1]}", fit(frame.image, size)) for frame, size in pairs]


def _whole(frame: GoldenFrame, multiple: int) -> GoldenFrame:
    """The frame, where its sides are multiples; otherwise scaled and cut to the next smaller."""
    size = rounded_down(frame.size, multiple)
    return frame if size == frame.size else GoldenFrame(frame.name, fit(frame.image, size))


def fit(image: Levels, size: Size) -> Levels:
    """Scale a picture until it covers `size`, its proportions kept, and cut out the middle.

    Args:
        image: uint8 [H,W,3] RGB or uint16 [H,W,1] grey; only read.
        size: (width, height) to give.

    Returns:
        A new array, [height,width,C] of the same kind, C-contiguous.
    """
    width, height = size
    scale = max(width / image.shape[1], height / image.shape[0])
    scaled_to = (max(width, round(image.shape[1] * scale)), max(height, round(image.shape[0] * scale)))
    scaled = cv2.resize(image, scaled_to, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (scaled.shape[1] - width) // 2, (scaled.shape[0] - height) // 2
    cut = np.ascontiguousarray(scaled[top : top + height, left : left + width])
    return cut.reshape(height, width, -1)  # OpenCV gives a single channel back without its dimension


def representatives(frames: Sequence[GoldenFrame]) -> list[int]:
    """Which frames travel with the bundle: all, or as many, evenly spread, as stay within `MAX_PIXELS`; at least one."""
    largest = max(frame.image.shape[0] * frame.image.shape[1] for frame in frames)
    count = min(len(frames), max(1, MAX_PIXELS // largest))
    return [index * len(frames) // count for index in range(count)]


def golden_members(
    frames: Sequence[GoldenFrame], references: Sequence[Levels]
) -> tuple[tuple[Golden, ...], dict[str, bytes]]:
    """What a bundle holds of its `representatives`: the manifest's entries, and the members as PNG.

    Args:
        frames: The frames.
        references: What the FP32 graph makes of each at strength 1.
    """
    entries: list[Golden] = []
    members: dict[str, bytes] = {}
    for index in representatives(frames):
        name = frames[index].name
        entry = Golden(name, f"golden/{name}.png", f"golden/{name}.fp32.png")
        entries.append(entry)
        members[entry.image] = encode_frame(frames[index].image, ".png", entry.image)
        members[entry.reference] = encode_frame(references[index], ".png", entry.reference)
    return tuple(entries), members
