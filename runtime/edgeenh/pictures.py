"""Reading and writing pictures: 8-bit RGB, or 8- and 16-bit grey; everything else is refused by name.

Colour is read from and written to PNG, JPEG, TIFF, WebP and BMP; grey is read from PNG, JPEG and TIFF, and written to PNG
and TIFF, in its own depth. Nothing is converted from one kind into the other.

What a file holds is read from its header first (`edgeenh.picture_headers`), so that a picture of another depth or
colour, one that is too large, or half a file is refused before any memory is taken for it. OpenCV then decodes; left
alone, it would turn grey, 16-bit and transparent pictures into 8-bit colour without a word, and fill the missing part
of a truncated JPEG with grey.

EXIF orientation is applied, as viewers do. Colour profiles are not: the values are taken as they are in the file. Of
the formats only PNG has checksums; in the others a changed byte inside the pixels cannot be told from a picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import PictureError, UsageError
from edgeenh.files import write_bytes
from edgeenh.picture_headers import Header, MalformedPictureError, read_header
from edgeenh.picture_kinds import TRANSPARENT, not_colour, not_grey
from edgeenh.pixels import GREY, photometric_of

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
"""Suffixes, in lower case, of the files in a folder that are pictures; reading itself goes by the content."""
MIN_SIDE = 16
MAX_PIXELS = 64_000_000
MAX_BYTES = 256 * 1024 * 1024

_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
_ENCODING: dict[str, list[int]] = {
    # Each row less the one above it, where OpenCV's own choice is the pixel on the left: of endoscopy and dental photographs
    # a fifth faster and smaller, of others the same (docs/log.md, 2026-11-29). Lossless either way.
    ".png": [*_PNG, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP],
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444],
    ".tif": [],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100 means lossless
    ".bmp": [],
}
_SAME = {".jpeg": ".jpg", ".tiff": ".tif"}
GREY_SUFFIXES = (".png", ".tif", ".tiff")
"""Suffixes that a grey picture can be written under: the formats that hold 16 bits without loss."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read one picture.

    Returns:
        A new array, uint8 [H,W,3] RGB, C-contiguous, the way up that EXIF says; the caller owns it.

    Raises:
        PictureError: The file is missing, unreadable, truncated, not a picture of 8-bit colour, or of a size that is
            not accepted.
    """
    return decode_picture(read_content(path), str(path))


def read_grey(path: Path) -> Levels:
    """Read one grey picture, in its own depth.

    Returns:
        A new array, uint8 or uint16 [H,W], 0 = black, C-contiguous, the way up that EXIF says; the caller owns it.

    Raises:
        PictureError: The file is missing, unreadable, truncated, not grey of 8 or 16 bits, or of a size that is not
            accepted.
    """
    return decode_grey(read_content(path), str(path))


def read_frame(path: Path, photometric: str) -> Levels:
    """`read_grey` for `grey`, `read_picture` for `RGB`."""
    return decode_frame(read_content(path), str(path), photometric)


def decode_picture(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode the content of a picture file; like `read_picture`, and `name` is what messages call it."""
    header = _header(data, name)
    if header.colour not in ("RGB", TRANSPARENT) or header.bits != 8:
        raise not_colour(name, header)
    return _upright(_decode(data, header, name), header.orientation).astype(np.uint8, copy=False)


def decode_grey(data: bytes, name: str) -> Levels:
    """Like `read_grey`, from memory."""
    header = _header(data, name)
    if header.colour != GREY.photometric or header.bits not in (8, 16):
        raise not_grey(name, header)
    return _upright(_decode(data, header, name), header.orientation)


def decode_frame(data: bytes, name: str, photometric: str) -> Levels:
    """`decode_grey` for `grey`, `decode_picture` for `RGB`."""
    return decode_grey(data, name) if photometric == GREY.photometric else decode_picture(data, name)


