"""Whose picture it is: attributes of patient and study for objects that are made of frames without any.

A station takes them from its worklist or practice software and hands them over as a DICOM file (any object of that
study, pixels or not) or as DICOM JSON (PS3.18 F.2). Nothing is invented: what is not given stays empty.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from edgeenh.dicom.library import load_pydicom, quiet
from edgeenh.errors import PictureError, UsageError
from edgeenh.files import read_once

MAX_BYTES = 64 * 1024 * 1024

KEPT = (
    "SpecificCharacterSet", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientComments",
    "OtherPatientIDsSequence", "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber",
    "ReferringPhysicianName", "PhysiciansOfRecord", "InstitutionName", "InstitutionAddress", "StationName",
    "PerformingPhysicianName", "OperatorsName", "BodyPartExamined", "Laterality", "ImageLaterality", "PatientOrientation",
    "AnatomicRegionSequence", "PrimaryAnatomicStructureSequence", "Manufacturer", "ManufacturerModelName",
    "DeviceSerialNumber", "SoftwareVersions", "ImagerPixelSpacing", "PixelSpacing", "DetectorType", "DetectorConfiguration",
    "FrameOfReferenceUID", "PerformedProcedureStepID", "RequestAttributesSequence", "ReferencedPerformedProcedureStepSequence",
    "KVP", "ExposureTime", "XRayTubeCurrent", "Exposure", "ViewPosition", "ViewCodeSequence", "PositionerType",
)  # fmt: skip
"""Attributes that are taken over from the context."""

EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "ReferringPhysicianName",
    "Manufacturer",
)  # fmt: skip
"""Attributes of type 2: present, and empty where nobody knows them."""


def read_context(path: Path) -> Any:
    """The attributes of a context file.

    Returns:
        A new `pydicom.Dataset` with attributes of `KEPT` alone.

    Raises:
        UsageError: The file cannot be read, or is neither DICOM nor DICOM JSON.
        MissingExtra: pydicom is not installed.
    """
    from edgeenh.dicom.names import is_dicom
    from edgeenh.dicom.reading import parse

    pydicom = load_pydicom()
    try:
        data, state = read_once(path, MAX_BYTES)
        if state.st_size > MAX_BYTES:
            raise UsageError(f"{path} is larger than {MAX_BYTES >> 20} MiB, expected an object of the study")
        with quiet():
            given = parse(data, str(path)) if is_dicom(data) else pydicom.Dataset.from_json(_object(data))
            return _kept(given)
    except OSError as exc:
        raise UsageError(f"{path} cannot be read ({exc.strerror or exc}): give a file that may be read") from exc
    except UsageError:
        raise
    except (PictureError, Exception) as exc:  # pydicom raises whatever it meets in a damaged file
        said = " ".join(str(exc).split())[:160] or type(exc).__name__
        raise UsageError(f"{path} is no context, expected a DICOM file or DICOM JSON of the study: {said}") from exc


def empty_context() -> Any:
    """Nothing is known: a new, empty `pydicom.Dataset`."""
    return load_pydicom().Dataset()


def _object(data: bytes) -> dict[str, Any]:
    document = json.loads(data)
    if isinstance(document, list) and len(document) == 1:
        document = document[0]  # DICOMweb gives a list of objects
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")
    return document


def _kept(given: Any) -> Any:
    kept = load_pydicom().Dataset()
    for keyword in KEPT:
        if keyword in given:
            kept.add(copy.copy(given[keyword]))
    return kept
