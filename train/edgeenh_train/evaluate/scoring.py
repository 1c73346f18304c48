"""What a measure of quality looks at, and what it is: the two types that every scorer shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import PictureError
from edgeenh_train.data.reading import Picture, as_uint8

NO_WEIGHTS = "no weights"
COLOUR = 3


@dataclass(frozen=True, slots=True)
class View:
    """One result beside what it came from and what it should be; all of one shape and type.

    Attributes:
        result: uint8 [H,W,3] RGB, or uint8 or uint16 [H,W,1] grey; rounded, as a file would hold it.
        given: The picture the candidate was given, likewise.
        truth: What the result should be; None where nobody knows.
    """

    result: Picture
    given: Picture
    truth: Picture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """One figure of quality: a column of the table.

    Attributes:
        key: Its name in JSON.
        label: Its name in the table.
        higher_is_better: None for a figure that is neither good nor bad in itself.
        needs_truth: Whether it compares with the truth.
        score: The figure of one view; `math.inf` only for PSNR of identical pictures. Raises `PictureError` for a
            picture it cannot judge. None when the whole column cannot be measured, for the reason in `absent`.
        absent: Why there is no `score`.
        facts: What the reader needs to repeat it: files, hashes, preprocessing.
    """

    key: str
    label: str
    score: Callable[[View], float] | None
    higher_is_better: bool | None
    needs_truth: bool = False
    absent: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def colour_of(picture: Picture, what: str) -> NDArray[np.uint8]:
    """The picture as uint8 [H,W,3] RGB.

    Raises:
        PictureError: It is grey; `what` names the measure that needs colour.
    """
    if picture.shape[2] != COLOUR:
        raise PictureError(f"the picture is grey, and {what} is a measure of colour")
    return as_uint8(picture)


def shown(picture: Picture) -> NDArray[np.uint8]:
    """The picture as a screen shows it: uint8 [H,W,3] RGB, grey in all three channels."""
    levels = as_uint8(picture)
    return levels if levels.shape[2] == COLOUR else np.repeat(levels, COLOUR, axis=2)
