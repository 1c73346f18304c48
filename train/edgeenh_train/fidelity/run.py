"""All measures of fidelity on folders of pictures, for one enhancer: what `edgeenh fidelity` does between reading and telling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import InputError, PictureError
from edgeenh_train.data.folder import MAX_UNREADABLE_SHARE, picture_files
from edgeenh_train.data.reading import Picture, as_float, at_full_scale, read_any
from edgeenh_train.enhance import Enhance
from edgeenh_train.evaluate.scoring import COLOUR
from edgeenh_train.fidelity import flicker, invention, probe
from edgeenh_train.fidelity.flicker import Flicker, Jitter
from edgeenh_train.fidelity.good import GoodChange, good_change
from edgeenh_train.fidelity.light import check_picture, reduced
from edgeenh_train.fidelity.pans import CONDITIONS, FRAMES, NOISE, STEP
from edgeenh_train.fidelity.probe import ProbeResult
from edgeenh_train.fidelity.sheet import sheet_row
from edgeenh_train.fidelity.structure import Structure, structure_of

WHITE = 254 / 255
"""Encoded value from which a channel counts as clipped."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured, and how; all of it stands in the report.

    Attributes:
        seed: Of places, forms and contrasts of marks, and of sensor noise.
        long_side: Pictures are reduced to this many pixels; smaller ones stay.
        probed: Pictures that are probed, evenly spread over the folder.
        marks: Marks in each.
        tolerance: A mark survives with a contrast ratio within 1 ± this.
        invention: Weber contrast from which an invented structure counts.
        pans: Pictures that are panned over in every condition, evenly spread over the probed ones.
        frames, step, noise: Of a pan, as in `pans.pan`.
        clip_frames: Frames of the clip, from its beginning.
        bits: That the values of 16-bit grey files have; 0 = all of them.
    """

    seed: int = 0
    long_side: int = 768
    probed: int = 12
    marks: int = probe.MARKS
    tolerance: float = probe.TOLERANCE
    invention: float = invention.THRESHOLD
    pans: int = 4
    frames: int = FRAMES
    step: tuple[float, float] = STEP
    noise: float = NOISE
    clip_frames: int = 100
    bits: int = 0


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found on one probed picture; `clipped` are shares of pixels with a channel at white, before and after."""

    probe: ProbeResult
    structure: Structure
    clipped_in: float
    clipped_out: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Every figure of one enhancer.

    Attributes:
        good: Change of every good picture.
        probed: The probe and the structure of every probed picture.
        flicker: Of every panned picture, in each of `pans.CONDITIONS`.
        clip: Jitter of the clip; None when none was given.
        unreadable: Pictures left out, with the reason.
        rows: The probe's pictures for a sheet, uint8 [h,w,3], in the order of `probed`.
    """

    good: tuple[GoodChange, ...]
    probed: tuple[Probed, ...]
    flicker: tuple[Flicker, ...]
    clip: Jitter | None
    unreadable: tuple[str, ...]
    rows: tuple[NDArray[np.uint8], ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What to measure on: files of good pictures, of pictures to probe and pan over, and a clip or None."""

    good: Sequence[Path]
    inputs: Sequence[Path]
    clip: Path | None = None


def material_of(good: Path, inputs: Path | None, clip: Path | None, settings: Settings) -> Material:
    """The files of the folders; without `inputs` the good pictures are probed.

    Raises:
        InputError: A folder is missing or holds no picture.
    """
    files = picture_files(good)
    return Material(files, spread(picture_files(inputs) if inputs else files, settings.probed), clip)


def spread(files: Sequence[Path], count: int) -> list[Path]:
    """At most `count` of the files, evenly spread over their order, first and last among them."""
    places = np.unique(np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int))
    return [files[place] for place in places]


def steps_of(material: Material, settings: Settings) -> int:
    """How many steps `measure` takes and tells of."""
    pans = len(spread(material.inputs, settings.pans))
    return len(material.good) + len(material.inputs) + pans + (material.clip is not None)


