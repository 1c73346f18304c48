r"""Split one folder of pictures into a low and a high domain by brightness and yellowness, and hold subjects back.

    python -m edgeenh_train.domains PICTURES --out DIR --subject 'Voluntario(\d+)' --hold-out 7,10

A picture's score is its mean lightness L* minus 0.8 times its mean b* (CIE 1976): dim and yellow pictures score low. Of the
subjects that are not held back, the lower half becomes `low` and the upper third `high`; what lies between is left out, since it
would blur both. Held-back subjects go whole to `held-out`: pictures of one person never stand on both sides.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.cli.output import exit_code_of, say
from edgeenh.errors import InputError
from edgeenh.files import make_folder
from edgeenh.pictures import PICTURE_SUFFIXES, read_picture

YELLOW_WEIGHT = 0.8
LOW_SHARE = 1 / 2
HIGH_SHARE = 1 / 3


def lab(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [H,W,3] sRGB to float32 [H,W,3] CIE L*a*b* (D65): L* 0…100, a* and b* in their own units."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB), dtype=np.float32)


def score(path: Path) -> float:
    """Mean L* (0…100) minus 0.8 · mean b* of a picture; higher is brighter and less yellow.

    Raises:
        PictureError: It cannot be read as 8-bit colour.
    """
    image = read_picture(path)
    small = cv2.resize(image, (160, max(1, round(160 * image.shape[0] / image.shape[1]))), interpolation=cv2.INTER_AREA)
    colour = lab(np.asarray(small, dtype=np.uint8))
    return float(colour[..., 0].mean() - YELLOW_WEIGHT * colour[..., 2].mean())


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
        InputError: A file name without a subject, or too few pictures.
    """
    files = sorted(f for f in pictures.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES)
    subjects = {file: _subject_of(file, subject) for file in files}
    ranked = sorted((f for f in files if subjects[f] not in hold_out), key=score)
    lows, highs = int(len(ranked) * LOW_SHARE), int(len(ranked) * HIGH_SHARE)
    if highs < 2:
        raise InputError(
            f"{pictures} leaves {len(ranked)} pictures to split after holding subjects back; expected at least 6"
        )
    parts = {
        "low": ranked[:lows],
        "high": ranked[-highs:],
        "held-out": [f for f in files if subjects[f] in hold_out],
    }
    for name, members in parts.items():
        folder = make_folder(out / name)
        for file in members:
            shutil.copyfile(file, folder / file.name)
    return {name: len(members) for name, members in parts.items()}


def _subject_of(file: Path, pattern: str) -> str:
    match = re.search(pattern, file.name)
    if match is None:
        raise InputError(f"{file.name} does not match --subject '{pattern}'; every file name must tell whom it shows")
    return match.group(1)


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
