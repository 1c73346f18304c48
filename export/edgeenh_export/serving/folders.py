"""Model folders as servers read them, `FOLDER/NAME/VERSION/…`, written so that no server ever sees half of one.

Everything is staged beside the place where it goes, on the same disk, and moved there by one rename per model; when a
later rename fails, the earlier ones are undone. An existing version is never touched: a next one is added, as long as
it takes and gives the same as the one before it, for what stands beside the versions (`config.pbtxt`) stays as it is.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeenh.errors import UsageError
from edgeenh.files import alone_in, make_folder, read_once, translate_write_error

ABOUT = "edgeenh.json"
"""In each version's folder: what it was made from. Servers ignore it."""

_MOST_ABOUT = 1 << 20


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model as a server reads it.

    Attributes:
        name: Its folder.
        contract: What it takes and gives, as JSON values; the same for all versions in one folder.
        about: What this version was made from, as JSON values.
        shared: Files beside the version folders, by relative path; written with the first version only.
        files: Files of the version folder, by name.
    """

    name: str
    contract: Mapping[str, Any]
    about: Mapping[str, Any]
    shared: Mapping[str, bytes]
    files: Mapping[str, bytes]

    @property
    def document(self) -> bytes:
        """The content of `ABOUT`."""
        whole = {**self.about, "contract": self.contract}
        return (json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Written:
    """Where a model lies now; `added` is False when exactly this version lay there already."""

    name: str
    version: int
    path: Path
    added: bool


def check_folder(folder: Path, option: str) -> None:
    """Prove before the work that models can be written below `folder`; makes nothing that was not there.

    Raises:
        UsageError, OutputFailed: It is a file, may not be written to, or the disk is full.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{option} {folder} is a file: name a folder")
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    make_folder(existing)


def write_models(folder: Path, models: Sequence[ServedModel]) -> list[Written]:
    """Write all of `models` below `folder`, or none of them.

    Raises:
        UsageError: A folder of that name is not ours, holds a model that takes or gives something else, or the place may not
            be written to.
        OutputFailed: The disk is full.
    """
    made = not folder.exists()
    with alone_in(folder):
        try:
            plans = [(model, _next_version(folder, model)) for model in models]
            with _stage_beside(folder) as stage:
                for model, version in plans:
                    if version.added:
                        _stage(stage, model, version)
                _move(stage, folder, [version for _, version in plans if version.added])
        except OSError as exc:
            raise translate_write_error(folder, exc) from exc
        finally:
            if made:
                with suppress(OSError):
                    folder.rmdir()  # empty again: nothing was written
    return [version for _, version in plans]


def _next_version(folder: Path, model: ServedModel) -> Written:
    """The version that `model` becomes: 1, the next one, or the one that it is already."""
    place = folder / model.name
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise UsageError(f"{place} exists and is not a folder: choose another place, nothing is overwritten")
    if not place.exists():
        return Written(model.name, 1, place / "1", added=True)
    versions = sorted(int(path.name) for path in place.iterdir() if path.name.isascii() and path.name.isdigit())
    newest = versions[-1] if versions else 0
    document = _about(place / str(newest)) if newest else None
    if document is None:
        raise UsageError(f"{place} was not written by edgeenh (no {ABOUT} in its newest version): choose another place")
    if document == model.document:
        return Written(model.name, newest, place / str(newest), added=False)
    before = contract_of(document, place)
    wanted = json.loads(json.dumps(model.contract))
    if before != wanted:
        names = sorted(name for name in {*before, *wanted} if before.get(name) != wanted.get(name))
        raise UsageError(
            f"{place} serves a model of another {' and '.join(names)} ({_values(before, names)}, this one {_values(wanted, names)}), "
            "which a new version may not change: choose another place, or move that folder away"
        )
    return Written(model.name, newest + 1, place / str(newest + 1), added=True)


def _about(version: Path) -> bytes | None:
    try:
        return read_once(version / ABOUT, _MOST_ABOUT, follow=False)[0]
    except OSError:
        return None


def contract_of(document: bytes, place: Path) -> dict[str, Any]:
    """The contract in the content of an `ABOUT` that was found at `place`.

    Raises:
        UsageError: There is none in it.
    """
    try:
        contract = json.loads(document.decode("utf-8"))["contract"]
    except (ValueError, KeyError, TypeError, RecursionError):
        contract = None
    if not isinstance(contract, dict):
        raise UsageError(f"{place} holds a damaged {ABOUT}: choose another place, or move that folder away")
    return contract


def _values(contract: Mapping[str, Any], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {json.dumps(contract.get(name))}" for name in names)


@contextmanager
def _stage_beside(folder: Path) -> Iterator[Path]:
    """A hidden folder on the disk of `folder`; beside it where that is possible, so that no server polls it."""
    parent = folder.absolute().parent
    same_disk = parent.stat().st_dev == folder.stat().st_dev and os.access(parent, os.W_OK)
    stage = (parent if same_disk else folder) / f".{folder.name}.{secrets.token_hex(6)}.part"
    stage.mkdir()
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _stage(stage: Path, model: ServedModel, version: Written) -> None:
    place = stage / model.name
    inside = {f"{version.version}/{name}": data for name, data in {**model.files, ABOUT: model.document}.items()}
    for name, data in {**model.shared, **inside}.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _move(stage: Path, folder: Path, versions: Sequence[Written]) -> None:
    """Put what is staged in its place: a new model as a whole, a next version beside the others."""
    moved: list[tuple[Path, Path]] = []
    try:
        for version in versions:
            new = not (folder / version.name).exists()
            name = version.name if new else f"{version.name}/{version.version}"
            (stage / name).rename(folder / name)
            moved.append((stage / name, folder / name))
    except BaseException:
        for staged, final in reversed(moved):
            with suppress(OSError):
                final.rename(staged)
        raise
