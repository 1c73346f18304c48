"""Which files a user means, and where each result goes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeenh.bulk.ledger import LIST
from edgeenh.bulk.places import result_names
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


def expand(text: str, out: Path, left_out: list[tuple[str, SourceError]]) -> list[tuple[Path, Path]]:
    """The files that one INPUT names, each with its place below the folder of results, sorted.

    A folder is searched with all folders in it, and they are kept; hidden files and folders are left out. What is
    named by itself is taken, whatever its name. Results of this command are not enhanced once more: a folder in the folder
    that is `out`, or holds a list of results, is not searched.

    Args:
        text: A file, folder or glob.
        out: The folder of results.
        left_out: What in a folder cannot be searched or read is appended here, by name; the rest goes on.

    Raises:
        SourceError: It names none.
    """
    path = Path(text)
    if path.is_dir():
        found = [(file, file.relative_to(path)) for file in _walk(path, out, left_out)]
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


def _walk(root: Path, out: Path, left_out: list[tuple[str, SourceError]]) -> Iterator[Path]:
    """The pictures and DICOM files in a folder and in those within it; links to folders are not followed."""

    def note(error: OSError) -> None:
        reason = f"{error.filename} cannot be read ({error.strerror}): give files and folders that you may read"
        left_out.append((str(error.filename), SourceError(reason)))

    results = out.resolve()
    for name, folders, files in os.walk(root, onerror=note):
        here = Path(name)
        folders[:] = sorted(inner for inner in folders if not _is_hidden_or_results(here / inner, results))
        for path in map(here.joinpath, sorted(files)):
            try:
                if not (is_picture(path) or is_dicom_name(path)):
                    continue
                plain = path.is_file() or not path.exists()  # a broken link is told when it is read
            except OSError as exc:  # the folder may be listed and not entered
                note(exc)
                continue
            if plain:
                yield path
            else:  # opening a pipe would wait for ever
                reason = f"{path} is a pipe, socket or device, expected a plain file: move it away"
                left_out.append((str(path), SourceError(reason)))


def _is_hidden_or_results(folder: Path, results: Path) -> bool:
    if folder.name.startswith("."):
        return True
    try:
        return folder.resolve() == results or (folder / LIST).is_file()
    except OSError:
        return False  # it may not be entered: going there says so


def plan(found: list[tuple[Path, Path]], out: Path) -> list[Item]:
    """Where each file's result goes: see `edgeenh.bulk.places`.

    Raises:
        UsageError: Two files have one place, or a result would take the place of an input.
    """
    kinds = [
        ".dcm" if is_dicom_name(source) or (not is_picture(source) and is_dicom_file(source)) else ".png"
        for source, _ in found
    ]
    first: dict[Path, Path] = {}
    for source, place in found:
        if first.setdefault(place, source) != source:
            both = f"{first[place]} and {source} would both be written to {out / place.parent}"
            raise UsageError(f"{both} under one name: enhance them into two folders")
    names = result_names([place for _, place in found], kinds)
    originals = {source.resolve() for source, _ in found}
    items = []
    for (source, place), kind in zip(found, kinds, strict=True):
        target = out / names[place]
        if target.resolve() in originals:
            raise UsageError(f"{target} is one of the inputs: choose another --out, originals are not overwritten")
        items.append(Item(source, target, dicom=kind == ".dcm"))
    return items
