"""Two domains of other scenes: a random half of each subject's good pictures is `high`, the other half `low`.

Both halves are good as they are; a camera model then degrades the `low` half (`edgeenh dataset degrade --inputs-only`), and a
trainer has unpaired domains that differ in nothing but the camera.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeenh.errors import InputError
from edgeenh_train.domains import Look

GOOD_SHARE = 0.5
LEAST = 2


@dataclass(frozen=True, slots=True)
class Halves:
    """The result.

    Attributes:
        parts: Files of `high`, `low`, `held-out` and `held-out-dim`, sorted by name.
        threshold: Least score of a good picture.
        left_out: Training pictures that are not good.
    """

    parts: dict[str, list[Path]]
    threshold: float
    left_out: int


def halve(subjects: Mapping[Path, str], hold_out: Collection[str], seed: int, looks: Mapping[Path, Look]) -> Halves:
    """Divide the pictures.

    Good are the upper half of the training pictures by score, and held-back pictures that reach the same score. Files that
    decode to the same picture stay on one side.

    Args:
        subjects: Files and whom they show.
        hold_out: Subjects to hold back: they go to `held-out` and, below the threshold, `held-out-dim`.
        seed: Decides the halves, subject by subject.
        looks: Score and digest of each file.

    Raises:
        InputError: Too few pictures.
    """
    digests = {file: looks[file].digest for file in subjects}
    scores = {file: looks[file].score for file in subjects}
    ranked = sorted((f for f in subjects if subjects[f] not in hold_out), key=lambda f: (scores[f], f.name))
    good = ranked[int(len(ranked) * (1 - GOOD_SHARE)) :]
    if not good:
        raise InputError("no picture is left after holding subjects back: hold back fewer")
    threshold = scores[good[0]]
    high, low = _halves(good, subjects, digests, seed)
    if min(len(high), len(low)) < LEAST:
        raise InputError(
            f"{len(good)} good pictures make {len(high)} for high and {len(low)} for low; "
            f"expected at least {LEAST} different ones for each: add pictures, or hold back fewer subjects"
        )
    held = sorted(f for f in subjects if subjects[f] in hold_out)
    parts = {
        "high": high,
        "low": low,
        "held-out": [f for f in held if scores[f] >= threshold],
        "held-out-dim": [f for f in held if scores[f] < threshold],
    }
    return Halves(parts, threshold, len(ranked) - len(good))


def _halves(
    good: Sequence[Path], subjects: Mapping[Path, str], digests: Mapping[Path, str], seed: int
) -> tuple[list[Path], list[Path]]:
    """The good pictures of each subject, shuffled, in turn to the side that has fewer of that subject."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(good):
        groups[digests[file]].append(file)
    by_subject: dict[str, list[list[Path]]] = defaultdict(list)
    for group in groups.values():
        by_subject[subjects[group[0]]].append(group)
    sides: tuple[list[Path], list[Path]] = ([], [])
    for subject in sorted(by_subject):
        own = by_subject[subject]
        counts = [0, 0]
        for index in np.random.default_rng([seed, _number(subject)]).permutation(len(own)):
            side = min((0, 1), key=lambda s: (counts[s], len(sides[s])))
            sides[side].extend(own[index])
            counts[side] += len(own[index])
    return sorted(sides[0]), sorted(sides[1])


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
