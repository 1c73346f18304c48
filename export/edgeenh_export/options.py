"""What a user may ask of an export, checked before anything is done. Imports nothing heavy."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeenh.errors import CheckpointError, EdgeenhError, UsageError
from edgeenh.files import make_folder

Size = tuple[int, int]
"""Width and height in pixels."""

SIZE_MULTIPLE = 16
MIN_SIZE: Size = (16, 16)
MAX_SIZE: Size = (8192, 8192)
"""Largest frame that a bundle of dynamic size accepts."""
PLAN_MAX_SIZE: Size = (3840, 2160)
"""Largest frame of a TensorRT plan of dynamic size: a plan reserves memory for its largest frame."""
PLAN_OPT_SIZE: Size = (1280, 720)
"""Frame that kernels of such a plan are chosen for."""
MAX_SIZES = 8
TENSORRT = ("auto", "off", "rtx", "full")

_SIZE = re.compile(r"([1-9][0-9]{0,4})[x×]([1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The frame sizes that a graph is exported for, each as (width, height).

    Attributes:
        min: Smallest.
        opt: The size that matters most: the first that was asked for.
        max: Largest.
        asked: The sizes that were asked for, in that order; empty for any size.
    """

    min: Size
    opt: Size
    max: Size
    asked: tuple[Size, ...]

    @property
    def fixed(self) -> Size | None:
        """The only size, when exactly one was asked for."""
        return self.asked[0] if len(self.asked) == 1 else None


def parse_size(text: str) -> Size:
    """Read `WIDTHxHEIGHT`.

    Raises:
        UsageError: It is not of that form, not a multiple of 16, or too small or large; the message names sizes that work.
    """
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"--size {text!r} is not a size: give WIDTHxHEIGHT in pixels, e.g. 1280x720")
    size = (int(found[1]), int(found[2]))
    check_size(size)
    return size


def check_size(size: Size) -> None:
    """Refuse a size that no graph can take.

    Raises:
        UsageError: A side is not a multiple of 16, or outside `MIN_SIZE`…`MAX_SIZE`.
    """
    width, height = size
    inside = all(low <= side <= high for side, low, high in zip(size, MIN_SIZE, MAX_SIZE, strict=True))
    if inside and not any(side % SIZE_MULTIPLE for side in size):
        return
    nearest = " or ".join(f"{w}x{h}" for w, h in nearest_sizes(size))
    raise UsageError(
        f"--size {width}x{height}: width and height must be multiples of {SIZE_MULTIPLE} from {MIN_SIZE[0]} to "
        f"{MAX_SIZE[0]}; the nearest that work: {nearest}"
    )


def nearest_sizes(size: Size) -> list[Size]:
    """The allowed sizes next to `size`, smallest first: one when it is allowed itself, otherwise up to four."""
    sides = []
    for side, low, high in zip(size, MIN_SIZE, MAX_SIZE, strict=True):
        below = side // SIZE_MULTIPLE * SIZE_MULTIPLE
        above = below if side == below else below + SIZE_MULTIPLE
        sides.append(sorted({min(max(candidate, low), high) for candidate in (below, above)}))
    return [(width, height) for width in sides[0] for height in sides[1]]


def bounds(sizes: Sequence[Size]) -> Bounds:
    """The bounds of a graph for `sizes`; without any, those of a graph for every size.

    Raises:
        UsageError: A size is not allowed, one is given twice, or there are more than `MAX_SIZES`.
    """
    asked = tuple(sizes)
    for size in asked:
        check_size(size)
    if len(set(asked)) != len(asked):
        raise UsageError("--size gives the same size twice: name each size once")
    if len(asked) > MAX_SIZES:
        raise UsageError(
            f"--size is given {len(asked)} times, expected at most {MAX_SIZES}; without --size any size works"
        )
    if not asked:
        return Bounds(MIN_SIZE, PLAN_OPT_SIZE, MAX_SIZE, ())
    widths, heights = zip(*asked, strict=True)
    return Bounds((min(widths), min(heights)), asked[0], (max(widths), max(heights)), asked)


def choose_precisions(*, fp16: bool, fp32: bool, int8: bool) -> tuple[str, ...]:
    """The precisions to write. FP32 is always among them: it is the reference that the others are judged against.

    Raises:
        UsageError: Two that exclude each other, or one that this release cannot write.
    """
    if int8:
        raise UsageError("--int8 is not in this release: use --fp16")
    if fp16 and fp32:
        raise UsageError("--fp16 and --fp32 exclude each other: --fp16 writes both graphs, --fp32 the FP32 one alone")
    return ("fp32",) if fp32 else ("fp32", "fp16")


def check_precisions(precisions: Sequence[str]) -> None:
    """Refuse a choice of precisions that is not one of the two.

    Raises:
        UsageError: It is neither `fp32` nor `fp32, fp16`.
    """
    if tuple(precisions) not in (("fp32",), ("fp32", "fp16")):
        raise UsageError(f"precisions {', '.join(precisions) or 'none'}: expected fp32, or fp32 and fp16 in this order")


def check_thresholds(min_psnr_db: float, min_ssim: float) -> None:
    """Refuse thresholds that nothing can reach or that are no numbers.

    Raises:
        UsageError: PSNR is not finite or negative, or SSIM is outside −1…1.
    """
    if not (math.isfinite(min_psnr_db) and min_psnr_db >= 0):
        raise UsageError(f"--min-psnr {min_psnr_db:g} is not a threshold: give decibels from 0, e.g. 50")
    if not -1 <= min_ssim <= 1:
        raise UsageError(f"--min-ssim {min_ssim:g} is not a threshold: give a number up to 1, e.g. 0.995")


def check_checkpoint_name(path: Path) -> None:
    """Tell apart what only looks like a checkpoint's path.

    Raises:
        CheckpointError: It is a folder, or there is nothing.
    """
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, expected a .safetensors file written by `edgeenh train`")
    if not path.exists():
        raise CheckpointError(f"there is no checkpoint at {path}: give the .safetensors file of a training run")


def check_apart(out: Path, checkpoint: Path) -> None:
    """Refuse to put the bundle in the place of the checkpoint it is made of.

    Raises:
        UsageError: They are one file.
    """
    if out.exists() and out.samefile(checkpoint):
        raise UsageError(f"--out {out} is the checkpoint itself: choose another place, originals are not overwritten")


def _may_be_bundle(path: Path) -> bool:
    """Whether a file begins as a bundle does, which is a ZIP; one that cannot be read does not."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def check_out(path: Path) -> None:
    """Prove before the work that a bundle can be written to `path` after it; makes nothing.

    Raises:
        UsageError: It is a folder, a file that is no bundle, or may not be written to.
        OutputFailed: The disk is full.
    """
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder: name a file, e.g. {path / 'model.edgeenh'}")
    if path.is_file() and path.stat().st_size and not _may_be_bundle(path):
        raise UsageError(f"--out {path} exists and is not a bundle: choose another place, nothing else is overwritten")
    existing = path.parent
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        make_folder(existing)
    except EdgeenhError as exc:
        raise type(exc)(f"--out {path}: {exc}") from exc


def check_choice(tensorrt: str) -> None:
    """Refuse an unknown word for `--tensorrt`.

    Raises:
        UsageError: It is not one of `TENSORRT`.
    """
    if tensorrt not in TENSORRT:
        raise UsageError(f"--tensorrt {tensorrt!r} is not known, expected one of {', '.join(TENSORRT)}")
