"""The order of a model's channels: said by the model, of no account, stated, or assumed. It can seldom be measured."""

from __future__ import annotations

import dataclasses

from onnx import ModelProto

from edgeenh.errors import UsageError
from edgeenh_export.sources.likeness import same_picture
from edgeenh_export.sources.overrides import Overrides
from edgeenh_export.sources.structure import declared_colour
from edgeenh_export.sources.trial import Candidate, Trials

ASSUMED = "assumed"
"""How a colour order is known that is not: what models are usually trained with."""


def find_colour(
    model: ModelProto, metadata: dict[str, str], best: Candidate, overrides: Overrides, trials: Trials
) -> tuple[str, str]:
    """The order, and how it is known.

    Args:
        model: In its form.
        metadata: Of the file as it was.
        best: The reading that was found, in RGB.
        overrides: What the user stated.
        trials: Runs the model again, with red and blue swapped.

    Returns:
        `RGB`, `BGR` or `grey`; `stated`, `no matter`, where the model says it, or `ASSUMED`.

    Raises:
        UsageError: A colour order was stated for a model for grey.
    """
    if best.reading.colour == "grey":
        if overrides.colour:
            raise UsageError(f"--colour {overrides.colour} was given and the model is for grey: leave it out")
        return "grey", "the shape"
    if overrides.colour:
        return overrides.colour, "stated"
    said, where = declared_colour(model, metadata)
    if said:
        return said, where
    swapped = trials.again(best, dataclasses.replace(best.reading, colour="BGR"))
    same = all(same_picture(*pair) for pair in zip(best.pictures, swapped.pictures, strict=True))
    return "RGB", "no matter" if same else ASSUMED
