"""Which files are DICOM, told without any library."""

from __future__ import annotations

from pathlib import Path

from edgeenh.errors import SourceError

DICOM_SUFFIXES = (".dcm", ".dicom")
"""Suffixes of files in a folder that are taken for DICOM; reading itself goes by the content."""


def is_dicom(data: bytes) -> bool:
    """True when a file begins as PS3.10 says."""
    return data[128:132] == b"DICM"


def dicom_files_in(folder: Path) -> list[Path]:
    """The DICOM files directly in `folder`, by suffix, sorted by name; hidden files are left out.

    Raises:
        SourceError: The folder cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if is_dicom_name(path)]
    except OSError as exc:
        raise SourceError(f"{folder} cannot be read ({exc.strerror or exc}): give a folder that you may read") from exc
    return sorted(found)


def is_dicom_name(path: Path) -> bool:
    """True for a file with a suffix of DICOM that is not hidden."""
    return path.suffix.lower() in DICOM_SUFFIXES and not path.name.startswith(".") and not path.is_dir()


def is_dicom_file(path: Path) -> bool:
    """True for a plain file that begins as PS3.10 says, whatever its name."""
    try:
        with path.open("rb") as file:
            return path.is_file() and is_dicom(file.read(132))
    except OSError:
        return False
