r"""Split one folder of pictures into a low and a high domain by brightness and yellowness, and hold subjects back.

    edgeenh dataset split PICTURES --out DIR --subject 'Voluntario(\d+)' --hold-out 7,10
    python -m edgeenh_train.domains PICTURES --out DIR --subject 'Voluntario(\d+)' --hold-out 7,10

A picture's score is its mean lightness L* minus 0.8 times its mean b* (CIE 1976): dim and yellow pictures score low. Of the
subjects that are not held back, the lower half becomes `low` and the upper third `high`; what lies between is left out, since it
would blur both. Held-back subjects go whole to `held-out`: pictures of one person never stand on both sides.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.cli.output import exit_code_of, say
from edgeenh.errors import InputError, UsageError
from edgeenh.files import make_folder, write_bytes
from edgeenh.pictures import PICTURE_SUFFIXES
from edgeenh_train.data.reading import as_uint8, read_any

YELLOW_WEIGHT = 0.8
LOW_SHARE = 1 / 2
HIGH_SHARE = 1 / 3


def lab(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [H,W,3] sRGB to float32 [H,W,3] CIE L*a*b* (D65): L* 0…100, a* and b* in their own units."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB), dtype=np.float32)


def score(path: Path) -> float:
    """Mean L* (0…100) minus 0.8 · mean b* of a picture; higher is brighter and less yellow. Grey counts as R = G = B.

    Raises:
        PictureError: It cannot be read as RGB or grey of 8 or 16 bit.
    """
    image = as_uint8(read_any(path))
    small = cv2.resize(image, (160, max(1, round(160 * image.shape[0] / image.shape[1]))), interpolation=cv2.INTER_AREA)
    colour = lab(np.asarray(small if small.ndim == 3 else cv2.merge([small] * 3), dtype=np.uint8))
    return float(colour[..., 0].mean() - YELLOW_WEIGHT * colour[..., 2].mean())


def scores_of(files: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> dict[Path, float]:
    """The score of every file; `progress` is called with files done and files in all."""
    scores: dict[Path, float] = {}
    for file in files:
        scores[file] = score(file)
        if progress is not None:
            progress(len(scores), len(files))
    return scores


def split(pictures: Path, out: Path, *, subject: str, hold_out: frozenset[str]) -> dict[str, int]:
    """Copy the pictures into `out/low`, `out/high` and `out/held-out`.

    Args:
        pictures: Folder of pictures.
        out: Folder to fill.
        subject: Regular expression whose first group finds the subject in a file name.
        hold_out: Subjects to hold back.

    Returns:
        Number of pictures per folder.

    Raises:
        InputError: A file name without a subject, a subject to hold back that has no picture, too few pictures, or folders that
            hold other files already.
    """
    parts = parts_by_quality(subjects_of(pictures, subject, hold_out), hold_out)
    copy_parts(out, parts)
    return {name: len(members) for name, members in parts.items()}


def subjects_of(pictures: Path, pattern: str, hold_out: Collection[str]) -> dict[Path, str]:
    """Every picture directly in a folder, sorted, and whom it shows.

    Raises:
        InputError: The folder or a picture is missing, a name tells no subject, or nothing shows a subject to hold back.
    """
    if not pictures.is_dir():
        raise InputError(f"{pictures} is not a folder; expected a folder of pictures")
    files = sorted(f for f in pictures.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES and f.is_file())
    if not files:
        raise InputError(f"{pictures} holds no picture; expected files ending in {', '.join(sorted(PICTURE_SUFFIXES))}")
    subjects = {file: _subject_of(file, pattern) for file in files}
    absent = sorted(set(hold_out) - set(subjects.values()))
    if absent:
        raise InputError(
            f"{pictures} has no picture of {', '.join(absent)}, to be held back; expected some of {', '.join(sorted(set(subjects.values())))}"
        )
    return subjects


def parts_by_quality(
    subjects: Mapping[Path, str], hold_out: Collection[str], progress: Callable[[int, int], None] | None = None
) -> dict[str, list[Path]]:
    """The files of `low`, `high` and `held-out`, as this module's docstring says.

    Raises:
        InputError: There are too few pictures.
    """
    scores = scores_of([f for f in subjects if subjects[f] not in hold_out], progress)
    ranked = sorted(scores, key=scores.__getitem__)
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


def copy_parts(out: Path, parts: Mapping[str, Sequence[Path]]) -> None:
    """Copy each part's files, unchanged, into its folder under `out`.

    Raises:
        UsageError: A folder holds other files already: a domain would be of two splits.
        OutputFailed: The disk is full.
    """
    for name, members in parts.items():
        refuse_strangers(out / name, {file.name for file in members})
    for name, members in parts.items():
        make_folder(out / name)
        for file in members:
            write_bytes(out / name / file.name, file.read_bytes())


def refuse_strangers(folder: Path, names: Collection[str]) -> None:
    """Raise `UsageError` where `folder` holds a file that is not one of `names`."""
    strangers = sorted(f.name for f in folder.iterdir() if f.name not in names) if folder.is_dir() else []
    if strangers:
        raise UsageError(
            f"{folder} already holds {len(strangers)} other file(s), such as {strangers[0]}; "
            "expected an empty folder or the result of the same command: choose another --out"
        )


def _subject_of(file: Path, pattern: str) -> str:
    try:
        match = re.search(pattern, file.name)
        found = match.group(1) if match else None
    except (re.error, IndexError) as exc:
        raise UsageError(
            f"--subject '{pattern}' is not a regular expression with one group ({exc}); expected e.g. 'patient(\\d+)'"
        ) from exc
    if found is None:
        raise InputError(f"{file.name} does not match --subject '{pattern}'; every file name must tell whom it shows")
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
    counts = split(options.pictures, options.out, subject=options.subject, hold_out=held)
    say(", ".join(f"{options.out / name}: {count}" for name, count in counts.items()))


if __name__ == "__main__":
    sys.exit(main())
