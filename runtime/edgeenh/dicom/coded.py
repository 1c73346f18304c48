"""Items of sequences that name a thing by a code of DICOM's own vocabulary (PS3.16)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from edgeenh.dicom.library import load_pydicom

SOURCE_IMAGE = ("121322", "Source image for image processing operation")
"""CID 7202, Source Image Purposes of Reference."""
PROCESSING_EQUIPMENT = ("109102", "Processing Equipment")
"""CID 7005, Contributing Equipment Purposes of Reference."""


def code(value: str, meaning: str) -> Any:
    """An item of a code sequence, of the scheme DCM."""
    item = load_pydicom().Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def source_image(sop_class: str, sop_instance: str, frame: int | None = None) -> Any:
    """An item of Source Image Sequence (PS3.3 table C.12-… General Reference): pixel for pixel the same place.

    Args:
        sop_class, sop_instance: Of the source.
        frame: Which of its frames, from 1; None = all.
    """
    item = load_pydicom().Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
    if frame is not None:
        item.ReferencedFrameNumber = frame
    item.PurposeOfReferenceCodeSequence = [code(*SOURCE_IMAGE)]
    item.SpatialLocationsPreserved = "YES"
    return item


def processing_equipment(model: str, version: str, description: str, now: datetime) -> Any:
    """An item of Contributing Equipment Sequence (PS3.3 C.12.1, SOP Common)."""
    item = load_pydicom().Dataset()
    item.PurposeOfReferenceCodeSequence = [code(*PROCESSING_EQUIPMENT)]
    item.Manufacturer = "edgeenh"
    item.ManufacturerModelName = model
    item.SoftwareVersions = version
    item.ContributionDateTime = now.strftime("%Y%m%d%H%M%S.%f")
    item.ContributionDescription = description
    return item
