"""`edgeenh dataset split`: one of the two ways to split, the copies, and `split.json` that says what was done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeenh.errors import UsageError
from edgeenh.files import write_text
from edgeenh_train.dataset.halves import halve
from edgeenh_train.domains import copy_parts, parts_by_quality, subjects_of

SCHEMA = "edgeenh.dataset.split/1"
SPLIT = "split.json"
WAYS = ("quality", "half")


def split(
    pictures: Path, out: Path, *, subject: str, hold_out: frozenset[str], by: str, seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Copy the pictures of a folder into one folder per part under `out`, and write `out/split.json`.

    Args:
        pictures: Folder of pictures; its subfolders are not read.
        out: Folder to fill.
        subject: Regular expression whose first group finds the subject in a file name.
        hold_out: Subjects to hold back.
        by: `quality` (see `edgeenh_train.domains`) or `half` (see `edgeenh_train.dataset.halves`).
        seed: Decides the halves; `quality` has no use for it.
        progress: Called with pictures judged and pictures in all.

    Returns:
        The document of `split.json`: the names of each part's files, and how they came there.

    Raises:
        UsageError: `by` or the expression is wrong, or a folder holds other files already.
        InputError: A name without a subject, an unreadable picture, too few pictures, or one picture on two sides.
        OutputFailed: The disk is full.
    """
    if by not in WAYS:
        raise UsageError(f"--by is {by!r}, expected {' or '.join(WAYS)}")
    subjects = subjects_of(pictures, subject, hold_out)
    document: dict[str, Any] = {"schema": SCHEMA, "by": by, "subject": subject, "hold_out": sorted(hold_out)}
    if by == "half":
        halves = halve(subjects, hold_out, seed, progress)
        parts = halves.parts
        document |= {"seed": seed, "threshold": halves.threshold, "left_out": halves.left_out}
    else:
        parts = parts_by_quality(subjects, hold_out, progress)
        document |= {"seed": None, "threshold": None, "left_out": len(subjects) - sum(map(len, parts.values()))}
    copy_parts(out, parts)
    document["parts"] = {name: sorted(file.name for file in members) for name, members in parts.items()}
    write_text(out / SPLIT, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return document
