"""Measures that need no truth, but files: NIQE, BRISQUE and NIMA. Without its file a column says "no weights"."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeenh_train.evaluate.brisque import brisque_scorer
from edgeenh_train.evaluate.nima import nima_scorer
from edgeenh_train.evaluate.niqe import niqe_scorer
from edgeenh_train.evaluate.scoring import Scorer


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """What the user supplies; None where there is nothing.

    Attributes:
        niqe: BasicSR's `niqe_pris_params.npz`.
        brisque, brisque_range: OpenCV's `brisque_model_live.yml` and `brisque_range_live.yml`.
        nima, nima_sha256: Weights of NIMA, and the digest that they must have.
    """

    niqe: Path | None = None
    brisque: Path | None = None
    brisque_range: Path | None = None
    nima: Path | None = None
    nima_sha256: str | None = None


def no_reference_scorers(files: ModelFiles) -> tuple[Scorer, ...]:
    """The three columns.

    Raises:
        InputError: A file is missing, damaged, or not the pinned one.
    """
    return (
        niqe_scorer(files.niqe),
        brisque_scorer(files.brisque, files.brisque_range),
        nima_scorer(files.nima, files.nima_sha256),
    )
