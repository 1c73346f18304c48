r"""Split one folder of pictures into a low and a high domain by brightness and yellowness, and hold subjects back.

    edgeenh dataset split PICTURES --out DIR --subject 'Voluntario(\d+)' --hold-out 7,10
    python -m edgeenh_train.domains PICTURES --out DIR --subject 'Voluntario(\d+)' --hold-out 7,10

A picture's score is its mean lightness L* minus 0.8 times its mean b* (CIE 1976): dim and yellow pictures score low. Of the
subjects that are not held back, the lower half becomes `low` and the upper third `high`; what lies between is left out, since it
would blur both. Held-back subjects go whole to `held-out`: pictures of one person never stand on both sides.

Subfolders are read too; the subject is looked for in a file's path within the folder, and copies are named after that path, with
`-` between its parts. Pictures that cannot be used are left out and named; more than 5 % of them stop the command.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.cli.output import exit_code_of, remark, say
from edgeenh.errors import InputError, PictureError, UsageError
from edgeenh.files import make_folder, write_bytes
from edgeenh_train.data.folder import picture_files, refuse_many
from edgeenh_train.data.reading import Picture, as_uint8, read_any

YELLOW_WEIGHT = 0.8
LOW_SHARE = 1 / 2
HIGH_SHARE = 1 / 3


def lab(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [H,W,3] sRGB to float32 [H,W,3] CIE L*a*b* (D65): L* 0…100, a* and b* in their own units."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Look:
    """What decides where a picture goes.

    Attributes:
        score: As `score` has it.
        digest: SHA-256 of the decoded pixels, so that a copy in another format or with other metadata is known as one.
    """

    score: float
    digest: str


def score(path: Path) -> float:
    """Mean L* (0…100) minus 0.8 · mean b* of a picture; higher is brighter and less yellow. Grey counts as R = G = B.

    Raises:
        PictureError: It cannot be read as RGB or grey of 8 or 16 bit.
    """
    return _score(read_any(path))


def _score(picture: Picture) -> float:
    image = as_uint8(picture)
    small = cv2.resize(image, (160, max(1, round(160 * image.shape[0] / image.shape[1]))), interpolation=cv2.INTER_AREA)
    colour = lab(np.asarray(small if small.ndim == 3 else cv2.merge([small] * 3), dtype=np.uint8))
    return float(colour[..., 0].mean() - YELLOW_WEIGHT * colour[..., 2].mean())


def looks_of(
    folder: Path, files: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> tuple[dict[Path, Look], list[str]]:
    """Look at every file of a folder; `progress` is called with files done and files in all.

    Returns:
        The looks, and a line for every picture that cannot be used.

    Raises:
        InputError: More than 5 % cannot be used.
    """
    looks: dict[Path, Look] = {}
    left_out: list[str] = []
    for done, file in enumerate(files, start=1):
        try:
            image = read_any(file)
            digest = hashlib.sha256(repr((image.shape, image.dtype.str)).encode() + image.tobytes()).hexdigest()
            looks[file] = Look(_score(image), digest)
        except PictureError as exc:
            left_out.append(str(exc))
        if progress is not None:
            progress(done, len(files))
    refuse_many(folder, left_out, len(files))
    return looks, left_out


def split(pictures: Path, out: Path, *, subject: str, hold_out: frozenset[str]) -> tuple[dict[str, int], list[str]]:
    """Copy the pictures into `out/low`, `out/high` and `out/held-out`.

    Args:
        pictures: Folder of pictures, with subfolders.
        out: Folder to fill.
        subject: Regular expression whose first group finds the subject in a file's path within `pictures`.
        hold_out: Subjects to hold back.

    Returns:
        Number of pictures per folder, and a line for every picture left out because it cannot be used.

    Raises:
        UsageError: `out` lies in `pictures`, or a folder holds other files already.
        InputError: A file name without a subject, a subject to hold back that has no picture, a picture of a held-back subject and
            of another one, too few pictures, or more than 5 % that cannot be used.
    """
    refuse_inside(out, pictures)
    found = subjects_of(pictures, subject, hold_out)
    looks, left_out = looks_of(pictures, list(found))
    subjects = {file: found[file] for file in looks}
    refuse_shared(subjects, hold_out, looks)
    parts = parts_by_quality(subjects, hold_out, looks)
    copy_parts(out, parts, pictures)
    return {name: len(members) for name, members in parts.items()}, left_out


def subjects_of(pictures: Path, pattern: str, hold_out: Collection[str]) -> dict[Path, str]:
    """Every picture in a folder and its subfolders, sorted, and whom it shows.

    Raises:
        InputError: The folder or a picture is missing, a name tells no subject, two copies would have one name, or nothing shows a
            subject to hold back.
    """
    files = picture_files(pictures)
    subjects = {file: _subject_of(file.relative_to(pictures).as_posix(), pattern) for file in files}
    absent = sorted(set(hold_out) - set(subjects.values()))
    if absent:
        raise InputError(
            f"{pictures} has no picture of {', '.join(absent)}, to be held back; expected some of {', '.join(sorted(set(subjects.values())))}"
        )
    names: dict[str, Path] = {}
    for file in files:
        other = names.setdefault(flat_name(file, pictures), file)
        if other is not file:
            raise InputError(f"{other} and {file} would both become {flat_name(file, pictures)}: rename one of them")
    return subjects


def flat_name(file: Path, root: Path) -> str:
    """The name of a copy: the path within `root`, with `-` between its parts."""
    return "-".join(file.relative_to(root).parts)


def refuse_shared(subjects: Mapping[Path, str], hold_out: Collection[str], looks: Mapping[Path, Look]) -> None:
    """Refuse a picture on both sides of a test.

    Raises:
        InputError: A held-back subject and another one share a picture.
    """
    held = {looks[file].digest: file for file in subjects if subjects[file] in hold_out}
    for file, subject in subjects.items():
        if subject not in hold_out and looks[file].digest in held:
            raise InputError(
                f"{file.name} is the same picture as {held[looks[file].digest].name}, whose subject is held back; "
                "expected no picture on both sides: remove one of them, or hold back both subjects"
            )


def parts_by_quality(
    subjects: Mapping[Path, str], hold_out: Collection[str], looks: Mapping[Path, Look]
) -> dict[str, list[Path]]:
    """The files of `low`, `high` and `held-out`, as this module's docstring says.

    Raises:
        InputError: There are too few pictures.
    """
    ranked = sorted((f for f in subjects if subjects[f] not in hold_out), key=lambda file: looks[file].score)
    lows, highs = int(len(ranked) * LOW_SHARE), int(len(ranked) * HIGH_SHARE)
    if highs < 2:
        raise InputError(
            f"{len(ranked)} pictures are left to split after holding subjects back; expected at least 6: add pictures"
        )
    return {
        "low": ranked[:lows],
        "high": ranked[-highs:],
        "held-out": [f for f in subjects if subjects[f] in hold_out],
    }


def copy_parts(out: Path, parts: Mapping[str, Sequence[Path]], root: Path) -> None:
    """Copy each part's files, unchanged, into its folder under `out`, named by `flat_name`.

    Raises:
        UsageError: A folder holds other files already: a domain would be of two splits.
        OutputFailed: The disk is full.
    """
    for name, members in parts.items():
        refuse_strangers(out / name, {flat_name(file, root) for file in members})
    for name, members in parts.items():
        make_folder(out / name)
        for file in members:
            write_bytes(out / name / flat_name(file, root), file.read_bytes())


def refuse_inside(out: Path, pictures: Path) -> None:
    """Raise `UsageError` where `out` is `pictures` or lies in it: the next run would read this one's results."""
    if pictures.resolve() in (out.resolve(), *out.resolve().parents):
        raise UsageError(f"--out {out} lies in {pictures}, whose subfolders are read: choose a folder beside it")


