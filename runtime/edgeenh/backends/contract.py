"""The graph contract, checked: what a model's inputs and outputs are called, and what frames a session takes.

In go `image` uint8 [1,H,W,3] RGB and `strength` float32 [1]; out comes `enhanced` uint8 [1,H,W,3] RGB. H and W are
dynamic or fixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgeenh.errors import InputError, IntegrityError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INPUT = "image"
STRENGTH = "strength"
OUTPUT = "enhanced"

_CONTRACT = {INPUT: ("uint8", (1, None, None, 3)), STRENGTH: ("float32", (1,)), OUTPUT: ("uint8", (1, None, None, 3))}


def graph_precision(precision: str) -> str:
    """The precision of the ONNX that `precision` is run from: a backend makes `bf16` out of the fp32 graph."""
    return "fp32" if precision == "bf16" else precision


def check_contract(tensors: Mapping[str, tuple[str, Sequence[object]]], dtypes: Mapping[str, str]) -> None:
    """Refuse a model whose inputs and outputs are not the contract's.

    Args:
        tensors: Name → (dtype, shape) as the library reports them; a dimension that is not 0 or more is dynamic.
        dtypes: The library's own words for `uint8` and `float32`.

    Raises:
        IntegrityError: A tensor is missing, extra, or of another dtype or shape.
    """
    expected = {name: (dtypes[dtype], shape) for name, (dtype, shape) in _CONTRACT.items()}
    same_names = set(tensors) == set(expected)
    if not same_names or not all(_fits(tensors[name], expected[name]) for name in expected):
        found = ", ".join(f"{name} {dtype} {_text(shape)}" for name, (dtype, shape) in tensors.items()) or "nothing"
        raise IntegrityError(
            f"the ONNX does not keep the graph contract: found {found}; expected image uint8 [1,H,W,3] and "
            "strength float32 [1] in, enhanced uint8 [1,H,W,3] out: export it again with edgeenh"
        )


def check_fixed_size(shape: Sequence[object], height: int, width: int) -> None:
    """Refuse a frame size that a model of fixed size does not take; `shape` is that of the model's `image`.

    Raises:
        InputError: The model's height or width is fixed to another value.
    """
    for made_for, asked in zip(shape[1:3], (height, width), strict=True):
        if isinstance(made_for, int) and made_for > 0 and made_for != asked:
            raise InputError(
                f"this model was exported for {shape[2]}x{shape[1]} only and the frame is {width}x{height}: "
                "give frames of that size, or export it without --size for any size"
            )


def check_frames(image: NDArray[np.uint8], out: NDArray[np.uint8], shape: tuple[int, int, int]) -> None:
    """Prove that `image` can be read and `out` written by pointer; called before each inference.

    Raises:
        InputError: Not uint8 [H,W,3] of exactly `shape`, not C-contiguous, or both the same memory.
    """
    for name, array in ((INPUT, image), ("out", out)):
        if array.dtype != "uint8" or array.shape != shape or not array.flags.c_contiguous:
            layout = "" if array.flags.c_contiguous else " not C-contiguous"
            raise InputError(
                f"{name} is {array.dtype} {_text(array.shape)}{layout}; this session takes uint8 {_text(shape)} "
                "C-contiguous: use numpy.ascontiguousarray, or open a session for its size"
            )
    if not out.flags.writeable:
        raise InputError("out is read-only: give an array that may be written")
    start, begin = image.__array_interface__["data"][0], out.__array_interface__["data"][0]
    if start < begin + out.nbytes and begin < start + image.nbytes:
        raise InputError("out lies in the memory of image: give an array of its own")


def one_line(text: object) -> str:
    """A foreign message as one line, for ours to quote."""
    return " ".join(str(text).split())


def _fits(found: tuple[str, Sequence[object]], expected: tuple[str, Sequence[int | None]]) -> bool:
    dtype, shape = found
    if dtype != expected[0] or len(shape) != len(expected[1]):
        return False
    return all(want is None or got == want for got, want in zip(shape, expected[1], strict=True))


def _text(shape: Sequence[object]) -> str:
    return "[" + ",".join(str(side) for side in shape) + "]"
