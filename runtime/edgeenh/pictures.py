"""Reading and writing pictures: 8-bit RGB in memory; PNG, JPEG, TIFF, WebP or BMP on disk; the rest is refused by name.

What a file holds is read from its header first (`edgeenh.picture_headers`), so that a picture of another depth or
colour, one that is too large, or half a file is refused before any memory is taken for it. OpenCV then decodes; left
alone, it would turn grey, 16-bit and transparent pictures into 8-bit colour without a word, and fill the missing part
of a truncated JPEG with grey.

EXIF orientation is applied, as viewers do. Colour profiles are not: the values are taken as they are in the file. Of
the formats only PNG has checksums; in the others a changed byte inside the pixels cannot be told from a picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import PictureError, UsageError
from edgeenh.files import write_bytes
from edgeenh.picture_headers import Header, MalformedPictureError, read_header

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
"""Suffixes, in lower case, of the files in a folder that are pictures; reading itself goes by the content."""
MIN_SIDE = 16
MAX_PIXELS = 64_000_000
MAX_BYTES = 256 * 1024 * 1024

_ENCODING: dict[str, list[int]] = {
    ".png": [],
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444],
    ".tif": [],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100 means lossless
    ".bmp": [],
}
_SAME = {".jpeg": ".jpg", ".tiff": ".tif"}


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read one picture.

    Returns:
        A new array, uint8 [H,W,3] RGB, C-contiguous, the way up that EXIF says; the caller owns it.

    Raises:
        PictureError: The file is missing, unreadable, truncated, not a picture of 8-bit colour, or of a size that is
            not accepted.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise PictureError(
            f"{path} cannot be read ({exc.strerror or exc}): give a picture that exists and may be read"
        ) from exc
    return decode_picture(data, str(path))


def decode_picture(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode the content of a picture file; like `read_picture`, and `name` is what messages call it."""
    if len(data) > MAX_BYTES:
        raise PictureError(
            f"{name} is larger than {MAX_BYTES >> 20} MiB, "
            f"expected a picture of at most {_megapixels()}: make it smaller"
        )
    try:
        header = read_header(data)
    except MalformedPictureError as exc:
        raise PictureError(f"{name} {exc}") from exc
    _check_header(header, name)
    return _upright(_decode(data, header, name), header.orientation)


def write_picture(path: Path, image: NDArray[np.uint8]) -> None:
    """Write one picture in the format that the suffix of `path` names: JPEG at quality 95 (4:4:4), the rest lossless.

    Args:
        path: Where to; it is replaced in one step, or left as it was.
        image: uint8 [H,W,3] RGB; only read.

    Raises:
        UsageError: The suffix is not one of `PICTURE_SUFFIXES`, or the place may not be written to.
        PictureError: The array is not uint8 [H,W,3], or larger than the format can hold.
        OutputFailed: The disk is full.
    """
    path = Path(path)
    write_bytes(path, encode_picture(image, path.suffix, str(path)))


def encode_picture(image: NDArray[np.uint8], suffix: str, name: str = "the picture") -> bytes:
    """Like `write_picture`, into memory: the content of the file; `name` is what messages call the picture."""
    kind = suffix.lower()
    kind = _SAME.get(kind, kind)
    if kind not in _ENCODING:
        raise UsageError(
            f"{name} has the suffix {suffix!r}, "
            f"expected one of {', '.join(PICTURE_SUFFIXES)}: choose a name with one of them"
        )
    check_image(image, name)
    try:
        written, buffer = cv2.imencode(kind, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _ENCODING[kind])
    except cv2.error:
        written = False
    if not written:
        height, width, _ = image.shape
        raise PictureError(
            f"{name}: {width}×{height} pixels cannot be written as {kind[1:].upper()}: choose another format, e.g. .png"
        )
    return buffer.tobytes()


def check_image(image: NDArray[Any], name: str) -> None:
    """Raise `PictureError` unless `image` is uint8 [H,W,3] with at least one pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise PictureError(
            f"{name} is an array of {image.dtype} {list(image.shape)}, expected uint8 [H,W,3] RGB: convert it first"
        )


def _check_header(header: Header, name: str) -> None:
    found = f"{name} is {header.width}×{header.height} pixels"
    if header.width * header.height > MAX_PIXELS:
        raise PictureError(f"{found}, expected at most {_megapixels()}: make it smaller or cut it into parts")
    if min(header.width, header.height) < MIN_SIDE:
        raise PictureError(f"{found}, expected at least {MIN_SIDE}×{MIN_SIDE}: give a larger picture")
    if header.pictures != 1:
        raise PictureError(
            f"{name} holds {header.pictures} pictures or frames, expected one: save each as a file of its own"
        )
    if header.colour not in ("RGB", _TRANSPARENT) or header.bits != 8:
        raise _wrong_kind(name, header)


def _wrong_kind(name: str, header: Header) -> PictureError:
    found = f"{header.bits}-bit {header.colour}"
    fix = f"convert it first, e.g. `magick IN {_CONVERSION[header.colour]} OUT.png`"
    return PictureError(f"{name} is {found}, expected 8-bit RGB colour: {fix}")


_TRANSPARENT = "RGB with transparency"
_CONVERSION = {
    "RGB": "-depth 8",
    "grey": "-depth 8 -type TrueColor -define png:color-type=2",
    "grey with transparency": "-alpha off -depth 8 -type TrueColor -define png:color-type=2",
    "RGB with transparency": "-background white -alpha remove -alpha off -depth 8",
    "CMYK": "-colorspace sRGB -depth 8",
    "palette": "-depth 8 -type TrueColor -define png:color-type=2",
    "palette with transparency": "-background white -alpha remove -alpha off -depth 8 -type TrueColor",
    "non-RGB colour": "-colorspace sRGB -depth 8",
}


def _decode(data: bytes, header: Header, name: str) -> NDArray[np.uint8]:
    """Decode to RGB; an alpha channel is dropped only where it is opaque throughout, and so says nothing."""
    transparent = header.colour == _TRANSPARENT
    flags = cv2.IMREAD_UNCHANGED if transparent else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        decoded = None
    if decoded is None:
        raise PictureError(
            f"{name} cannot be decoded as {header.format}: the file is damaged; get it again from its source"
        )
    if decoded.shape != (header.height, header.width, 4 if transparent else 3):
        found, expected = list(decoded.shape), [header.height, header.width]
        raise PictureError(
            f"{name} decoded to {found}, expected the {expected} of its header: "
            "the file is damaged; get it again from its source"
        )
    if transparent and decoded[..., 3].min() != 255:
        raise _wrong_kind(name, header)
    conversion = cv2.COLOR_BGRA2RGB if transparent else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(decoded, conversion).astype(np.uint8, copy=False)


def _upright(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo the EXIF orientation (tag 274, values 1…8)."""
    if orientation == 1:
        return image
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(image[rows, columns])


def _megapixels() -> str:
    return f"{MAX_PIXELS // 1_000_000} megapixels"
