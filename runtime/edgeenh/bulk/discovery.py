"""Which files a user means, and where each result goes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeenh.dicom.names import DICOM_SUFFIXES, is_dicom_file, is_dicom_name
from edgeenh.errors import SourceError, UsageError
from edgeenh.pictures import PICTURE_SUFFIXES
from edgeenh.sources.pictures import is_pattern, is_picture, pictures_matching

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm")


@dataclass(frozen=True, slots=True)
class Item:
    """One file to enhance.

    Attributes:
        source: The file.
        target: Where its result goes, in the folder of results: `.dcm` for DICOM, `.png` for pictures.
        dicom: It is a DICOM file.
    """

    source: Path
    target: Path
    dicom: bool


def expand(text: str) -> list[tuple[Path, Path]]:
    """The files that one INPUT names, each with its place below the folder of results, sorted.

    A folder is searched with all folders in it, and they are kept; hidden files and folders are left out. What is
    named by itself is taken, whatever its name.

    Raises:
        SourceError: It names none.
    """
    path = Path(text)
    if path.is_dir():
        found = [(file, file.relative_to(path)) for file in _walk(path)]
    elif is_pattern(path):
        files = pictures_matching(text, also=is_dicom_name)
        found = [(file, Path(file.name)) for file in files]
    elif path.suffix.lower() in VIDEO_SUFFIXES:
        raise SourceError(
            f"{text} is a video, expected pictures: use `edgeenh run {shlex.quote(text)} --out enhanced.mp4`"
        )
    else:
        return [(path, Path(path.name))]
    if not found:
        suffixes = ", ".join((*PICTURE_SUFFIXES, *DICOM_SUFFIXES))
        raise SourceError(f"{text} holds no picture, expected files ending in {suffixes}: give another place")
    return found


def _walk(folder: Path) -> Iterator[Path]:
    """The pictures and DICOM files in a folder and in those within it; links to folders are not followed."""

    def refuse(error: OSError) -> None:
        raise SourceError(f"{error.filename} cannot be read ({error.strerror}): give a folder that you may read")

    for name, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(inner for inner in folders if not inner.startswith("."))
        for file in sorted(files):
            path = Path(name) / file
            if is_picture(path) or is_dicom_name(path):
                yield path


def plan(found: list[tuple[Path, Path]], out: Path) -> list[Item]:
    """Where each file's result goes.

    Raises:
        UsageError: Two would get the same place, or one would take the place of an input.
    """
    taken: dict[Path, Path] = {}
    originals = {source.resolve() for source, _ in found}
    items = []
    for source, place in found:
        dicom = is_dicom_name(source) or (not is_picture(source) and is_dicom_file(source))
        target = out / place.with_name(f"{place.stem}{'.dcm' if dicom else '.png'}")
        if target in taken:
            raise UsageError(
                f"{taken[target]} and {source} would both be written to {target}: enhance them into two folders"
            )
        if target.resolve() in originals:
            raise UsageError(f"{target} is one of the inputs: choose another --out, originals are not overwritten")
        taken[target] = source
        items.append(Item(source, target, dicom))
    return items
