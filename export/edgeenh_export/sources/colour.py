"""The order of a model's channels: said by the model, of no account, stated, or assumed. It can seldom be measured.

What can be measured is that a model gives red and blue the other way round than it takes them.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from edgeenh.errors import UsageError
from edgeenh_export.sources.likeness import same_picture
from edgeenh_export.sources.overrides import Ends, Overrides
from edgeenh_export.sources.structure import declared_colour
from edgeenh_export.sources.trial import GREY_ENDS, Candidate, Trials, trial_frames

ASSUMED = "assumed"
"""How a colour order is known that is not: what models are usually trained with."""
EXCHANGED = -0.5
"""Correlation of red minus blue, before and after, below which a model gives them the other way round."""


def find_colour(
    model: ModelProto, metadata: dict[str, str], best: Candidate, overrides: Overrides, trials: Trials
) -> tuple[Ends, str]:
    """The order, and how it is known.

    Args:
        model: In its form.
        metadata: Of the file as it was.
        best: The reading that was found, in RGB.
        overrides: What the user stated.
        trials: Runs the model again, with red and blue swapped.

    Returns:
        `RGB`, `BGR` or `grey`, in and out; `stated`, `no matter`, where the model says it, or `ASSUMED`.

    Raises:
        UsageError: A colour order was stated for a model for grey.
    """
    if best.reading.colour == GREY_ENDS:
        if overrides.colour:
            raise UsageError(f"--colour {overrides.colour} was given and the model is for grey: leave it out")
        return GREY_ENDS, "the shape"
    if overrides.colour:
        return overrides.colour, "stated"
    said, where = declared_colour(model, metadata)
    if said:
        return said, where
    if _exchanged(best):
        return Ends("RGB", "BGR"), ASSUMED
    swapped = trials.again(best, dataclasses.replace(best.reading, colour=Ends("BGR", "BGR")))
    same = all(same_picture(*pair) for pair in zip(best.pictures, swapped.pictures, strict=True))
    return Ends("RGB", "RGB"), "no matter" if same else ASSUMED


def _exchanged(best: Candidate) -> bool:
    """Whether what is red in the frames comes back blue."""
    frames = trial_frames(best.setup)
    pairs = [
        (frame, picture[:: best.scale, :: best.scale]) for frame, picture in zip(frames, best.pictures, strict=True)
    ]
    agreement = [np.corrcoef(_red_minus_blue(before), _red_minus_blue(after))[0, 1] for before, after in pairs]
    return bool(np.mean(agreement) < EXCHANGED)  # NaN, of a picture without colours, is not


def _red_minus_blue(image: NDArray[np.generic]) -> NDArray[np.float64]:
    values = image.astype(np.float64)
    return np.asarray(values[..., 0] - values[..., 2]).reshape(-1)
