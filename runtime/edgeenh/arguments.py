"""What the enhancer accepts, checked before anything is opened or run; every refusal says found, expected and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh.backends import AUTO, Backend, get_backend
from edgeenh.backends.base import PRECISIONS
from edgeenh.errors import InputError, PictureError, UsageError
from edgeenh.padding import padded_size
from edgeenh.pixels import GREY, MAX_BITS, MIN_BITS, RGB, photometric_of, scaled_shape, top_of

if TYPE_CHECKING:
    from edgeenh.bundle import Generator, Manifest
    from edgeenh.pixels import Levels

DEVICES = ("auto", "cpu", "cuda")


_EXPECTED = {
    RGB.photometric: "a uint8 array [height,width,3] in RGB: convert it first",
    GREY.photometric: "a uint8 or uint16 array [height,width] in grey: convert it first",
}


def check_frame(image: Any, manifest: Manifest, bits: int | None = None) -> int:
    """Refuse what is not an array of the bundle's kind, of a size that the generator takes.

    Args:
        image: What should be uint8 [H,W,3] for a bundle for colour; uint8 or uint16, [H,W] or [H,W,1], for grey.
        manifest: The bundle's.
        bits: Bits per value of a grey frame; None = all of its type.

    Returns:
        Bits per value.

    Raises:
        PictureError: It is something else, or holds values beyond its bits.
        UsageError: The bits are none that the type can hold.
    """
    expected = manifest.pixels.photometric
    found = photometric_of(image) if isinstance(image, np.ndarray) else ""
    if found != expected:
        other = f", or use a bundle for {'grey' if found == GREY.photometric else 'colour'} pictures" if found else ""
        raise PictureError(f"the frame is {_describe(image)}, expected {_EXPECTED[expected]}{other}")
    check_size(image.shape[0], image.shape[1], manifest.generator)
    return _check_bits(image, bits)


def _check_bits(image: Levels, bits: int | None) -> int:
    whole = 8 * image.dtype.itemsize
    if bits is None or bits == whole:
        return whole
    least, most = (MIN_BITS, whole) if photometric_of(image) == GREY.photometric else RGB.bits
    if isinstance(bits, bool) or not isinstance(bits, int) or not least <= bits <= most:
        raise UsageError(
            f"bits is {bits!r} and the frame is {_describe(image)}, expected {'8' if most == 8 else f'{least} to {most}'}: "
            f"give what the device really delivers (8 to {MAX_BITS} for grey), in an array that can hold it"
        )
    brightest = int(image.max())
    if brightest > top_of(bits):
        raise PictureError(
            f"the frame holds the value {brightest}, expected at most {top_of(bits)} with {bits} bits: "
            "give the bits that it really has"
        )
    return bits


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


def check_out(image: Levels, out: Any, scale: int = 1) -> None:
    """Refuse what a result for `image` cannot be written into.

    Raises:
        InputError: Not of the frame's type and its shape, height and width times `scale`; not C-contiguous, read-only, or the frame's own memory.
    """
    remedy = "give an array of its own, e.g. numpy.empty_like(image)"
    shape = scaled_shape(image.shape, scale)
    if not isinstance(out, np.ndarray) or out.dtype != image.dtype or out.shape != shape:
        like = "as the frame is" if scale == 1 else f"as this bundle gives {scale} times the frame's width and height"
        raise InputError(f"out is {_describe(out)}, expected {image.dtype} {list(shape)}, {like}: {remedy}")
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


def known_backend(backend: str | Backend) -> str | Backend:
    """`backend`, or the object behind a name that `auto` does not choose."""
    if not isinstance(backend, str):
        if not hasattr(backend, "open_session"):
            raise UsageError(
                f"backend is {backend!r}: give a name such as 'auto' or 'onnxruntime', or a backend object"
            )
        return backend
    if backend == "auto" or backend in AUTO:
        return backend
    return get_backend(backend)


def _describe(value: Any) -> str:
    return f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
