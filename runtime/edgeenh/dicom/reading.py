"""Reading DICOM objects: pictures as a model takes them, and everything else kept as it came.

What is taken: Pixel Data of 8 to 16 bits, grey (MONOCHROME1 and 2, signed or not) or 8-bit colour (RGB, YBR, palette),
one frame or many, in every transfer syntax that pydicom, GDCM or OpenJPEG decode. A grey model works on stored values
(`edgeenh.dicom.stored`): lossless both ways, and windows and lookup tables go on to mean what they meant.
"""

from __future__ import annotations

import copy
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.dicom.decoding import decode_frame
from edgeenh.dicom.header import PixelHeader, pixel_header
from edgeenh.dicom.library import load_pydicom, quiet
from edgeenh.dicom.names import is_dicom
from edgeenh.errors import PictureError
from edgeenh.files import read_once
from edgeenh.pictures import MAX_BYTES

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

DEFLATED = "1.2.840.10008.1.2.1.99"
MAX_INFLATED = 1024 * 1024 * 1024
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths")


@dataclass(frozen=True)
class DicomImage:
    """A DICOM object with a picture that edgeenh takes.

    Attributes:
        name: What messages call it, e.g. its path.
        dataset: The `pydicom.Dataset`, with its pixels; nobody writes to it.
        header: What the pixels are.
    """

    name: str
    dataset: Any
    header: PixelHeader

    def frame(self, index: int) -> Levels:
        """Decode frame `index`, from 0.

        Returns:
            A new array: uint8 [H,W,3] RGB, or uint8 or uint16 [H,W] grey, 0 = black, `header.bits` bits; C-contiguous.

        Raises:
            PictureError: It cannot be decoded.
        """
        with quiet():
            values = decode_frame(self.dataset, index, self.header, self.name)
        return values if self.header.stored is None else self.header.stored.to_levels(values, self.name)

    def attributes(self, index: int = 0) -> bytes:
        """Everything but the pixels, as a DICOM file (PS3.10); of an object of many frames, what is true of frame `index`.

        Raises:
            PictureError: An attribute is damaged.
        """
        from edgeenh.dicom.one_frame import reduce_to_frame
        from edgeenh.dicom.storing import to_bytes

        try:
            with quiet():
                kept = without_pixels(self.dataset)
                if self.header.frames > 1:
                    reduce_to_frame(kept, index)
                return to_bytes(kept)
        except PictureError:
            raise
        except Exception as exc:  # pydicom converts lazily and raises whatever a bad value gives
            raise _damaged(self.name, exc) from exc


def read_dicom(path: Path) -> DicomImage:
    """Read one DICOM file.

    Raises:
        PictureError: It is missing, no DICOM, damaged, without a picture, or with one that edgeenh does not take.
        MissingExtra: pydicom is not installed.
    """
    try:
        data, state = read_once(Path(path), MAX_BYTES)
    except OSError as exc:
        raise PictureError(f"{path} cannot be read ({exc.strerror or exc}): give a file that may be read") from exc
    if state.st_size > MAX_BYTES:
        raise PictureError(f"{path} is larger than {MAX_BYTES >> 20} MiB, expected a smaller object: split it")
    return decode_dicom(data, str(path))


def decode_dicom(data: bytes, name: str, most_inflated: int | None = None) -> DicomImage:
    """Like `read_dicom`, from memory; a deflated object of more than `most_inflated` bytes (default: `MAX_INFLATED`) is refused."""
    dataset = parse(data, name, most_inflated)
    try:
        with quiet():
            return DicomImage(name, dataset, pixel_header(dataset, name))
    except PictureError:
        raise
    except Exception as exc:  # pydicom converts lazily and raises whatever a bad value gives
        raise _damaged(name, exc) from exc


def parse(data: bytes, name: str, most_inflated: int | None = None) -> Any:
    """The dataset of a DICOM file, its values not yet converted.

    Raises:
        PictureError: It is no DICOM file, or a damaged one.
        MissingExtra: pydicom is not installed.
    """
    pydicom = load_pydicom()
    if not is_dicom(data):
        raise PictureError(f"{name} is no DICOM file (PS3.10): the word DICM is not at byte 128")
    try:
        with quiet():
            _check_inflated(data, name, MAX_INFLATED if most_inflated is None else most_inflated)
            dataset = pydicom.dcmread(io.BytesIO(data))
            if "TransferSyntaxUID" not in dataset.file_meta:
                raise ValueError("Transfer Syntax UID is missing")
            return dataset
    except PictureError:
        raise
    except Exception as exc:  # pydicom raises whatever it meets in damaged bytes
        said = " ".join(str(exc).split())[:160] or type(exc).__name__
        raise PictureError(f"{name} cannot be read as DICOM: {said}; get it again from its source") from exc


def _damaged(name: str, error: Exception) -> PictureError:
    said = " ".join(str(error).split())[:160] or type(error).__name__
    return PictureError(f"{name}: an attribute is damaged ({said}); get it again from its source")


def without_pixels(dataset: Any) -> Any:
    """A dataset of copies of the elements without the pixels; items of sequences are shared, and must not be changed."""
    pydicom = load_pydicom()
    kept = pydicom.Dataset()
    for tag in dataset.keys():  # noqa: SIM118 (iterating a dataset converts every element)
        if pydicom.datadict.keyword_for_tag(tag) not in PIXELS:
            kept.add(copy.copy(dataset[tag]))
    kept.file_meta = pydicom.dataset.FileMetaDataset(dataset.file_meta)
    return kept


def _check_inflated(data: bytes, name: str, limit: int) -> None:
    """Refuse a deflated object that would fill the memory, before pydicom inflates it."""
    from pydicom.filereader import read_dataset

    stream = io.BytesIO(data)
    stream.seek(132)
    # the file meta information is explicit and little-endian always (PS3.10, 7.1)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2)  # noqa: FBT003
    if str(meta.get("TransferSyntaxUID", "")) != DEFLATED:
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    most, left = limit, data[stream.tell() :]
    while left and most > 0:
        most -= len(inflater.decompress(left, 1 << 24))
        left = inflater.unconsumed_tail
    if most <= 0:
        raise PictureError(f"{name} inflates to more than {limit >> 20} MiB, expected a smaller object: split it")
