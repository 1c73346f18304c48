"""The graph contract, checked: what a model's inputs and outputs are called, and what frames a session takes.

In go `image` and `strength` float32 [1]; out comes `enhanced`, of the same kind as `image`: uint8 [1,H,W,3] RGB, or
float32 [1,H,W,1] grey in 0…1 (see `edgeenh.pixels`). H and W are dynamic or fixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgeenh.errors import BackendUnavailable, InputError, IntegrityError
from edgeenh.pixels import GREY, RGB, Pixels, scaled_shape

if TYPE_CHECKING:
    from edgeenh.backends.base import GraphPicture, Session

INPUT = "image"
STRENGTH = "strength"
OUTPUT = "enhanced"


def graph_precision(precision: str) -> str:
    """The precision of the ONNX that `precision` is run from: a backend makes `bf16` out of the fp32 graph."""
    return "fp32" if precision == "bf16" else precision


def check_contract(
    tensors: Mapping[str, tuple[str, Sequence[object]]], dtypes: Mapping[str, str], pixels: Pixels = RGB
) -> None:
    """Refuse a model whose inputs and outputs are not the contract's.

    Args:
        tensors: Name → (dtype, shape) as the library reports them; a dimension that is not 0 or more is dynamic.
        dtypes: The library's own words for `uint8` and `float32`.
        pixels: What the pictures must be.

    Raises:
        IntegrityError: A tensor is missing, extra, or of another dtype or shape.
    """
    picture = (dtypes[pixels.dtype], (1, None, None, pixels.channels))
    expected = {INPUT: picture, STRENGTH: (dtypes["float32"], (1,)), OUTPUT: picture}
    same_names = set(tensors) == set(expected)
    if not same_names or not all(_fits(tensors[name], expected[name]) for name in expected):
        found = ", ".join(f"{name} {dtype} {_text(shape)}" for name, (dtype, shape) in tensors.items()) or "nothing"
        raise IntegrityError(
            f"the ONNX does not keep the graph contract: found {found}; expected image {pixels.describe()} and "
            f"strength float32 [1] in, enhanced {pixels.describe()} out: export it again with edgeenh"
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


def check_frames(
    image: GraphPicture, out: GraphPicture, shape: tuple[int, int, int], dtype: str = RGB.dtype, scale: int = 1
) -> None:
    """Prove that `image` can be read and `out` written by pointer; called before each inference.

    Raises:
        InputError: Not of exactly `shape` [H,W,C] (`out`: `scale` times H and W) and `dtype`, not C-contiguous, or both
            the same memory.
    """
    for name, array, expected in ((INPUT, image, shape), ("out", out, scaled_shape(shape, scale))):
        if array.dtype != dtype or array.shape != expected or not array.flags.c_contiguous:
            layout = "" if array.flags.c_contiguous else " not C-contiguous"
            raise InputError(
                f"{name} is {array.dtype} {_text(array.shape)}{layout}; this session takes {dtype} {_text(expected)} "
                "C-contiguous: use numpy.ascontiguousarray, or open a session for its size"
            )
    if not out.flags.writeable:
        raise InputError("out is read-only: give an array that may be written")
    start, begin = image.__array_interface__["data"][0], out.__array_interface__["data"][0]
    if start < begin + out.nbytes and begin < start + image.nbytes:
        raise InputError("out lies in the memory of image: give an array of its own")


def prove_identity(session: Session, pixels: Pixels, height: int, width: int, scale: int = 1) -> None:
    """Prove of a session for grey frames that strength 0 gives every value back; colour needs no proof, it is 8 bits.

    An arithmetic of 16-bit floats has 8 or 11 binary digits. A library that uses one for the last sum too, where the
    graph says float32, would take the low bits of an X-ray away, and no measure of likeness would notice.

    Args:
        session: Open, for frames of `height` × `width` pixels.
        pixels: What its pictures are.
        height: Rows.
        width: Pixels per row.
        scale: How many times that size it gives; what must come back is then the frame, enlarged by `upscale`.

    Raises:
        BackendUnavailable: A value came back changed.
        InferenceFailed: The session failed.
    """
    if pixels.photometric != GREY.photometric:
        return
    import numpy as np

    from edgeenh.padding import upscale

    # as many of the values as there is room for, from dark to bright
    ramp = np.linspace(0.0, 1.0, height * width, dtype=np.float32)
    levels = (np.rint(ramp * np.float32(pixels.top)) / np.float32(pixels.top)).reshape(pixels.shape(height, width))
    expected = upscale(levels, scale)
    given = np.empty_like(expected)
    session.run(levels, 0.0, given)
    off = float(np.abs(given - expected).max()) * pixels.top
    if not off < 0.5:
        raise BackendUnavailable(
            f"{session.info.backend} in {session.info.precision} rounds grey pictures ({session.info.provider}): at strength 0 "
            f"values come back changed by up to {off:.0f} of {pixels.top}, expected none: choose --precision fp32, or another --backend"
        )


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
