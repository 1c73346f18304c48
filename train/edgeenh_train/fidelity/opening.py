"""What `edgeenh fidelity` measures: models and training-free methods, opened the way `edgeenh evaluate` opens them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import UsageError
from edgeenh_train.enhance import Enhance

if TYPE_CHECKING:
    from edgeenh_train.evaluate.candidate import Candidate

IDENTITY = "input"
"""The picture as it is: what the measures say of an enhancer that does nothing."""


def open_enhance(path: Path) -> Enhance:
    """A checkpoint (`.safetensors`) or a bundle (`.edgeenh`, or the name of one that ships) as a function from picture to picture.

    Raises:
        CheckpointError, IntegrityError, UsageError: The file cannot be used.
    """
    from edgeenh_train.evaluate.candidate import model_candidate

    return model_candidate(path).enhance


def open_candidates(models: Sequence[Path], methods: Sequence[str], strength: float | None = None) -> list[Candidate]:
    """Everything that is to be measured, each with a name of its own and what is known of it.

    Args:
        models: Checkpoints, bundles, and names of bundles that ship.
        methods: Names of training-free methods, or `input`.
        strength: Of the models, 0…1; None = full.

    Raises:
        UsageError: None is given, two have one name, a name is unknown, or a strength is asked of what has none.
        CheckpointError, IntegrityError: A file cannot be used.
    """
    from edgeenh_train.evaluate.candidate import input_candidate, model_candidate
    from edgeenh_train.evaluate.levels import training_free

    if strength is not None and not models:
        raise UsageError("--strength is for models, and none is given: add --model FILE, or leave the strength out")
    wanted = [name for name in methods if name != IDENTITY]
    candidates = [model_candidate(path, strength=strength) for path in models]
    candidates += training_free(wanted) if wanted else []
    candidates += [input_candidate()] if IDENTITY in methods else []
    if not candidates:
        raise UsageError("nothing to measure: give --model FILE or --method NAME (levels, clahe, input)")
    names = [candidate.name for candidate in candidates]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two things to measure are called '{name}': rename one of the files, or leave one out")
    return candidates
