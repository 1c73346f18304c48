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

SIZE_MULTIPLE = 8
MIN_SIZE: Size = (16, 16)
MAX_SIZE: Size = (8192, 8192)
"""Largest frame that a bundle of dynamic size accepts."""
PLAN_MAX_SIZE: Size = (3840, 2160)
"""Largest frame of a TensorRT plan of dynamic size: a plan reserves memory for its largest frame."""
PLAN_OPT_SIZE: Size = (1280, 720)
"""Frame that kernels of such a plan are chosen for."""
MAX_SIZES = 8
PICKLED = (".pt", ".pth", ".ckpt", ".pkl", ".bin")
"""Endings of files that torch wrote as pickles."""
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
        multiple: Widths and heights are multiples of this.
    """

    min: Size
    opt: Size
    max: Size
    asked: tuple[Size, ...]
    multiple: int = SIZE_MULTIPLE

    @property
    def fixed(self) -> Size | None:
        """The only size, when exactly one was asked for."""
        return self.asked[0] if len(self.asked) == 1 else None


def parse_size(text: str, multiple: int = SIZE_MULTIPLE) -> Size:
    """Read `WIDTHxHEIGHT`, of a model whose sizes are multiples of so much.

    Raises:
        UsageError: It is not of that form, not a multiple, or too small or large; the message names sizes that work.
    """
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"--size {text!r} is not a size: give WIDTHxHEIGHT in pixels, e.g. 1280x720")
    size = (int(found[1]), int(found[2]))
    check_size(size, multiple)
    return size


def check_size(size: Size, multiple: int = SIZE_MULTIPLE, smallest: int = min(MIN_SIZE)) -> None:
    """Refuse a size that a graph cannot take.

    Raises:
        UsageError: A side is not a multiple of `multiple`, or outside `smallest`…`MAX_SIZE`.
    """
    width, height = size
    inside = all(smallest <= side <= high for side, high in zip(size, MAX_SIZE, strict=True))
    if inside and not any(side % multiple for side in size):
        return
    nearest = " or ".join(f"{w}x{h}" for w, h in nearest_sizes(size, multiple, smallest))
    raise UsageError(
        f"--size {width}x{height}: width and height must be multiples of {multiple} from {smallest} to "
        f"{MAX_SIZE[0]}; the nearest that work: {nearest}"
    )


def nearest_sizes(size: Size, multiple: int = SIZE_MULTIPLE, smallest: int = min(MIN_SIZE)) -> list[Size]:
    """The allowed sizes next to `size`, smallest first: one when it is allowed itself, otherwise up to four."""
    sides = []
    for side, high in zip(size, MAX_SIZE, strict=True):
        below = side // multiple * multiple
        above = below if side == below else below + multiple
        largest = high // multiple * multiple
        sides.append(sorted({min(max(candidate, smallest), largest) for candidate in (below, above)}))
    return [(width, height) for width in sides[0] for height in sides[1]]


def bounds(sizes: Sequence[Size], multiple: int = SIZE_MULTIPLE, smallest: int = min(MIN_SIZE)) -> Bounds:
    """The bounds of a graph for `sizes`, multiples of `multiple`; without any, those of a graph for every size.

    Raises:
        UsageError: A size is not allowed, one is given twice, or there are more than `MAX_SIZES`.
    """
    asked = tuple(sizes)
    for size in asked:
        check_size(size, multiple, smallest)
    if len(set(asked)) != len(asked):
        raise UsageError("--size gives the same size twice: name each size once")
    if len(asked) > MAX_SIZES:
        raise UsageError(
            f"--size is given {len(asked)} times, expected at most {MAX_SIZES}; without --size any size works"
        )
    if not asked:
        least = (smallest, smallest)
        return Bounds(least, rounded_up(PLAN_OPT_SIZE, multiple), rounded_down(MAX_SIZE, multiple), (), multiple)
    widths, heights = zip(*asked, strict=True)
    return Bounds((min(widths), min(heights)), asked[0], (max(widths), max(heights)), asked, multiple)


def rounded_up(size: Size, multiple: int) -> Size:
    """The smallest multiples that are not below `size`."""
    return -(-size[0] // multiple) * multiple, -(-size[1] // multiple) * multiple


def rounded_down(size: Size, multiple: int) -> Size:
    """The largest multiples that are not above `size`."""
    return size[0] // multiple * multiple, size[1] // multiple * multiple


def choose_precisions(*, fp16: bool, fp32: bool, int8: bool) -> tuple[str, ...]:
    """The precisions to write. FP32 is always among them: it is the reference that the others are judged against.

    Raises:
        UsageError: Two that exclude each other.
    """
    if fp32 and (fp16 or int8):
        other = "--fp16" if fp16 else "--int8"
        raise UsageError(
            f"{other} and --fp32 exclude each other: {other} writes both graphs, --fp32 the FP32 one alone"
        )
    if fp32:
        return ("fp32",)
    lower = [name for name, asked in (("fp16", fp16 or not int8), ("int8", int8)) if asked]
    return ("fp32", *lower)


CHOICES = (("fp32",), ("fp32", "fp16"), ("fp32", "int8"), ("fp32", "fp16", "int8"))
"""Precisions of a bundle."""


def check_precisions(precisions: Sequence[str], calibration: Path | None = None) -> None:
    """Refuse a choice of precisions that is none of `CHOICES`, and INT8 without pictures or pictures without INT8.

    Raises:
        UsageError: It is.
    """
    if tuple(precisions) not in CHOICES:
        raise UsageError(
            f"precisions {', '.join(precisions) or 'none'}: expected fp32, then fp16 and int8, both, or neither, in this order"
        )
    if "int8" in precisions and calibration is None:
        raise UsageError(
            "--int8 needs --calibration DIR: a folder of pictures like those of the station, which tell the range of values"
        )
    if "int8" not in precisions and calibration is not None:
        raise UsageError("--calibration is for --int8: give both, or neither")


def check_thresholds(
    min_psnr_db: float,
    min_ssim: float,
    max_difference: float = 255.0,
    max_share_off_by_more_than_1: float | None = None,
    max_mean_shift: float | None = None,
) -> None:
    """Refuse thresholds that nothing can reach or that are no numbers.

    Raises:
        UsageError: PSNR is not finite or negative, SSIM is outside −1…1, the share outside 0…1, or one of the others
            outside 0…255.
    """
    if not (math.isfinite(min_psnr_db) and min_psnr_db >= 0):
        raise UsageError(f"--min-psnr {min_psnr_db:g} is not a threshold: give decibels from 0, e.g. 50")
    if not -1 <= min_ssim <= 1:
        raise UsageError(f"--min-ssim {min_ssim:g} is not a threshold: give a number up to 1, e.g. 0.995")
    if not 0 <= max_difference <= 255:
        raise UsageError(
            f"--max-difference {max_difference:g} is not a threshold: give 8-bit steps from 0 to 255, e.g. 32"
        )
    if max_share_off_by_more_than_1 is not None and not 0 <= max_share_off_by_more_than_1 <= 1:
        raise UsageError(
            f"--max-share-off {max_share_off_by_more_than_1:g} is not a threshold: give a share of the pixels, e.g. 0.001"
        )
    if max_mean_shift is not None and not 0 <= max_mean_shift <= 255:
        raise UsageError(f"--max-mean-shift {max_mean_shift:g} is not a threshold: give 8-bit steps, e.g. 0.1")


def asked_thresholds(
    min_psnr_db: float | None,
    min_ssim: float | None,
    max_difference: float | None,
    max_share_off_by_more_than_1: float | None,
    max_mean_shift: float | None,
) -> dict[str, float]:
    """The thresholds that were stated, by their names in `edgeenh.drift.Thresholds`.

    Raises:
        UsageError: As `check_thresholds`.
    """
    stated = {
        "min_psnr_db": min_psnr_db,
        "min_ssim": min_ssim,
        "max_difference": max_difference,
        "max_share_off_by_more_than_1": max_share_off_by_more_than_1,
        "max_mean_shift": max_mean_shift,
    }
    asked = {name: value for name, value in stated.items() if value is not None}
    check_thresholds(**{"min_psnr_db": 50.0, "min_ssim": 0.995, **asked})
    return asked


def check_checkpoint_name(path: Path) -> None:
    """Tell apart what only looks like a checkpoint's path.

    Raises:
        CheckpointError: It is a pickle, a folder, or there is nothing.
    """
    if path.suffix.lower() in PICKLED:
        raise CheckpointError(
            f"{path} is a pickle, which can run any code when it is read, and is never read here; convert it where you trust it: "
            f"python -c \"import torch, safetensors.torch as s; s.save_file(torch.load('{path.name}', weights_only=True), "
            f"'{path.stem}.safetensors')\""
        )
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, expected a .safetensors file written by `edgeenh train`")
    if not path.exists():
        what = (
            "the .onnx file of a model" if path.suffix.lower() == ".onnx" else "the .safetensors file of a training run"
        )
        raise CheckpointError(f"there is nothing at {path}: give {what}")


def check_weights_name(path: Path) -> None:
    """Tell apart what only looks like the weights of a torch module.

    Raises:
        CheckpointError: As `check_checkpoint_name`, or it is no .safetensors file by its name.
    """
    check_checkpoint_name(path)
    if path.suffix.lower() != ".safetensors":
        raise CheckpointError(f"--weights {path}: expected a .safetensors file, the state dictionary of the module")


def check_apart(out: Path, checkpoint: Path) -> None:
    """Refuse to put the bundle in the place of the checkpoint it is made of.

    Raises:
        UsageError: They are one file.
    """
    if out.exists() and out.samefile(checkpoint):
        raise UsageError(f"--out {out} is the checkpoint itself: choose another place, originals are not overwritten")


def may_be_bundle(path: Path) -> bool:
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
    if path.is_file() and path.stat().st_size and not may_be_bundle(path):
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


_CAPABILITY = re.compile(r"[1-9][0-9]?\.[0-9]")


def parse_capabilities(text: str | None, tensorrt: str = "auto") -> tuple[str, ...]:
    """Read `--compute-capability`, e.g. `8.6,8.9`; None = no wish, which is an empty tuple.

    Raises:
        UsageError: It is not of that form, names one twice, or `tensorrt` builds no plan that could have several.
    """
    if text is None:
        return ()
    named = tuple(part.strip() for part in text.split(","))
    wrong = [name for name in named if not _CAPABILITY.fullmatch(name)]
    if wrong:
        raise UsageError(f"--compute-capability {text!r}: {wrong[0]!r} is none, expected numbers such as 8.6,8.9")
    if len(set(named)) != len(named):
        raise UsageError(f"--compute-capability {text} names one twice: name each once")
    if tensorrt not in ("auto", "rtx"):
        why = "full TensorRT builds for the GPU of this machine" if tensorrt == "full" else "no plan is built"
        raise UsageError(f"--compute-capability is for TensorRT-RTX and with --tensorrt {tensorrt} {why}: leave it out")
    return named
