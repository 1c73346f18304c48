"""Objects for frames that came without one: the original picture as a camera or sensor took it.

A derived image must name the image that it was derived from, so the original is written too. Which kind of object:

    sc   Secondary Capture                   nothing is claimed about the device (the default)
    xc   VL Photographic                     colour: an intraoral camera, a photograph
    es   VL Endoscopic                       colour: an endoscope
    io   Digital Intra-Oral X-Ray, For Presentation
    dx   Digital X-Ray, For Presentation     both need spacing, region and orientation: nobody can guess them
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from edgeenh.dicom.context import EMPTY
from edgeenh.dicom.derived import set_pixels
from edgeenh.dicom.header import PixelHeader
from edgeenh.dicom.library import load_pydicom
from edgeenh.dicom.stored import Stored
from edgeenh.errors import UsageError
from edgeenh.pixels import GREY, RGB

if TYPE_CHECKING:
    from edgeenh.pixels import Levels


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """One kind of object.

    Attributes:
        uid: SOP Class UID.
        modality: Modality (0008,0060).
        photometrics: What pictures it takes.
        most_bits: Most bits per value.
        needs: What the context must give.
    """

    uid: str
    modality: str
    photometrics: tuple[str, ...]
    most_bits: int
    needs: tuple[str, ...] = ()


_ROOT = "1.2.840.10008.5.1.4.1.1."
_X_RAY = ("ImagerPixelSpacing", "AnatomicRegionSequence", "PatientOrientation", "ImageLaterality")
KINDS = {
    "sc": ObjectKind(f"{_ROOT}7", "OT", (RGB.photometric, GREY.photometric), 16),
    "xc": ObjectKind(f"{_ROOT}77.1.4", "XC", (RGB.photometric,), 8),
    "es": ObjectKind(f"{_ROOT}77.1.1", "ES", (RGB.photometric,), 8),
    "io": ObjectKind(f"{_ROOT}1.3", "IO", (GREY.photometric,), 16, _X_RAY),
    "dx": ObjectKind(f"{_ROOT}1.1", "DX", (GREY.photometric,), 16, _X_RAY),
}


@dataclass(frozen=True, slots=True)
class Session:
    """What all objects of one run have in common.

    Attributes:
        kind: A key of `KINDS`.
        context: Attributes of patient and study (`edgeenh.dicom.context`); only read.
        study: Study Instance UID where the context has none.
        series: Series Instance UID of the originals.
        lossy: The frames were compressed with loss before they came (motion JPEG, H.264).
    """

    kind: str
    context: Any
    study: str
    series: str
    lossy: bool = False


def check_session(session: Session) -> None:
    """Raise `UsageError` unless objects of this kind can be made with this context."""
    if session.kind not in KINDS:
        raise UsageError(f"objects of the class {session.kind!r} are not made, expected {', '.join(KINDS)}")
    missing = [word for word in KINDS[session.kind].needs if session.context.get(word) in (None, "")]
    if missing:
        raise UsageError(
            f"objects of the class {session.kind} need {', '.join(missing)} in the context, which cannot be guessed: give "
            "context=FILE of the study, or class=sc"
        )


def header_of(image: Levels, photometric: str, bits: int) -> PixelHeader:
    """How a frame without an object is stored: grey as MONOCHROME2 with its own bits, colour as RGB."""
    height, width = image.shape[:2]
    grey = photometric == GREY.photometric
    stored = Stored(bits) if grey else None
    return PixelHeader(width, height, 1, photometric, "MONOCHROME2" if grey else "RGB", bits if grey else 8, stored)


def original_object(image: Levels, header: PixelHeader, session: Session, number: int, uid: str, now: datetime) -> Any:
    """The object of one frame as it came.

    Args:
        image: The frame, as `header` says; only read.
        header: See `header_of`.
        session: What it has in common with the others.
        number: Instance Number, from 1.
        uid: SOP Instance UID.
        now: Local time of acquisition.

    Returns:
        A new `pydicom.Dataset`.

    Raises:
        UsageError: The class does not take such a picture.
    """
    kind = KINDS[session.kind]
    if header.photometric not in kind.photometrics or header.bits > kind.most_bits:
        raise UsageError(
            f"the class {session.kind} does not take {header.photometric} of {header.bits} bits: choose another class"
        )
    dataset = load_pydicom().Dataset()
    for keyword in EMPTY:
        setattr(dataset, keyword, None)
    dataset.StudyInstanceUID = session.study
    dataset.StudyDate, dataset.StudyTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    for element in session.context:
        dataset.add(copy.copy(element))
    _identify(dataset, kind, session, number, uid, now)
    set_pixels(dataset, header, [image], [image])
    _EXTRA.get(session.kind, _vl)(dataset, header)
    return dataset


def _identify(dataset: Any, kind: ObjectKind, session: Session, number: int, uid: str, now: datetime) -> None:
    day, moment = now.strftime("%Y%m%d"), now.strftime("%H%M%S.%f")
    dataset.SOPClassUID, dataset.SOPInstanceUID = kind.uid, uid
    dataset.SeriesInstanceUID, dataset.SeriesNumber, dataset.InstanceNumber = session.series, 1, number
    dataset.Modality = kind.modality
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""] if session.kind in ("io", "dx") else ["ORIGINAL", "PRIMARY"]
    dataset.InstanceCreationDate = dataset.ContentDate = dataset.AcquisitionDate = day
    dataset.InstanceCreationTime = dataset.ContentTime = dataset.AcquisitionTime = moment
    dataset.AcquisitionDateTime = now.strftime("%Y%m%d%H%M%S.%f")
    if "PatientOrientation" not in dataset:
        dataset.PatientOrientation = None
    if "ImageLaterality" in dataset:  # the two exclude each other (PS3.3 C.7.3.1)
        dataset.pop("Laterality", None)
    elif "Laterality" not in dataset:
        dataset.Laterality = None
    dataset.LossyImageCompression = "01" if session.lossy else "00"
    dataset.BurnedInAnnotation = "NO"


def _secondary_capture(dataset: Any, header: PixelHeader) -> None:
    """PS3.3 C.8.6.1."""
    dataset.ConversionType = "DI"
    if header.stored is not None:
        _identity_mapping(dataset)


def _vl(dataset: Any, header: PixelHeader) -> None:  # noqa: ARG001 (one form for all)
    """PS3.3 C.8.12.1; the acquisition context is empty (type 2)."""
    dataset.AcquisitionContextSequence = []


def _x_ray(dataset: Any, header: PixelHeader) -> None:
    """PS3.3 C.8.11.1 to C.8.11.4: what a sensor for presentation must say; unknown values of type 2 are empty."""
    _identity_mapping(dataset)
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LIN", 1
    dataset.AcquisitionContextSequence = []
    if "DetectorType" not in dataset:
        dataset.DetectorType = None
    if "PositionerType" not in dataset:
        dataset.PositionerType = "NONE"
    center = 1 << (header.bits - 1)
    dataset.WindowCenter, dataset.WindowWidth = center, 2 * center


def _identity_mapping(dataset: Any) -> None:
    """Stored values are what is shown."""
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.PresentationLUTShape = "IDENTITY"


_EXTRA = {"sc": _secondary_capture, "io": _x_ray, "dx": _x_ray}
