"""The derived image: a copy of an object with enhanced pixels, which says what it is and where it comes from.

The rules are the standard's: changed pixels are a new instance (PS3.3 C.7.6.1.1.2, C.12.4.1.1), in a series of its own;
Image Type begins with DERIVED, and goes on with PRIMARY for what was enhanced as it was taken, SECONDARY for what was
taken out of an archive; the flag of lossy compression is never reset (C.7.6.1.1.5). docs/dicom.md has the whole table.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh import __version__
from edgeenh.dicom.coded import processing_equipment, source_image
from edgeenh.dicom.header import PixelHeader
from edgeenh.dicom.library import load_pydicom, quiet
from edgeenh.dicom.one_frame import frame_number
from edgeenh.errors import PictureError

if TYPE_CHECKING:
    from edgeenh.frames import Provenance
    from edgeenh.pixels import Levels

PRIVATE_GROUP, PRIVATE_CREATOR = 0x0079, "EDGEENH"

STALE = (
    "DigitalSignaturesSequence", "MACParametersSequence", "IconImageSequence", "InstanceCreatorUID",
    "SmallestImagePixelValue", "LargestImagePixelValue", "SmallestPixelValueInSeries", "LargestPixelValueInSeries",
)  # fmt: skip
"""What is no longer true of changed pixels."""

PALETTE = (
    *(
        f"{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for part in ("Descriptor", "Data")
    ),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")),
    "PaletteColorLookupTableUID",
)

NO_THIRD_VALUE = tuple(
    f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1")
)
"""DX, mammography and intra-oral classes: value 3 of Image Type is present and empty (PS3.3 C.8.11.3.1.1)."""

LOSSY_SYNTAXES = (
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
)
"""JPEG baseline and extended, JPEG-LS near-lossless, and JPEG 2000, which may be either and says so by the flag alone."""


@dataclass(frozen=True, slots=True)
class Making:
    """Who made the pixels, how and when.

    Attributes:
        provenance: As the enhancer tells.
        inline: Enhanced as it was taken (PRIMARY), not out of an archive (SECONDARY).
        now: Local time of the making.
        new_uid: Gives a UID that nobody had before.
        series: Series Instance UID of the new series.
    """

    provenance: Provenance
    inline: bool
    now: datetime
    new_uid: Callable[[], str]
    series: str

    @property
    def model(self) -> str:
        """What made the pixels, for people."""
        return self.provenance.model or "unnamed"

    def description(self) -> str:
        """Derivation Description: one line for people (at most 1024 characters)."""
        made = self.provenance
        return (
            f"Enhanced by edgeenh {__version__}, model {self.model}, strength {made.strength:g}; for viewing beside the "
            f"original, which is kept unchanged. Backend {made.backend} ({made.provider}), precision {made.precision}; "
            f"bundle SHA-256 {made.bundle_sha256}"
        )[:1024]


def new_uid() -> str:
    """A UID that nobody had before: a random UUID below 2.25 (PS3.5 B.2)."""
    import uuid

    return f"2.25.{uuid.uuid4().int}"


def derive(
    source: Any, header: PixelHeader, enhanced: Sequence[Levels], originals: Sequence[Levels], making: Making
) -> Any:
    """The derived dataset.

    Args:
        source: The dataset that the pixels came from, with or without them; only read.
        header: What its pixels are.
        enhanced: Its frames, enhanced: as `DicomImage.frame` gives them; only read.
        originals: The same before.
        making: How it was made.

    Returns:
        A new `pydicom.Dataset` in native encoding, ready for `edgeenh.dicom.storing.to_bytes`.

    Raises:
        PictureError: An attribute of the source cannot be carried over.
    """
    from edgeenh.dicom.reading import without_pixels

    try:
        with quiet():
            _refuse_swapped_words(source)
            derived = without_pixels(source)
            frame = frame_number(derived)
            _identify(derived, source, making)
            if frame is not None:
                derived.InstanceNumber = frame
                del derived.FrameExtractionSequence
            _describe(derived, source, making, frame)
            _clean(derived)
            set_pixels(derived, header, enhanced, originals)
            _add_private(derived, making)
    except PictureError:
        raise
    except Exception as exc:  # pydicom converts lazily and raises whatever a bad value gives
        said = " ".join(str(exc).split())[:160] or type(exc).__name__
        raise PictureError(f"an attribute of the object cannot be carried over: {said}; mend it at its source") from exc
    return derived


def set_pixels(dataset: Any, header: PixelHeader, frames: Sequence[Levels], originals: Sequence[Levels]) -> None:
    """Put pixels into a dataset, uncompressed, with the attributes that describe them (PS3.3 C.7.6.3)."""
    stored = header.stored
    if stored is None:
        values = [np.ascontiguousarray(frame) for frame in frames]
        dataset.PhotometricInterpretation, dataset.SamplesPerPixel, dataset.PlanarConfiguration = "RGB", 3, 0
        dataset.PixelRepresentation = 0
    else:
        values = [stored.from_levels(frame, original) for frame, original in zip(frames, originals, strict=True)]
        dataset.PhotometricInterpretation, dataset.SamplesPerPixel = header.interpretation, 1
        dataset.PixelRepresentation = int(stored.signed)
        if "PlanarConfiguration" in dataset:
            del dataset.PlanarConfiguration
    dataset.Rows, dataset.Columns = values[0].shape[:2]
    dataset.BitsAllocated = 8 * values[0].dtype.itemsize
    dataset.BitsStored = header.bits
    dataset.HighBit = header.bits - 1
    data = b"".join(frame.tobytes() for frame in values)
    pixels = load_pydicom().DataElement(
        0x7FE00010, "OW" if dataset.BitsAllocated > 8 else "OB", data + b"\0" * (len(data) % 2)
    )
    dataset.add(pixels)


def _identify(derived: Any, source: Any, making: Making) -> None:
    """The instance, its series, and what kind of image it is."""
    derived.SOPInstanceUID, derived.SeriesInstanceUID = making.new_uid(), making.series
    number = source.get("SeriesNumber")
    derived.SeriesNumber = 9000 + (int(number) % 1000 if number not in (None, "") else 0)
    description = f"{source.get('SeriesDescription') or ''} enhanced".strip()
    derived.SeriesDescription = description[-64:]
    day, moment = making.now.strftime("%Y%m%d"), making.now.strftime("%H%M%S.%f")
    derived.InstanceCreationDate, derived.InstanceCreationTime = day, moment
    derived.SeriesDate, derived.SeriesTime = day, moment
    kinds = _image_type(source.get("ImageType"), str(source.get("SOPClassUID", "")), inline=making.inline)
    derived.ImageType = kinds
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        if keyword in derived:
            derived[keyword] = copy.deepcopy(derived[keyword])
            _mark_frames(derived[keyword].value, kinds[0])


def _image_type(values: Any, sop_class: str, *, inline: bool) -> list[str]:
    """Image Type (PS3.3 C.7.6.1.1.2): the first two values are ours, the others say what they said."""
    given = [values] if isinstance(values, str) else list(values or [])
    rest = given[2:]
    if not rest and sop_class in NO_THIRD_VALUE:
        rest = [""]
    return ["DERIVED", "PRIMARY" if inline else "SECONDARY", *rest]


def _mark_frames(groups: Any, first: str) -> None:
    """Frame Type of enhanced multi-frame objects: its first value says the same as that of Image Type."""
    for group in groups:
        for element in group:
            if element.keyword.endswith("FrameTypeSequence"):
                for item in element.value:
                    if "FrameType" in item:
                        item.FrameType = [first, *list(item.FrameType)[1:]]


def _describe(derived: Any, source: Any, making: Making, frame: int | None) -> None:
    """Where it comes from, who made it, and what was lost before (never reset)."""
    derived.DerivationDescription = making.description()
    origin = source_image(str(source.SOPClassUID), str(source.SOPInstanceUID), frame)
    derived.SourceImageSequence = [*(source.get("SourceImageSequence") or []), origin]
    equipment = processing_equipment(making.model, __version__, "Image enhancement for viewing", making.now)
    derived.ContributingEquipmentSequence = [*(source.get("ContributingEquipmentSequence") or []), equipment]
    syntax = str(getattr(source.file_meta, "TransferSyntaxUID", ""))
    if syntax in LOSSY_SYNTAXES[:3] or (syntax == LOSSY_SYNTAXES[3] and "LossyImageCompression" not in source):
        derived.LossyImageCompression = "01"


def _clean(derived: Any) -> None:
    """Take out what is no longer true: signatures, icons, extreme values, palettes, overlays within the pixels."""
    for keyword in (*STALE, *PALETTE):
        if keyword in derived:
            del derived[keyword]
    for group in range(0x6000, 0x6020, 2):
        if (group, 0x0010) in derived and (group, 0x3000) not in derived:
            raise PictureError(
                f"an overlay lies within the pixels (group {group:04X}, retired in 2004) and would be lost: "
                "take it out first"
            )


def _add_private(derived: Any, making: Making) -> None:
    """What made the pixels, for machines."""
    made = making.provenance
    block = derived.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    for number, value in enumerate(
        (making.model, made.bundle_sha256, made.engine_sha256, made.backend, made.provider, made.precision), start=1
    ):
        block.add_new(number, "LO", value[:64])
    block.add_new(7, "DS", f"{made.strength:g}"[:16])
    block.add_new(8, "LO", __version__)


def _refuse_swapped_words(source: Any) -> None:
    """Words of a big-endian object that pydicom keeps as bytes would be swapped; its pixels are decoded and are not."""
    if str(getattr(source.file_meta, "TransferSyntaxUID", "")) != "1.2.840.10008.1.2.2":
        return
    words = [element for element in source.iterall() if element.VR == "OW" and element.keyword != "PixelData"]
    palette_only = all(element.keyword in PALETTE for element in words)
    if not palette_only:
        raise PictureError(f"a big-endian object with {words[0].keyword} is not taken: convert it with `dcmconv +te`")
