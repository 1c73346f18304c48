"""Datasets as DICOM files (PS3.10): explicit VR little-endian, uncompressed, with the meta information they need."""

from __future__ import annotations

import io
from typing import Any

from edgeenh.dicom.library import load_pydicom, quiet
from edgeenh.errors import PictureError

IMPLEMENTATION = "EDGEENH"
"""Implementation Version Name of what we write."""


def to_bytes(dataset: Any) -> bytes:
    """The content of a DICOM file; the dataset's own meta information is replaced.

    Args:
        dataset: A `pydicom.Dataset` with SOP Class and SOP Instance UID; only read.

    Raises:
        PictureError: A value cannot be written.
    """
    pydicom = load_pydicom()
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "")
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "")
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.ImplementationClassUID = pydicom.uid.PYDICOM_IMPLEMENTATION_UID
    meta.ImplementationVersionName = IMPLEMENTATION
    held = pydicom.Dataset(dataset)
    held.file_meta = meta
    buffer = io.BytesIO()
    try:
        with quiet():
            pydicom.dcmwrite(
                buffer,
                held,
                implicit_vr=False,
                little_endian=True,
                enforce_file_format=bool(meta.MediaStorageSOPClassUID),
            )
    except Exception as exc:  # pydicom converts lazily and raises whatever a bad value gives
        said = " ".join(str(exc).split())[:160] or type(exc).__name__
        raise PictureError(f"an attribute of the object cannot be written: {said}; mend it at its source") from exc
    return buffer.getvalue()