def refuse_strangers(folder: Path, names: Collection[str]) -> None:
    """Raise `UsageError` where `folder` holds a file that is not one of `names`."""
    strangers = sorted(f.name for f in folder.iterdir() if f.name not in names) if folder.is_dir() else []
    if strangers:
        raise UsageError(
            f"{folder} already holds {len(strangers)} other file(s), such as {strangers[0]}; "
            "expected an empty folder or the result of the same command: choose another --out"
        )


def _subject_of(name: str, pattern: str) -> str:
    try:
        match = re.search(pattern, name)
        found = match.group(1) if match else None
    except (re.error, IndexError) as exc:
        raise UsageError(
            f"--subject '{pattern}' is not a regular expression with one group ({exc}); expected e.g. 'patient(\\d+)'"
        ) from exc
    if found is None:
        raise InputError(f"{name} does not match --subject '{pattern}'; every file name must tell whom it shows")
    return found


def main(argv: list[str] | None = None) -> int:
    """The command line above; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m edgeenh_train.domains",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--subject", required=True, help="regular expression; its first group is the subject")
    parser.add_argument("--hold-out", default="", help="subjects to hold back, with commas")
    options = parser.parse_args(argv)
    return exit_code_of(lambda: _split_and_say(options))


def _split_and_say(options: argparse.Namespace) -> None:
    held = frozenset(filter(None, options.hold_out.split(",")))
    counts, left_out = split(options.pictures, options.out, subject=options.subject, hold_out=held)
    for line in left_out:
        remark(f"left out: {line}")
    say(", ".join(f"{options.out / name}: {count}" for name, count in counts.items()))


if __name__ == "__main__":
    sys.exit(main())