def measure(
    enhance: Enhance,
    material: Material,
    settings: Settings,
    progress: Callable[[int], None] = lambda _done: None,
) -> Measured:
    """Take every measure.

    Args:
        enhance: The method.
        material: What to measure on.
        settings: How.
        progress: Told how many steps of `steps_of` are done.

    Raises:
        InputError: More than 5 % of the pictures cannot be used, what is left is not enough for a measure, or the method does not
            take a picture, which is named.
        JobFailed: What the method returned cannot be measured.
        SourceError: The clip cannot be read.
    """
    panned = set(spread(material.inputs, settings.pans))
    steps = _Steps(progress)
    unreadable: list[str] = []
    good: list[GoodChange] = []
    for file, picture, _ in _pictures(material.good, settings, unreadable, steps):
        with _named(file):
            good.append(good_change(enhance, picture, file.name))
    probed: list[Probed] = []
    rows: list[NDArray[np.uint8]] = []
    moving: list[Flicker] = []
    for index, (file, picture, levels) in enumerate(_pictures(material.inputs, settings, unreadable, steps)):
        with _named(file):
            rng = np.random.default_rng([settings.seed, 0, index])
            result, row = _probe(enhance, picture, file.name, rng, settings)
            probed.append(result)
            rows.append(row)
            if file in panned:
                moving += _pans(enhance, picture, file.name, levels, [settings.seed, 1, index], settings)
                steps.done()
    _check(good, probed, moving, unreadable, len(set(material.good) | set(material.inputs)))
    clip = None
    if material.clip is not None:
        clip = flicker.clip_jitter(enhance, material.clip, frames=settings.clip_frames, long_side=settings.long_side)
        steps.done()
    return Measured(tuple(good), tuple(probed), tuple(moving), clip, tuple(dict.fromkeys(unreadable)), tuple(rows))


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """What is wrong with one picture for this method, e.g. grey for a colour model, is said with its name."""
    try:
        yield
    except InputError as exc:
        raise InputError(f"{file}: {exc}") from exc


class _Steps:
    """Counts steps and tells of every one."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress, self._done = progress, 0

    def done(self) -> None:
        self._done += 1
        self._progress(self._done)


def _pictures(
    files: Sequence[Path], settings: Settings, unreadable: list[str], steps: _Steps
) -> Iterator[tuple[Path, NDArray[np.float32], int]]:
    """Every picture that can be used, reduced, and its levels, one at a time; the others are named in `unreadable`."""
    for file in files:
        try:
            read = at_full_scale(read_any(file), settings.bits, str(file))
            picture = reduced(as_float(read), settings.long_side)
            check_picture(picture, str(file))
        except PictureError as exc:
            unreadable.append(str(exc))
        else:
            yield file, picture, _levels_of(read, settings.bits)
        steps.done()


def _probe(
    enhance: Enhance, picture: NDArray[np.float32], name: str, rng: np.random.Generator, settings: Settings
) -> tuple[Probed, NDArray[np.uint8]]:
    result, pictures = probe.probe(
        enhance, picture, name, rng,
        count=settings.marks, tolerance=settings.tolerance, threshold=settings.invention,
    )  # fmt: skip
    clipped = [float((p >= WHITE).any(axis=2).mean()) for p in (picture, pictures.clean_out)]
    return Probed(result, structure_of(picture, pictures.clean_out), *clipped), sheet_row(result, pictures)


def _levels_of(picture: Picture, bits: int) -> int:
    """Steps between black and white as a camera gives them: cameras and screens have 8 bits of colour, detectors what the file has."""
    if bits and picture.shape[2] != COLOUR and picture.dtype == np.uint16:
        return (1 << bits) - 1
    return int(np.iinfo(np.uint8 if picture.shape[2] == COLOUR else picture.dtype).max)


def _pans(
    enhance: Enhance, picture: NDArray[np.float32], name: str, levels: int, seed: list[int], settings: Settings
) -> list[Flicker]:
    """In every condition, each with the same noise."""
    return [
        flicker.panned(
            enhance, picture, name, np.random.default_rng(seed), condition=condition, levels=levels,
            frames=settings.frames, step=settings.step, noise=settings.noise,
        )
        for condition in CONDITIONS
    ]  # fmt: skip


def _check(
    good: Sequence[GoodChange],
    probed: Sequence[Probed],
    moving: Sequence[Flicker],
    unreadable: Sequence[str],
    found: int,
) -> None:
    """Refuse figures that would rest on nothing."""
    left_out = list(dict.fromkeys(unreadable))
    if len(left_out) > MAX_UNREADABLE_SHARE * found or (left_out and not (good and moving)):
        raise InputError(
            f"{len(left_out)} of {found} pictures cannot be used, too many to measure; the first: {left_out[0]}"
        )
    if not any(p.probe.marks for p in probed):
        raise InputError(
            f"no mark found a place on any of {len(probed)} picture(s): they are too dark, clipped or small; give others with --inputs"
        )
