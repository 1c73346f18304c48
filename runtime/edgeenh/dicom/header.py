"""What a DICOM object says of its pixels, checked before anything is decoded (PS3.3 C.7.6.3, Image Pixel Module)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeenh.dicom.stored import Stored
from edgeenh.errors import PictureError
from edgeenh.pictures import MAX_PIXELS, MIN_SIDE
from edgeenh.pixels import GREY, RGB

MAX_FRAMES = 10_000
MAX_PIXEL_BYTES = 0xFFFF_FFFE
"""What the length field of native Pixel Data can say (PS3.5 A.4 note; an even 32-bit number)."""

MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT", "YBR_PARTIAL_420", "PALETTE COLOR")


@dataclass(frozen=True, slots=True)
class PixelHeader:
    """What the pixels are.

    Attributes:
        width, height: In pixels.
        frames: How many pictures the object holds.
        photometric: `grey` or `RGB`: what a model must be for.
        interpretation: Photometric Interpretation as the object has it.
        bits: Bits per value of what a model gets: Bits Stored for grey, 8 for colour.
        stored: How grey pixels are stored; None for colour.
    """

    width: int
    height: int
    frames: int
    photometric: str
    interpretation: str
    bits: int
    stored: Stored | None


def pixel_header(dataset: Any, name: str, *, pixels: bool = True) -> PixelHeader:
    """Read and check the description of the pixels.

    Args:
        dataset: A `pydicom.Dataset`.
        name: What messages call it.
        pixels: They must be there; False = this is a dataset whose pixels travel apart.

    Raises:
        PictureError: It holds no picture, or one that edgeenh does not take; the message says which.
    """
    if pixels and "PixelData" not in dataset:
        other = next((word for word in ("FloatPixelData", "DoubleFloatPixelData") if word in dataset), None)
        held = f"floating-point pixels ({other})" if other else f"no picture ({_kind(dataset)})"
        raise PictureError(f"{name} holds {held}, expected Pixel Data of 8 to 16 bits: leave it out")
    interpretation = str(dataset.get("PhotometricInterpretation", "")).strip()
    allocated, bits = _number(dataset, "BitsAllocated", name), _number(dataset, "BitsStored", name)
    samples = _number(dataset, "SamplesPerPixel", name, 1)
    width, height = _number(dataset, "Columns", name), _number(dataset, "Rows", name)
    frames = _number(dataset, "NumberOfFrames", name, 1)
    _check_size(name, width, height, frames, samples * (allocated + 7) // 8)
    if interpretation in MONOCHROME and samples == 1:
        return PixelHeader(
            width, height, frames, GREY.photometric, interpretation, bits,
            _stored(dataset, name, interpretation, allocated, bits),
        )  # fmt: skip
    expected_samples = 1 if interpretation == "PALETTE COLOR" else 3
    if interpretation not in COLOURS or samples != expected_samples:
        raise PictureError(
            f"{name} has the Photometric Interpretation {interpretation or 'missing'!r} with {samples} samples per pixel, "
            f"expected {', '.join((*MONOCHROME, *COLOURS))}: convert it first"
        )
    if interpretation != "PALETTE COLOR" and (allocated, bits) != (8, 8):
        raise PictureError(
            f"{name} is colour of {bits} bits, expected 8 bits: nothing is rounded in silence; convert it"
        )
    return PixelHeader(width, height, frames, RGB.photometric, interpretation, 8, None)


def _stored(dataset: Any, name: str, interpretation: str, allocated: int, bits: int) -> Stored:
    if allocated not in (8, 16) or not 8 <= bits <= allocated:
        raise PictureError(
            f"{name} is grey of {bits} bits in {allocated}, expected 8 to 16 bits in 8 or 16: convert it first"
        )
    signed = _number(dataset, "PixelRepresentation", name, 0) == 1
    return Stored(bits, signed, interpretation == "MONOCHROME1", _padding(dataset, name, bits, signed=signed))


def _padding(dataset: Any, name: str, bits: int, *, signed: bool) -> tuple[int, int] | None:
    """Pixel Padding Value and Pixel Padding Range Limit (PS3.3 C.7.5.1.1.2); None where none can occur."""
    if dataset.get("PixelPaddingValue") is None:
        return None
    first = _number(dataset, "PixelPaddingValue", name)
    last = _number(dataset, "PixelPaddingRangeLimit", name, first)
    low, high = min(first, last), max(first, last)
    lowest = -(1 << (bits - 1)) if signed else 0
    highest = lowest + (1 << bits) - 1
    return None if high < lowest or low > highest else (low, high)


def _check_size(name: str, width: int, height: int, frames: int, pixel_bytes: int) -> None:
    found = f"{name} is {width}×{height} pixels"
    if min(width, height) < MIN_SIDE:
        raise PictureError(f"{found}, expected at least {MIN_SIDE}×{MIN_SIDE}: leave it out")
    if width * height > MAX_PIXELS:
        raise PictureError(f"{found}, expected at most {MAX_PIXELS // 1_000_000} megapixels: make it smaller")
    if not 1 <= frames <= MAX_FRAMES or width * height * frames * pixel_bytes > MAX_PIXEL_BYTES:
        raise PictureError(f"{name} holds {frames} frames of {width}×{height}, expected fewer: split it")


def _number(dataset: Any, keyword: str, name: str, default: int | None = None) -> int:
    """An attribute that is a whole number.

    Raises:
        PictureError: It is missing without a default, or nothing of that kind.
    """
    try:
        value = dataset.get(keyword)
        return default if value is None and default is not None else int(value)
    except Exception as exc:  # pydicom converts lazily and raises whatever it meets
        found = "is missing" if isinstance(exc, TypeError) else f"cannot be read ({' '.join(str(exc).split())[:100]})"
        raise PictureError(f"{name}: {keyword} {found}, expected a whole number: the object is damaged") from exc


def _kind(dataset: Any) -> str:
    uid = getattr(dataset, "SOPClassUID", None)
    return str(getattr(uid, "name", "") or uid or "no SOP Class UID")
