"""One frame of an object, decoded: compressed or not, grey or colour."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.dicom.codestream import size_in
from edgeenh.dicom.header import PixelHeader
from edgeenh.errors import MissingExtra, PictureError

JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"


def decode_frame(dataset: Any, index: int, header: PixelHeader, name: str) -> NDArray[Any]:
    """Decode frame `index`.

    Returns:
        Grey: stored values [H,W]. Colour: uint8 [H,W,3] RGB.

    Raises:
        PictureError: It cannot be decoded, or is of another size than the header says.
        MissingExtra: The codec is not installed.
    """
    from pydicom.pixels.utils import pixel_array

    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        if syntax.is_encapsulated:
            _check_codestream(dataset, index, header, name)
        if syntax == JPEG_EXTENDED and header.stored is not None and header.bits > 8:
            return _jpeg_extended_12(dataset, index, header)
        if header.stored is not None and not syntax.is_encapsulated and syntax.is_little_endian:
            return _native(dataset, index, header, name)
        values = pixel_array(dataset, index=index)
        return _colour(dataset, values, name) if header.stored is None else _shaped(values, header, name)
    except (PictureError, MissingExtra):
        raise
    except Exception as exc:  # decoders raise whatever they meet, each its own kind
        raise _refusal(name, syntax, exc) from exc


def _native(dataset: Any, index: int, header: PixelHeader, name: str) -> NDArray[Any]:
    """Uncompressed grey as it lies there: pydicom would cut off what is above Bits Stored without a word."""
    assert header.stored is not None
    kind = "i" if header.stored.signed else "u"
    dtype = np.dtype(f"<{kind}{int(dataset.BitsAllocated) // 8}")
    count = header.width * header.height
    data = dataset.PixelData
    if len(data) < count * header.frames * dtype.itemsize:
        raise PictureError(
            f"{name} cannot be decoded: it holds {len(data)} bytes of pixels, expected {count * header.frames * dtype.itemsize}; "
            "get it again from its source"
        )
    values = np.frombuffer(data, dtype, count, index * count * dtype.itemsize)
    return values.reshape(header.height, header.width)


def _shaped(values: NDArray[Any], header: PixelHeader, name: str) -> NDArray[Any]:
    if values.shape != (header.height, header.width):
        expected = [header.height, header.width]
        raise PictureError(f"{name} decoded to {list(values.shape)}, expected {expected}: the object is damaged")
    return values


def _colour(dataset: Any, values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """RGB of 8 bits: pydicom has turned YBR into RGB; a palette is looked up here (PS3.3 C.7.6.3.1.5)."""
    from pydicom.pixels.processing import apply_color_lut

    if str(dataset.PhotometricInterpretation).strip() == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)
        if values.dtype != np.uint8:
            high = values >> 8
            if not (np.array_equal(values & 255, high) or not (values & 255).any()):
                raise PictureError(f"{name} has a palette of 16 bits, expected 8 bits: nothing is rounded in silence")
            values = high.astype(np.uint8)
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[2] != 3:
        raise PictureError(f"{name} decoded to {values.dtype} {list(values.shape)}, expected uint8 [H,W,3]")
    return np.ascontiguousarray(values)


def _encoded(dataset: Any, index: int) -> bytes:
    from pydicom.encaps import get_frame

    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    return bytes(get_frame(dataset.PixelData, index, number_of_frames=frames))


def _check_codestream(dataset: Any, index: int, header: PixelHeader, name: str) -> None:
    size = size_in(_encoded(dataset, index))
    if size is not None and size != (header.width, header.height):
        raise PictureError(
            f"{name} holds a compressed picture of {size[0]}×{size[1]} pixels, expected the {header.width}×{header.height} "
            "of its header: the object is damaged"
        )


def _jpeg_extended_12(dataset: Any, index: int, header: PixelHeader) -> NDArray[np.uint16]:
    """JPEG Process 4 with 12 bits, which pydicom hands to no permissive codec; GDCM's own reader takes it."""
    import gdcm

    content, fragments = gdcm.Fragment(), gdcm.SequenceOfFragments.New()
    content.SetByteStringValue(_encoded(dataset, index))
    fragments.AddFragment(content)
    pixels = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    pixels.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((header.width, header.height, 1))
    image.SetPhotometricInterpretation(
        gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.GetPIType(header.interpretation))
    )
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, header.bits, header.bits - 1, 0))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(JPEG_EXTENDED)))
    image.SetDataElement(pixels)
    raw = image.GetBuffer().encode("utf-8", "surrogateescape")  # GDCM's binding gives bytes as str
    return np.frombuffer(raw, "<u2").reshape(header.height, header.width)


def _refusal(name: str, syntax: Any, error: Exception) -> PictureError:
    said = " ".join(str(error).split())
    if len(said) > 160:
        said = said[:157] + "…"
    return PictureError(
        f"{name} ({syntax.name}) cannot be decoded: {said or type(error).__name__}; get it again from its source"
    )
