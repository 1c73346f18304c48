"""Finding the pairs of MIT-Adobe FiveK in the folders that people export it to.

Inputs are in `input`, `inputs`, `InputAsShotZeroed` or `raw`, the pictures of expert C in `expertC`, `C` or `tiff16_c`, upper or lower
case, under the same names up to the suffix; or as the collections of the Lightroom catalogue, `Inputs/InputAsShotZeroed` and
`Experts/C`. Both are rendered pictures (TIFF16, PNG, JPEG): the DNG files themselves need a raw developer. Colour profiles are not
applied, so the export must be in sRGB; the data set's own `tiff16_c` is in ProPhoto RGB until it is converted, and refused.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edgeenh.errors import InputError
from edgeenh_train.data.folder import picture_files

INPUTS = ("input", "inputs", "inputasshotzeroed", "raw")
EXPERTS = ("expertc", "c", "tiff16_c")
_CATALOGUE = {"inputs": "inputasshotzeroed", "experts": "c"}
"""The catalogue's folders, and the collection in each that is meant."""
_NAMED = 10  # so many missing partners are named in a message; more would hide its end


@dataclass(frozen=True, slots=True)
class Layout:
    """What was found.

    Attributes:
        input, expert: The two folders.
        pairs: (input, expert C) by name without suffix, sorted.
    """

    input: Path
    expert: Path
    pairs: dict[str, tuple[Path, Path]]

    def __str__(self) -> str:
        kinds = [Counter(pair[side].suffix.lower().lstrip(".") for pair in self.pairs.values()) for side in (0, 1)]
        words = [", ".join(f"{count} {kind}" for kind, count in sorted(kind.items())) for kind in kinds]
        return f"{self.input.name}/ ({words[0]}) and {self.expert.name}/ ({words[1]})"


def find_layout(folder: Path) -> Layout:
    """Find both folders and check that every picture has its partner.

    Raises:
        InputError: A folder is missing, found twice or empty; two pictures share a name; a picture has no partner.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected one that holds input/ and expertC/")
    given, expert = _only(folder, INPUTS, "input"), _only(folder, EXPERTS, "expertC")
    inputs, experts = _by_stem(given), _by_stem(expert)
    alone = sorted(f"{given.name}/{inputs[stem].name}" for stem in inputs.keys() - experts.keys())
    alone += sorted(f"{expert.name}/{experts[stem].name}" for stem in experts.keys() - inputs.keys())
    if alone:
        more = f" and {len(alone) - _NAMED} more" if len(alone) > _NAMED else ""
        raise InputError(
            f"{folder}: no partner of the same name for {', '.join(alone[:_NAMED])}{more}: "
            f"export {given.name}/ and {expert.name}/ alike, or remove these"
        )
    return Layout(given, expert, {stem: (inputs[stem], experts[stem]) for stem in sorted(inputs)})


def _only(folder: Path, names: tuple[str, ...], usual: str) -> Path:
    present = sorted(f for f in folder.iterdir() if f.is_dir())
    found = [f for f in map(_collection, present) if f.name.lower() in names]
    if len(found) != 1:
        held = (
            " and ".join(str(f.relative_to(folder)) for f in found) or ", ".join(f.name for f in present) or "no folder"
        )
        raise InputError(
            f"{folder} holds {held}, expected exactly one of {', '.join(names)} (upper or lower case): rename the folder to {usual}"
        )
    return found[0]


def _collection(folder: Path) -> Path:
    """The collection of the catalogue in this folder; the folder itself where it holds none."""
    wanted = _CATALOGUE.get(folder.name.lower())
    inside = [f for f in folder.iterdir() if f.is_dir() and f.name.lower() == wanted]
    return inside[0] if inside else folder


def _by_stem(folder: Path) -> dict[str, Path]:
    if any(f.suffix.lower() == ".dng" for f in folder.iterdir()):
        raise InputError(
            f"{folder} holds DNG files, expected rendered pictures (TIFF16, PNG or JPEG, sRGB): export them with Lightroom"
        )
    files: dict[str, Path] = {}
    for file in picture_files(folder):
        if file.stem in files:
            raise InputError(f"{files[file.stem]} and {file} have the same name up to the suffix: keep one of them")
        files[file.stem] = file
    return files
