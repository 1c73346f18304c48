"""What a run learns from: its folders, and the camera that makes pairs of good pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edgeenh.errors import InputError, UsageError
from edgeenh_train.camera import CAMERAS, Camera
from edgeenh_train.camera.base import Float
from edgeenh_train.camera.estimated import EstimatedCamera
from edgeenh_train.config import TrainConfig
from edgeenh_train.data.folder import MAX_UNREADABLE_SHARE, PictureFolder, refuse_overlap
from edgeenh_train.data.reading import Picture, as_float

INPUT, TRUTH = "input", "truth"
"""Folders of a paired set, as `edgeenh dataset degrade` writes it."""

_ESTIMATE_SIZE = (256, 192)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a run's pictures are; None where it has none of that kind.

    Attributes:
        low, high: Unpaired domains.
        pairs: A folder with `input` and `truth`, the same names in both.
    """

    low: Path | None = None
    high: Path | None = None
    pairs: Path | None = None


@dataclass(frozen=True, slots=True)
class Domains:
    """The decoded pictures; None where a run has none of that kind.

    Attributes:
        low, high: Unpaired domains.
        inputs, truths: Paired ones, index for index.
        camera: Makes pairs of `high` where there are no paired pictures.
        bits: That 16-bit grey files were said to have; 0 = nothing was said.
    """

    low: PictureFolder | None = None
    high: PictureFolder | None = None
    inputs: PictureFolder | None = None
    truths: PictureFolder | None = None
    camera: Camera | None = None
    bits: int = 0

    @property
    def improved(self) -> PictureFolder:
        """The domain whose pictures are counted: the low one, the inputs of pairs, or the good ones that a camera degrades."""
        return next(folder for folder in (self.low, self.inputs, self.high) if folder is not None)

    @property
    def sha256(self) -> str:
        """One hex digest of all pictures, by their content and order, to tell whether a run goes on with what it began with."""
        folders = (self.low, self.high, self.inputs, self.truths)
        digests = [[] if folder is None else folder.digests for folder in folders]
        return hashlib.sha256(repr(digests).encode()).hexdigest()

    @property
    def fields(self) -> frozenset[str]:
        """Names of the `Batch` fields that these pictures can fill."""
        found = {name for name in ("low", "high") if getattr(self, name) is not None}
        if self.inputs is not None or self.camera is not None:
            found |= {"degraded", "truth"}
        return frozenset(found)

    @property
    def remarks(self) -> list[str]:
        """What the user should know of the folders, a line each."""
        folders = [f for f in (self.low, self.high, self.inputs, self.truths) if f is not None]
        lines = [f"left out: {line}" for folder in folders for line in folder.left_out]
        lines += [f"{f.path}: {f.widened} grey pictures stand in as colour ones" for f in folders if f.widened]
        lines += [
            f"{f.path}: the brightest of its 16-bit values is {f.brightest}, as of {f.brightest.bit_length()} bits: if that is full scale, set bits = {f.brightest.bit_length()} (--config), else training sees dark pictures"
            for f in folders
            if not self.bits and 0 < f.brightest < 1 << 15
        ]
        return lines + [
            f"{f.path}: {len(f.foreign)} pictures have a colour profile other than sRGB, which is not applied, the first {f.foreign[0]}: convert them"
            for f in folders
            if f.foreign
        ]


def open_domains(
    config: TrainConfig, folders: Folders, needs: frozenset[str], *, progress: Callable[[int, int], None] | None = None
) -> Domains:
    """Decode what the method needs.

    Args:
        config: Size, channels and camera.
        folders: Where to look.
        needs: Names of the `Batch` fields that the method uses.
        progress: Called with pictures done and pictures in all, folder by folder.

    Raises:
        UsageError: A folder that the method needs was not given, or one was given that it does not use.
        InputError: A folder cannot be used, the domains share a picture, a pair lacks its partner, or more than 5 % of the pairs
            have a side that cannot be used.
    """
    _check_given(config, folders, needs)

    def read(path: Path) -> PictureFolder:
        return PictureFolder(
            path, decode_side=config.decode_side, channels=config.channels, bits=config.bits, progress=progress
        )

    low = read(folders.low) if folders.low is not None else None
    high = read(folders.high) if folders.high is not None else None
    if low is not None and high is not None:
        refuse_overlap(low, high)
    if folders.pairs is not None:
        inputs, truths = read(folders.pairs / INPUT), read(folders.pairs / TRUTH)
        _leave_out_halves(inputs, truths)
        _check_pairs(inputs, truths)
        return Domains(low, high, inputs, truths, bits=config.bits)
    camera = _camera(config, low, high) if "degraded" in needs else None
    return Domains(low, high, camera=camera, bits=config.bits)


