"""Sets of pictures to judge on: an input and, where there is one, its truth.

    SET/input/a.jpg     SET/truth/a.png      as `edgeenh dataset degrade` writes them, with an optional SET/draws.json
    SET/input/a.tif     SET/expertC/a.tif    MIT-Adobe FiveK
    SET/a.jpg           –                    pictures without a truth: only measures that need none

Names on both sides must be the same up to the suffix. Everything is checked before anything is judged: a picture that cannot be
used, or whose truth cannot, is left out and named, more than 5 % of them stop the command, and so do two that do not fit.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeenh.errors import InputError, PictureError
from edgeenh.picture_headers import MalformedPictureError, read_header
from edgeenh_train.data.folder import picture_files, refuse_many
from edgeenh_train.data.reading import Picture, at_full_scale, read_any

INPUT = "input"
TRUTHS = ("truth", "expertC")
DRAWS = "draws.json"
_NAMED = 5  # so many mismatches are named in a message; more would hide its end


class _UnusableError(PictureError):
    """A picture that cannot be used by itself, whatever its partner is."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One picture, and what it should become.

    Attributes:
        name: Path of the input within its folder.
        given: The input's file.
        truth: The truth's file; None where nobody knows it.
        size: Width and height in pixels, upright.
        sha256: Hex digests of the files, `input` and perhaps `truth`.
        draw: How the input was degraded, as `draws.json` says; None where it does not.
        bits: That the values of 16-bit grey files have; 0 = all of them.
    """

    name: str
    given: Path
    truth: Path | None
    size: tuple[int, int]
    sha256: dict[str, str]
    draw: Any = None
    bits: int = 0

    def read(self) -> tuple[Picture, Picture | None]:
        """Decode the input and the truth.

        Raises:
            PictureError: One is unreadable, or they are not alike after all.
        """
        given = at_full_scale(read_any(self.given), self.bits, str(self.given))
        truth = None if self.truth is None else at_full_scale(read_any(self.truth), self.bits, str(self.truth))
        if truth is not None and truth.shape != given.shape:
            raise PictureError(f"{self.given} is {list(given.shape)} and {self.truth} {list(truth.shape)}")
        return given, truth


@dataclass(frozen=True, slots=True)
class PairSet:
    """Pictures that are judged together: one table.

    Attributes:
        name: The folder's name.
        folder: Where it is.
        pairs: Sorted by name.
        found: Pictures in the folder; more than `pairs` where only some were taken, or some left out.
        left_out: A line for every picture that cannot be used.
    """

    name: str
    folder: Path
    pairs: tuple[Pair, ...]
    found: int
    left_out: tuple[str, ...] = ()

    @property
    def paired(self) -> bool:
        """Whether every picture has its truth."""
        return all(pair.truth is not None for pair in self.pairs)

    @property
    def sha256(self) -> str:
        """One hex digest of all names and files, to tell whether two reports judged the same pictures."""
        lines = [f"{pair.name} {' '.join(pair.sha256.values())}\n" for pair in self.pairs]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_set(folder: Path, max_pictures: int | None = None, bits: int = 0) -> PairSet:
    """Find and check a set of pictures.

    Args:
        folder: In one of the three forms above.
        max_pictures: Take so many at most, spread evenly over the sorted names.
        bits: That the values of 16-bit grey files have; 0 = all of them.

    Raises:
        InputError: It is no folder, holds no picture, a name stands on one side only, or more than 5 % cannot be used.
        PictureError: A picture is of another size or kind than its truth.
    """
    inputs, truths = _files(folder)
    keys = _spread(sorted(inputs), max_pictures)
    draws = _draws(folder / DRAWS)
    root = folder / INPUT if (folder / INPUT).is_dir() else folder
    pairs: list[Pair] = []
    left_out: list[str] = []
    for key in keys:
        try:
            pairs.append(replace(_pair(inputs[key], truths.get(key), root, draws), bits=bits))
        except _UnusableError as exc:
            left_out.append(str(exc))
    refuse_many(folder, left_out, len(keys))
    return PairSet(folder.resolve().name, folder, tuple(pairs), len(inputs), tuple(left_out))


def _files(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Inputs and truths by their name without suffix; no truths where the set has none."""
    sides = [folder / name for name in TRUTHS if (folder / name).is_dir()]
    if len(sides) > 1:
        raise InputError(f"{folder} holds both {' and '.join(TRUTHS)}: keep one of them, or give two sets")
    if not (folder / INPUT).is_dir():
        if sides:
            raise InputError(f"{folder} holds {sides[0].name}/ but no {INPUT}/: put the pictures to enhance there")
        return _by_stem(folder), {}
    inputs = _by_stem(folder / INPUT)
    if not sides:
        return inputs, {}
    truths = _by_stem(sides[0])
    alone = sorted(f"{INPUT}/{key}" for key in inputs.keys() - truths.keys())
    alone += sorted(f"{sides[0].name}/{key}" for key in truths.keys() - inputs.keys())
    if alone:
        more = f" and {len(alone) - _NAMED} more" if len(alone) > _NAMED else ""
        raise InputError(
            f"{folder}: {', '.join(alone[:_NAMED])}{more} without a partner of the same name; "
            f"every picture in {INPUT}/ needs one in {sides[0].name}/"
        )
    return inputs, truths


def _by_stem(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in picture_files(folder):
        key = file.relative_to(folder).with_suffix("").as_posix()
        if key in files:
            raise InputError(f"{files[key]} and {file} have the same name up to the suffix: rename one")
        files[key] = file
    return files


def _spread(keys: list[str], wanted: int | None) -> list[str]:
    if wanted is None or wanted >= len(keys):
        return keys
    return [keys[index] for index in np.unique(np.linspace(0, len(keys) - 1, wanted).round().astype(int))]


def _pair(given: Path, truth: Path | None, root: Path, draws: dict[str, Any]) -> Pair:
    name = given.relative_to(root).as_posix()
    digest, size, kind = _look(given)
    sha256 = {"input": digest}
    if truth is not None:
        sha256["truth"], other_size, other_kind = _look(truth)
        if other_size != size:
            found = f"{size[0]}×{size[1]} pixels and its truth {truth} {other_size[0]}×{other_size[1]}"
            raise PictureError(f"{given} is {found}; expected one size: export both alike")
        if other_kind != kind:
            raise PictureError(f"{given} is {kind} and its truth {truth} {other_kind}; expected one kind")
    return Pair(name, given, truth, size, sha256, draws.get(name))


def _look(path: Path) -> tuple[str, tuple[int, int], str]:
    """Digest, upright size and kind of a picture file, from its bytes and header; nothing is decoded."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise _UnusableError(f"{path} cannot be read ({exc.strerror}): give a picture that may be read") from exc
    try:
        header = read_header(data)
    except MalformedPictureError as exc:
        raise _UnusableError(f"{path} {exc}") from exc
    size = (header.width, header.height) if header.orientation < 5 else (header.height, header.width)
    kind = (
        f"{header.bits}-bit grey" if header.colour == "grey" else "colour"
    )  # colour is judged at 8 bit, whatever its own
    return hashlib.sha256(data).hexdigest(), size, kind


def _draws(path: Path) -> dict[str, Any]:
    """The draw of each picture by name, as `edgeenh dataset degrade` wrote it; empty where there is no such file."""
    try:
        document = json.loads(path.read_text("utf-8"))
        return {record["name"]: record["draw"] for record in document["pictures"]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise InputError(
            f"{path} is not what `edgeenh dataset degrade` writes ({type(exc).__name__}: {exc}): make the set again, or remove the file"
        ) from exc
