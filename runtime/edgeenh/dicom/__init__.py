"""DICOM: reading pictures out of objects, and writing what was enhanced as derived images; extra `dicom`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeenh.dicom.names import DICOM_SUFFIXES, is_dicom

if TYPE_CHECKING:
    from edgeenh.dicom.reading import DicomImage, decode_dicom, read_dicom

__all__ = ["DICOM_SUFFIXES", "DicomImage", "decode_dicom", "is_dicom", "read_dicom"]


def __getattr__(name: str) -> Any:
    """What reads objects is imported when it is used: telling DICOM from pictures must stay light."""
    if name in ("DicomImage", "decode_dicom", "read_dicom"):
        from edgeenh.dicom import reading

        return getattr(reading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