def _check_given(config: TrainConfig, folders: Folders, needs: frozenset[str]) -> None:
    made = "degraded" in needs and folders.pairs is None
    if made and config.camera == "none":
        raise UsageError(f"method '{config.method}' needs pairs: give --pairs DIR, or --high DIR and a camera")
    wanted = (needs & {"low", "high"}) | ({"high"} if made else set())
    wanted |= {"low"} if made and config.camera == "estimated" else set()
    for name in ("low", "high"):
        if name in wanted and getattr(folders, name) is None:
            raise UsageError(
                f"method '{config.method}' with camera '{config.camera}' needs --{name} DIR; give that folder"
            )
        if name not in wanted and getattr(folders, name) is not None:
            raise UsageError(
                f"method '{config.method}' with camera '{config.camera}' does not use --{name}; leave it out"
            )
    if folders.pairs is not None and needs != {"degraded", "truth"}:  # an unpaired method must not see true pairs
        raise UsageError(f"method '{config.method}' with camera '{config.camera}' does not use --pairs; leave it out")


def _leave_out_halves(inputs: PictureFolder, truths: PictureFolder) -> None:
    """Leave out what pairs with a picture that cannot be used; nothing is said of names that the other side does not have at all."""
    bad = sorted(inputs.unreadable.keys() | truths.unreadable.keys())
    found = len(inputs.names) + len(inputs.unreadable)
    if len(bad) > MAX_UNREADABLE_SHARE * found:
        reason = inputs.unreadable.get(bad[0]) or truths.unreadable[bad[0]]
        raise InputError(
            f"{inputs.path.parent}: {len(bad)} of {found} pairs have a side that cannot be used, more than 5 %; the first: {bad[0]}: {reason}"
        )
    for folder, other in ((inputs, truths), (truths, inputs)):
        lost = [name for name in other.unreadable if name in set(folder.names)]
        folder.leave_out(
            {name: f"{folder.path / name} pairs with {other.path.name}/{name}, which cannot be used" for name in lost}
        )


def _check_pairs(inputs: PictureFolder, truths: PictureFolder) -> None:
    alone = {*inputs.names, *inputs.unreadable} ^ {*truths.names, *truths.unreadable}
    if alone:
        raise InputError(
            f"{inputs.path.parent}: {len(alone)} picture(s) without a partner, the first {min(alone)}; "
            f"expected the same names in {INPUT} and {TRUTH}"
        )
    for name, a, b in zip(inputs.names, inputs.images, truths.images, strict=True):
        if a.shape != b.shape:
            raise InputError(
                f"{inputs.path.parent}: {name} is {a.shape[1]}×{a.shape[0]} in {INPUT} and {b.shape[1]}×{b.shape[0]} in "
                f"{TRUTH}; expected one size"
            )


def _camera(config: TrainConfig, low: PictureFolder | None, high: PictureFolder | None) -> Camera:
    if config.camera != "estimated":
        camera = CAMERAS[config.camera]
        if camera.channels != config.channels:
            raise UsageError(
                f"camera '{config.camera}' takes pictures of {camera.channels} channel(s), this run has {config.channels}: "
                "choose another camera, or other channels"
            )
        return camera
    if config.channels != 3 or low is None or high is None:
        raise UsageError(
            'a camera is estimated from colour pictures; with channels = 1 train with camera = "none" or "xray"'
        )
    return EstimatedCamera.fit([_small(image) for image in low.images], [_small(image) for image in high.images])


def _small(image: Picture) -> Float:
    return np.asarray(cv2.resize(as_float(image), _ESTIMATE_SIZE, interpolation=cv2.INTER_AREA), dtype=np.float32)
