"""Reading pictures for training and evaluation: 8 or 16 bit, RGB or grey, exactly as the file has them.

`edgeenh.pictures` reads 8-bit colour, which is what the runtime shows. Training also sees TIFF16 from raw developers and grey
radiographs. The same care holds: the header is read first (`edgeenh.picture_headers`), what is neither of these kinds is refused
by name, half a file is never a picture, and no depth is changed on the way.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import PictureError
from edgeenh.picture_headers import Header, MalformedPictureError, read_header
from edgeenh.pictures import MAX_BYTES, MAX_PIXELS, MIN_SIDE, decode_grey, decode_picture

Picture = NDArray[np.uint8] | NDArray[np.uint16]
"""uint8 or uint16 [H,W,C]: C = 3 is RGB, C = 1 is grey; C-contiguous."""

FULL_16 = 65_535
_PER_8_BIT = 257  # 65,535 / 255: black and white of both depths meet, which a shift by 8 bits would miss


def read_any(path: Path) -> Picture:
    """Read one picture of 8 or 16 bit, RGB or grey.

    Returns:
        A new array, uint8 or uint16 as the file has it, [H,W,3] RGB or [H,W,1] grey, the way up that EXIF says.

    Raises:
        PictureError: The file is missing, unreadable, truncated, of another kind (palette, CMYK, transparent, 12 bit, floating
            point), or of a size that is not accepted.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise PictureError(
            f"{path} cannot be read ({exc.strerror or exc}): give a picture that exists and may be read"
        ) from exc
    return decode_any(data, str(path))


def decode_any(data: bytes, name: str) -> Picture:
    """Decode the content of a picture file; like `read_any`, and `name` is what messages call it."""
    if len(data) > MAX_BYTES:
        raise PictureError(f"{name} is larger than {MAX_BYTES >> 20} MiB: make it smaller")
    try:
        header = read_header(data)
    except MalformedPictureError as exc:
        raise PictureError(f"{name} {exc}") from exc
    if header.bits == 8 and header.colour in ("RGB", "RGB with transparency"):
        return decode_picture(data, name)  # takes transparency that is opaque throughout, and refuses the rest
    if header.bits in (8, 16) and header.colour == "grey":
        return decode_grey(data, name)[..., None]
    _check(header, name)
    return _upright(_decode(data, header, name), header.orientation)


def at_full_scale(image: Picture, bits: int, name: str) -> Picture:
    """A 16-bit grey picture that holds fewer bits, brought to all of 16: its full brightness becomes 65,535. Others are returned as they are.

    Args:
        image: As `read_any` gives it.
        bits: 9 to 16 that the values have; 0 = all of the file's.
        name: What messages call it.

    Raises:
        PictureError: It holds a value of more bits.
    """
    if not bits or image.dtype == np.uint8 or image.shape[2] != 1:
        return image
    top, found = (1 << bits) - 1, int(image.max())
    if found > top:
        raise PictureError(f"{name} holds the value {found}, expected at most {top}, as of {bits} bits: state its bits")
    return ((image.astype(np.uint32) * FULL_16 + top // 2) // top).astype(np.uint16)


def as_float(image: Picture) -> NDArray[np.float32]:
    """uint8 or uint16 to a new float32 array 0…1 of the same shape; full scale of either depth is 1."""
    return np.asarray(image, dtype=np.float32) / np.float32(np.iinfo(image.dtype).max)


def as_uint8(image: Picture) -> NDArray[np.uint8]:
    """The picture at 8 bit, rounded to nearest (65,535 → 255, 257 · k → k); an 8-bit picture is returned as it is."""
    if image.dtype == np.uint8:
        return np.asarray(image, dtype=np.uint8)
    return ((image.astype(np.uint32) + _PER_8_BIT // 2) // _PER_8_BIT).astype(np.uint8)


def _check(header: Header, name: str) -> None:
    """Refuse what is not 16-bit RGB of a size that is accepted."""
    if header.colour != "RGB" or header.bits != 16:
        raise PictureError(
            f"{name} is {header.bits}-bit {header.colour}, expected RGB or grey of 8 or 16 bit: "
            "convert it first, e.g. `magick IN -colorspace sRGB -alpha off -type TrueColor OUT.png`"
        )
    found = f"{name} is {header.width}×{header.height} pixels"
    if header.width * header.height > MAX_PIXELS:
        raise PictureError(f"{found}, expected at most {MAX_PIXELS // 1_000_000} megapixels: make it smaller")
    if min(header.width, header.height) < MIN_SIDE:
        raise PictureError(f"{found}, expected at least {MIN_SIDE}×{MIN_SIDE}: give a larger picture")
    if header.pictures != 1:
        raise PictureError(f"{name} holds more than one picture or frame, expected one: save each as a file of its own")


def _decode(data: bytes, header: Header, name: str) -> NDArray[np.uint16]:
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        decoded = None
    if decoded is None:
        raise PictureError(
            f"{name} cannot be decoded as {header.format}: the file is damaged or of a rare kind; save it again as PNG"
        )
    expected = [header.height, header.width, 3]
    if list(decoded.shape) != expected or decoded.dtype != np.uint16:
        raise PictureError(
            f"{name} decoded to {decoded.dtype} {list(decoded.shape)}, expected uint16 {expected} as its header says: "
            "save it again as PNG"
        )
    return np.ascontiguousarray(decoded[..., ::-1], dtype=np.uint16)  # OpenCV gives BGR


def _upright(image: NDArray[np.uint16], orientation: int) -> NDArray[np.uint16]:
    """Undo the EXIF orientation (tag 274, values 1…8)."""
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(image[rows, columns])
