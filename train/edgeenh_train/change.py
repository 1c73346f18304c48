"""How much a checkpoint changes pictures, dim ones and good ones apart; the figures and the sheet of a model card.

    python -m edgeenh_train.change PICTURES [--checkpoint F.safetensors] [--sheet before-after.jpg] [--json F.json]

Pictures are ranked by `edgeenh_train.domains.score` and judged in thirds: the dim third should gain, the good third should
stay. There is no ground truth here, so nothing below says that a picture is better; that is for people to look at.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh.cli.output import exit_code_of, say
from edgeenh.errors import InputError
from edgeenh.files import write_text
from edgeenh.pictures import read_picture, write_picture
from edgeenh_train.checkpoint import SHIPPED, load_generator
from edgeenh_train.config import VIEW_MULTIPLE
from edgeenh_train.data.folder import picture_files
from edgeenh_train.domains import lab, score
from edgeenh_train.networks import Generator
from edgeenh_train.samples import enhance_array

WIDTH = 640
CELL = (300, 200)
CLIPPED = 254


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one picture; L* and b* are means over the picture (CIE 1976), the difference is mean ΔE*ab."""

    name: str
    lightness_before: float
    lightness_after: float
    yellow_before: float
    yellow_after: float
    difference: float
    clipped_before: float
    clipped_after: float


def change_of(name: str, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Change:
    """Compare a picture with its enhanced form, both uint8 [H,W,3] RGB of one size."""
    lab_before, lab_after = lab(before), lab(after)
    return Change(
        name,
        float(lab_before[..., 0].mean()),
        float(lab_after[..., 0].mean()),
        float(lab_before[..., 2].mean()),
        float(lab_after[..., 2].mean()),
        float(np.sqrt(((lab_before - lab_after) ** 2).sum(axis=-1)).mean()),
        float((before >= CLIPPED).mean()),
        float((after >= CLIPPED).mean()),
    )


def fitted(path: Path) -> NDArray[np.uint8]:
    """The picture at a width of `WIDTH` pixels, its height a multiple of what the generator takes."""
    image = read_picture(path)
    height = max(1, round(WIDTH * image.shape[0] / image.shape[1] / VIEW_MULTIPLE)) * VIEW_MULTIPLE
    method = cv2.INTER_AREA if image.shape[1] > WIDTH else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (WIDTH, height), interpolation=method), dtype=np.uint8)


def thirds(files: Sequence[Path]) -> dict[str, list[Path]]:
    """The files in three groups by their score, dim to good.

    Raises:
        InputError: There are fewer than three.
    """
    third = len(files) // 3
    if not third:
        raise InputError(f"{len(files)} picture(s) cannot be judged in thirds: give a folder of at least 3")
    ranked = sorted(files, key=score)
    return {"dim third": ranked[:third], "middle third": ranked[third:-third], "good third": ranked[-third:]}


def judge(generator: Generator, files: Sequence[Path]) -> list[Change]:
    """One `Change` per file, at the size of `fitted`."""
    changes = []
    for file in files:
        before = fitted(file)
        changes.append(change_of(file.name, before, enhance_array(generator, before)))
    return changes


def write_sheet(path: Path, generator: Generator, files: Sequence[Path], columns: int = 2) -> None:
    """A picture of pairs, each as it is and enhanced side by side, `columns` pairs in a row."""
    pairs = []
    for file in files:
        before = fitted(file)
        pair = [
            np.asarray(cv2.resize(p, CELL, interpolation=cv2.INTER_AREA))
            for p in (before, enhance_array(generator, before))
        ]
        pairs.append(np.pad(np.hstack(pair), ((3, 3), (6, 6), (0, 0)), constant_values=255))
    rows = [np.hstack(pairs[i : i + columns]) for i in range(0, len(pairs) - len(pairs) % columns, columns)]
    write_picture(path, np.ascontiguousarray(np.vstack(rows), dtype=np.uint8))


def summary(changes: Sequence[Change]) -> dict[str, float]:
    """Means over pictures of every figure, and the largest difference of one picture."""
    names = [name for name in asdict(changes[0]) if name != "name"]
    means = {name: float(np.mean([getattr(change, name) for change in changes])) for name in names}
    return {"pictures": len(changes), **means, "largest_difference": max(change.difference for change in changes)}


def main(argv: Sequence[str] | None = None) -> int:
    """The command line above; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m edgeenh_train.change", description="How much a checkpoint changes pictures."
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED)
    parser.add_argument("--sheet", type=Path, help="write a sheet of pairs: the four dimmest and the two best pictures")
    parser.add_argument("--json", type=Path, dest="json_file")
    options = parser.parse_args(argv)
    return exit_code_of(lambda: _judge_and_say(options))


def _judge_and_say(options: argparse.Namespace) -> None:
    generator, info = load_generator(options.checkpoint)
    groups = thirds(picture_files(options.pictures))
    figures = {name: summary(judge(generator, files)) for name, files in groups.items()}
    if options.sheet:
        write_sheet(options.sheet, generator, [*groups["dim third"][:4], *groups["good third"][-2:]])
    if options.json_file:
        write_text(options.json_file, json.dumps({"checkpoint_sha256": info.sha256, **figures}, indent=2) + "\n")
    for name, f in figures.items():
        say(
            f"{name:12} {f['pictures']:3} pictures  L* {f['lightness_before']:.1f} → {f['lightness_after']:.1f}  "
            f"b* {f['yellow_before']:.1f} → {f['yellow_after']:.1f}  ΔE*ab {f['difference']:.2f} (at most {f['largest_difference']:.2f})  "
            f"clipped {100 * f['clipped_before']:.1f} → {100 * f['clipped_after']:.1f} %"
        )


if __name__ == "__main__":
    sys.exit(main())
