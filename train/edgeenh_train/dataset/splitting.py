"""`edgeenh dataset split`: one of the two ways to split, the copies, and `split.json` that says what was done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeenh.errors import UsageError
from edgeenh.files import write_text
from edgeenh_train.dataset.halves import halve
from edgeenh_train.domains import (
    copy_parts,
    flat_name,
    looks_of,
    parts_by_quality,
    refuse_inside,
    refuse_shared,
    subjects_of,
)

SCHEMA = "edgeenh.dataset.split/1"
SPLIT = "split.json"
WAYS = ("quality", "half")


def split(
    pictures: Path, out: Path, *, subject: str, hold_out: frozenset[str], by: str, seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Copy the pictures of a folder into one folder per part under `out`, and write `out/split.json`.

    Args:
        pictures: Folder of pictures, with subfolders.
        out: Folder to fill.
        subject: Regular expression whose first group finds the subject in a file's path within `pictures`.
        hold_out: Subjects to hold back.
        by: `quality` (see `edgeenh_train.domains`) or `half` (see `edgeenh_train.dataset.halves`).
        seed: Decides the halves; `quality` has no use for it.
        progress: Called with pictures judged and pictures in all.

    Returns:
        The document of `split.json`: the names of each part's files, and how they came there; `unreadable` has a line for every
        picture that cannot be used.

    Raises:
        UsageError: `by` or the expression is wrong, `out` lies in `pictures`, or a folder holds other files already.
        InputError: A name without a subject, too few pictures, one picture on two sides, or more than 5 % that cannot be used.
        OutputFailed: The disk is full.
    """
    if by not in WAYS:
        raise UsageError(f"--by is {by!r}, expected {' or '.join(WAYS)}")
    refuse_inside(out, pictures)
    found = subjects_of(pictures, subject, hold_out)
    looks, unreadable = looks_of(pictures, list(found), progress)
    subjects = {file: found[file] for file in looks}
    refuse_shared(subjects, hold_out, looks)
    document: dict[str, Any] = {"schema": SCHEMA, "by": by, "subject": subject, "hold_out": sorted(hold_out)}
    if by == "half":
        halves = halve(subjects, hold_out, seed, looks)
        parts = halves.parts
        document |= {"seed": seed, "threshold": halves.threshold, "left_out": halves.left_out}
    else:
        parts = parts_by_quality(subjects, hold_out, looks)
        document |= {"seed": None, "threshold": None, "left_out": len(subjects) - sum(map(len, parts.values()))}
    copy_parts(out, parts, pictures)
    document["unreadable"] = unreadable
    document["parts"] = {name: sorted(flat_name(file, pictures) for file in members) for name, members in parts.items()}
    write_text(out / SPLIT, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return document