def read_content(path: Path) -> bytes:
    """The bytes of a picture's file, at most one more than `MAX_BYTES`.

    Raises:
        PictureError: It is missing or may not be read.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise PictureError(
            f"{path} cannot be read ({exc.strerror or exc}): give a picture that exists and may be read"
        ) from exc


def _header(data: bytes, name: str) -> Header:
    """What the file says it holds, of a size that is accepted."""
    if len(data) > MAX_BYTES:
        raise PictureError(
            f"{name} is larger than {MAX_BYTES >> 20} MiB, "
            f"expected a picture of at most {_megapixels()}: make it smaller"
        )
    try:
        header = read_header(data)
    except MalformedPictureError as exc:
        raise PictureError(f"{name} {exc}") from exc
    _check_size(header, name)
    return header


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
    return _encode(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), kind, name)


def write_grey(path: Path, image: Levels) -> None:
    """Write one grey picture without loss, in the depth of its array.

    Args:
        path: Where to, with one of `GREY_SUFFIXES`; it is replaced in one step, or left as it was.
        image: uint8 or uint16, [H,W] or [H,W,1], 0 = black; only read.

    Raises:
        UsageError: The suffix is another, or the place may not be written to.
        PictureError: The array is not such a picture.
        OutputFailed: The disk is full.
    """
    path = Path(path)
    write_bytes(path, encode_grey(image, path.suffix, str(path)))


def write_frame(path: Path, image: Levels) -> None:
    """`write_grey` for a grey array, `write_picture` for every other."""
    write: Any = write_grey if photometric_of(image) == GREY.photometric else write_picture
    write(path, image)


def encode_grey(image: Levels, suffix: str, name: str = "the picture") -> bytes:
    """Like `write_grey`, into memory."""
    if suffix.lower() not in GREY_SUFFIXES:
        raise UsageError(
            f"{name} has the suffix {suffix!r}, expected one of {', '.join(GREY_SUFFIXES)} for a grey picture: "
            "choose a name with one of them"
        )
    if photometric_of(image) != GREY.photometric or image.size == 0:
        raise PictureError(
            f"{name} is an array of {image.dtype} {list(image.shape)}, expected uint8 or uint16 [H,W] grey: convert it first"
        )
    return _encode(image.reshape(image.shape[:2]), _SAME.get(suffix.lower(), suffix.lower()), name)


def encode_frame(image: Levels, suffix: str, name: str = "the picture") -> bytes:
    """`encode_grey` for a grey array, `encode_picture` for every other."""
    encode: Any = encode_grey if photometric_of(image) == GREY.photometric else encode_picture
    encoded: bytes = encode(image, suffix, name)
    return encoded


def _encode(image: Any, kind: str, name: str) -> bytes:
    try:
        written, buffer = cv2.imencode(kind, image, _ENCODING[kind])
    except cv2.error:
        written = False
    if not written:
        height, width = image.shape[:2]
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


def _check_size(header: Header, name: str) -> None:
    found = f"{name} is {header.width}×{header.height} pixels"
    if header.width * header.height > MAX_PIXELS:
        raise PictureError(f"{found}, expected at most {_megapixels()}: make it smaller or cut it into parts")
    if min(header.width, header.height) < MIN_SIDE:
        raise PictureError(f"{found}, expected at least {MIN_SIDE}×{MIN_SIDE}: give a larger picture")
    if header.pictures != 1:
        raise PictureError(
            f"{name} holds {header.pictures} pictures or frames, expected one: save each as a file of its own"
        )


def _decode(data: bytes, header: Header, name: str) -> Levels:
    """Decode to RGB or grey; an alpha channel is dropped only where it is opaque throughout, and so says nothing."""
    transparent, grey = header.colour == TRANSPARENT, header.colour == GREY.photometric
    flags = cv2.IMREAD_UNCHANGED if transparent or grey else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        decoded = None
    if decoded is None:
        raise PictureError(
            f"{name} cannot be decoded as {header.format}: the file is damaged; get it again from its source"
        )
    size = (header.height, header.width)
    bits = 8 * decoded.dtype.itemsize
    if decoded.shape != (size if grey else (*size, 4 if transparent else 3)) or bits != header.bits:
        found, expected = [*decoded.shape, f"{bits} bits"], [*size, f"{header.bits} bits"]
        raise PictureError(
            f"{name} decoded to {found}, expected the {expected} of its header: "
            "the file is damaged; get it again from its source"
        )
    if transparent and decoded[..., 3].min() != 255:
        raise not_colour(name, header)
    if grey:
        return decoded
    conversion = cv2.COLOR_BGRA2RGB if transparent else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(decoded, conversion).astype(np.uint8, copy=False)


def _upright(image: Levels, orientation: int) -> Levels:
    """Undo the EXIF orientation (tag 274, values 1…8)."""
    if orientation == 1:
        return image
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(image[rows, columns])


def _megapixels() -> str:
    return f"{MAX_PIXELS // 1_000_000} megapixels"
