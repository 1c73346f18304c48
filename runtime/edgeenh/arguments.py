"""What the enhancer accepts, checked before anything is opened or run; every refusal says found, expected and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh.backends.base import PRECISIONS
from edgeenh.errors import InputError, PictureError, UsageError
from edgeenh.padding import padded_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.bundle import Generator

DEVICES = ("auto", "cpu", "cuda")


def check_frame(image: Any, generator: Generator) -> None:
    """Refuse what is not a uint8 [H,W,3] array of a size that the generator takes.

    Raises:
        PictureError: It is something else.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise PictureError(
            f"the frame is {_describe(image)}, expected a uint8 array [height,width,3] in RGB: convert it first"
        )
    check_size(image.shape[0], image.shape[1], generator)


def check_size(height: int, width: int, generator: Generator) -> None:
    """Refuse a frame size that the generator does not take, padding included.

    Raises:
        PictureError: Too small, too large, or not the one size of a fixed graph.
    """
    smallest, largest, fixed = generator.min_size, generator.max_size, generator.fixed_size
    if width < smallest[0] or height < smallest[1]:
        raise PictureError(
            f"the frame is {width}x{height}, expected at least {smallest[0]}x{smallest[1]}: give a larger picture"
        )
    if width > largest[0] or height > largest[1]:
        raise PictureError(
            f"the frame is {width}x{height}, expected at most {largest[0]}x{largest[1]}: give a smaller picture"
        )
    if fixed is not None and padded_size(height, width, generator.size_multiple) != (fixed[1], fixed[0]):
        raise PictureError(
            f"the frame is {width}x{height} and this bundle was exported for {fixed[0]}x{fixed[1]} only: "
            "give frames of that size, or export it without --size for any size"
        )


def check_out(image: NDArray[np.uint8], out: Any) -> None:
    """Refuse what a result for `image` cannot be written into.

    Raises:
        InputError: Not uint8 of the frame's shape, not C-contiguous, read-only, or the frame's own memory.
    """
    remedy = "give an array of its own, e.g. numpy.empty_like(image)"
    if not isinstance(out, np.ndarray) or out.dtype != np.uint8 or out.shape != image.shape:
        raise InputError(
            f"out is {_describe(out)}, expected uint8 {list(image.shape)}, the shape of the frame: {remedy}"
        )
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise InputError(f"out is read-only or not C-contiguous: {remedy}")
    if np.may_share_memory(image, out):
        raise InputError(f"out lies in the memory of the frame: {remedy}")


def check_strength(strength: Any) -> float:
    """`strength` as a float.

    Raises:
        UsageError: It is not a number in 0…1.
    """
    if not (isinstance(strength, int | float | np.number) and 0.0 <= float(strength) <= 1.0):
        raise UsageError(f"the strength is {strength!r}, expected a number from 0 (the original) to 1")
    return float(strength)


def check_threads(threads: int | None) -> int | None:
    """`threads`, or UsageError when it is less than 1."""
    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}, expected 1 or more, or None for all cores")
    return threads


def check_device(device: str) -> str:
    """`device`, or UsageError when it is none of `DEVICES`."""
    if device not in DEVICES:
        raise UsageError(f"there is no device {device!r}: choose one of {', '.join(DEVICES)}")
    return device


def check_precision(precision: str | None) -> str | None:
    """`precision`, or UsageError when edgeenh has no such word."""
    if precision is not None and precision not in PRECISIONS:
        raise UsageError(f"there is no precision {precision!r}: choose one of {', '.join(PRECISIONS)}")
    return precision


def _describe(value: Any) -> str:
    return f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
