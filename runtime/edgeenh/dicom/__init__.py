"""DICOM: reading pictures out of objects, and writing what was enhanced as derived images; extra `dicom`."""

from __future__ import annotations

from edgeenh.dicom.reading import DICOM_SUFFIXES, DicomImage, decode_dicom, is_dicom, read_dicom

__all__ = ["DICOM_SUFFIXES", "DicomImage", "decode_dicom", "is_dicom", "read_dicom"]
