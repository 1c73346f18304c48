"""What keeps two pictures from being compared at all: their shape and type, and an output that is no picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import InputError
from edgeenh.metrics import WINDOW

if TYPE_CHECKING:
    from edgeenh.pixels import Levels


def fault_of(reference: NDArray[Any], candidate: NDArray[Any], data_range: int) -> str:
    """Why a gate's candidate fails before any metric, or an empty string; see `edgeenh.gate.judge`."""
    dtype, expected = _kind(data_range)
    if not _is_picture(reference, dtype):
        return f"the reference is {_describe(reference)}, expected {expected}"
    if candidate.shape != reference.shape:
        return f"the output is {_describe(candidate)}, expected the reference's shape {list(reference.shape)}"
    if candidate.dtype != dtype and not np.issubdtype(candidate.dtype, np.floating):
        return f"the output is {_describe(candidate)}, expected {dtype} or floating point"
    if min(reference.shape[:2]) < WINDOW:
        return f"the picture is {_describe(reference)}, too small for the {WINDOW}×{WINDOW} window of SSIM"
    if candidate.dtype != dtype:
        wrong = int(candidate.size - np.count_nonzero(np.isfinite(candidate)))
        if wrong != 0:
            return f"the output has {wrong} values that are not finite (NaN or infinity)"
    return _degenerate(reference, as_levels(candidate, data_range), data_range)


def check_measurable(reference: NDArray[Any], candidate: NDArray[Any], data_range: int) -> None:
    """Refuse what `edgeenh.drift.measure` cannot compare.

    Raises:
        InputError: It says which picture, and what was expected.
    """
    if not 1 <= data_range <= 65535:
        raise InputError(f"the data range is {data_range}, expected 1 to 65535: give what full brightness is, e.g. 255")
    dtype, expected = _kind(data_range)
    for role, picture in (("reference", reference), ("candidate", candidate)):
        if not _is_picture(picture, dtype):
            raise InputError(
                f"the {role} is {_describe(picture)}, expected {expected}: compare pictures of the data range {data_range}"
            )
    if reference.shape != candidate.shape:
        found = f"{list(reference.shape)} and {list(candidate.shape)}"
        raise InputError(f"the pictures have the shapes {found}, expected the same: compare outputs for one input")
    if min(reference.shape[:2]) < WINDOW:
        raise InputError(
            f"the pictures are {_describe(reference)}, "
            f"expected at least {WINDOW}×{WINDOW}, the window of SSIM: use larger ones"
        )


def as_levels(picture: NDArray[Any], data_range: int) -> Levels:
    """A picture in whole numbers as it is, one in floating point clamped and rounded half to even."""
    dtype, _ = _kind(data_range)
    whole = picture if picture.dtype == dtype else np.clip(np.rint(picture), 0, data_range)
    return whole.astype(dtype, copy=False)


def _kind(data_range: int) -> tuple[Any, str]:
    """Type of pictures with this range, and how messages call them."""
    dtype = np.dtype(np.uint8 if data_range <= 255 else np.uint16)
    return dtype, f"{dtype} [H,W,3] or [H,W,1]"


def _is_picture(picture: NDArray[Any], dtype: Any) -> bool:
    return picture.dtype == dtype and picture.ndim == 3 and picture.shape[2] in (1, 3)


def _degenerate(reference: Levels, candidate: Levels, data_range: int) -> str:
    for channel in range(candidate.shape[2]):
        low, high = _range(candidate[..., channel])
        if low == high and not _constant(reference[..., channel]):
            where = f" in channel {'RGB'[channel]}" if candidate.shape[2] == 3 else ""
            return f"the output is constant: {low} everywhere{where}, where the reference is not"
    if _all_clipped(candidate, data_range) and not _all_clipped(reference, data_range):
        return f"the output is all clipped: every value is 0 or {data_range}, where the reference's are not"
    return ""


def _range(channel: NDArray[Any]) -> tuple[int, int]:
    return int(channel.min()), int(channel.max())


def _constant(channel: NDArray[Any]) -> bool:
    low, high = _range(channel)
    return low == high


def _all_clipped(picture: Levels, data_range: int) -> bool:
    return bool(((picture == 0) | (picture == data_range)).all())


def _describe(picture: NDArray[Any]) -> str:
    return f"{picture.dtype} {list(picture.shape)}"
