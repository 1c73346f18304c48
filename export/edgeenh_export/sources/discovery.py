"""Finding out the contract of a model: from its shapes, from its graph, and by running it on real frames.

Readings are hypotheses: layout, range in and range out, and which output. Each is tried on the golden frames, and scored
by how much what comes back resembles its frame (`edgeenh_export.sources.likeness`). The best is taken when

* it resembles its frame at all: `LEAST`;
* every other reading is worse by `MARGIN`, or gives the same picture, so that it does not matter.

Ranges that differ between in and out are rare, and compete with a `HANDICAP`. Where the graph ends in a
clamp or a bounded activation, that says the range out. What is still open is asked of the user, by the option's name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from onnx import ModelProto, ValueInfoProto

from edgeenh.errors import InputError, UsageError
from edgeenh_export.options import Size, check_size
from edgeenh_export.sources.colour import find_colour
from edgeenh_export.sources.contract import Contract
from edgeenh_export.sources.likeness import same_picture
from edgeenh_export.sources.onnx_model import image_input, shape_of
from edgeenh_export.sources.overrides import Overrides
from edgeenh_export.sources.probe import Probe
from edgeenh_export.sources.sizes import find_multiple, find_smallest
from edgeenh_export.sources.structure import declared_range
from edgeenh_export.sources.trial import Candidate, Setup, Trials, setups

LEAST = 0.2
"""Likeness below which a picture has nothing to do with its frame. Strong style transfer has 0.4 and more."""
MARGIN = 0.05
"""By how much a reading must be better than another to be taken without asking."""
MOST_NAMED = 3
"""Rivals that a message names."""
HANDICAP = 0.2
"""Taken off readings whose ranges differ. With fewer frames a wrong reading of two ranges has beaten the right one by 0.1
on a low-light model that saturates; where the ranges really differ, one range for both costs 0.4 and more."""


def discover(
    model: ModelProto,
    overrides: Overrides,
    sizes: Sequence[Size] = (),
    *,
    name: str,
    metadata: dict[str, str],
    threads: int,
    multiple: int = 1,
) -> Contract:
    """Find out the contract.

    Args:
        model: As `edgeenh_export.sources.onnx_model.bring_to_form` gives it.
        overrides: What the user stated.
        sizes: The frame sizes that are asked for; none = any.
        name: What messages call the model.
        metadata: Of the file as it was.
        threads: CPU threads.
        multiple: What sizes are known to be multiples of.

    Raises:
        InputError: It cannot be an image enhancer; the message says why.
        UsageError: Something is stated wrongly, or has to be; a size that it does not take, with those that it does.
    """

    def found(asked: Sequence[Size]) -> Contract:
        return _discover(model, overrides, asked, name=name, metadata=metadata, threads=threads, multiple=multiple)

    try:
        return found(sizes)
    except UsageError:
        raise
    except InputError:
        free = None
        with suppress(InputError):
            free = found(()) if sizes and not _declared_size(image_input(model, name)) else None
        if free is not None:  # it is the size then, and which it takes is known
            check_size(sizes[0], free.multiple, free.smallest)
        raise


def _discover(
    model: ModelProto,
    overrides: Overrides,
    sizes: Sequence[Size],
    *,
    name: str,
    metadata: dict[str, str],
    threads: int,
    multiple: int,
) -> Contract:
    value = image_input(model, name)
    probe = Probe(model, threads)
    trials = Trials(probe, overrides, value.type.tensor_type.elem_type)
    fed = _fed(trials, setups(value, overrides, sizes[0] if sizes else None), value, name)
    found = [candidate for setup in fed for candidate in trials.candidates(setup)]
    if not found:
        raise InputError(f"{name} cannot be an image enhancer: {'; '.join(list(trials.refusals)[:3])}")
    best = choose([one for one in found if _said(model, one, overrides)] or found, name)
    _check_scale(best.scale, overrides, name)
    colour, by = find_colour(model, metadata, best, overrides, trials)
    fixed, takes_multiple, smallest = _sizes(trials, best, value, sizes, multiple, name)
    known = _known(overrides, len(fed), bounded=bool(declared_range(model, best.reading.output)))
    known |= {"colour": by, "size": "the shape" if _declared_size(value) else "stated" if fixed else "tried"}
    reading = dataclasses.replace(best.reading, colour=colour)
    return Contract(reading, best.setup.channels, best.scale, fixed, takes_multiple, smallest, best.likeness, known)


def choose(candidates: Sequence[Candidate], name: str) -> Candidate:
    """The right reading.

    Raises:
        InputError: None gives a picture that resembles its frame.
        UsageError: Several do, and they are different pictures; the message names the option that decides.
    """
    ranked = sorted(candidates, key=_rank, reverse=True)
    best = ranked[0]
    if not any(np.isfinite(picture).all() for one in candidates for picture in one.pictures):
        raise InputError(
            f"{name} cannot be used: on real frames it gives NaN or infinity, or refuses the values, however they are read: "
            "look into its weights, and export it again with its own tool"
        )
    if not best.likeness >= LEAST:
        raise InputError(
            f"{name} cannot be an image enhancer: no reading of its values gives a picture that resembles its input "
            f"(the best, {_text(best)}, has a likeness of {best.likeness:.2f}, expected {LEAST:g} or more)"
        )
    rivals = [one for one in ranked[1:] if _rank(one) > _rank(best) - MARGIN and not _same(best, one)]
    if rivals:
        ways = [best, *rivals[:MOST_NAMED]]
        texts = ", ".join(f"{_text(one)} ({one.likeness:.2f})" for one in ways)
        more = f", and {len(rivals) - MOST_NAMED} more" if len(rivals) > MOST_NAMED else ""
        raise UsageError(
            f"{name} can be read in more than one way, and each gives a picture that resembles its input: {texts}{more}: "
            f"{_deciding(ways)}"
        )
    return best


def _rank(candidate: Candidate) -> float:
    ends = candidate.reading.range
    return candidate.likeness - (HANDICAP if ends.given != ends.back else 0.0)


def _same(one: Candidate, other: Candidate) -> bool:
    return all(same_picture(*pair) for pair in zip(one.pictures, other.pictures, strict=True))


def _text(candidate: Candidate) -> str:
    reading = candidate.reading
    return f"layout {reading.layout} with range {reading.range} from {reading.output}"


def _deciding(ways: Sequence[Candidate]) -> str:
    """What tells apart the best from the others: the first property in which any of them differs from it."""
    readings = [one.reading for one in ways]
    if len({reading.output for reading in readings}) > 1:
        return "give a model that has only the output you mean"
    if len({one.setup.channels for one in ways}) > 1:
        return "give a model whose shape names its channels"
    name = "layout" if len({reading.layout for reading in readings}) > 1 else "range"
    return "say which with " + " or ".join(dict.fromkeys(f"--{name} {getattr(reading, name)}" for reading in readings))


def _fed(trials: Trials, ways: Sequence[Setup], value: ValueInfoProto, name: str) -> list[Setup]:
    """Of each layout and number of channels the first setup that runs."""
    if not ways:
        shape = ",".join(str(side or "?") for side in shape_of(value) or [])
        raise InputError(
            f"{name} takes [{shape}], expected a picture of 3 channels (colour) or 1 (grey), as [1,C,H,W] or [1,H,W,C]"
        )
    running: dict[tuple[str, int], Setup] = {}
    said = ""
    for setup in ways:
        kind = (setup.layout, setup.channels)
        if kind in running:
            continue
        problem = trials.feed(setup)
        said = said or problem
        if not problem:
            running[kind] = setup
    if not running:
        raise InputError(
            f"{name} does not run on a frame ({said}): give the size that it was made for with --size WxH, and see --layout"
        )
    return list(running.values())


def _said(model: ModelProto, candidate: Candidate, overrides: Overrides) -> bool:
    """Whether a reading agrees with what the graph says of its range out, or with the user, who knows better."""
    said = declared_range(model, candidate.reading.output)
    return bool(overrides.range) or said in ("", candidate.reading.range.back)


def _check_scale(scale: int, overrides: Overrides, name: str) -> None:
    if overrides.scale not in (None, scale):
        raise UsageError(f"--scale {overrides.scale} was given and {name} gives {scale} times the frame's size")


def _known(overrides: Overrides, ways: int, *, bounded: bool) -> dict[str, str]:
    return {
        "layout": "stated" if overrides.layout else "the shape" if ways == 1 else "tried",
        "range": "stated" if overrides.range else "its last operators, and tried" if bounded else "tried",
        "scale": "tried",
    }


def _sizes(
    trials: Trials, best: Candidate, value: ValueInfoProto, sizes: Sequence[Size], multiple: int, name: str
) -> tuple[Size | None, int, int]:
    """The only size or None, the multiple, and the smallest side."""
    declared = _declared_size(value)
    if declared or len(sizes) == 1:
        if declared and any(size != best.setup.size for size in sizes):
            raise UsageError(
                f"--size is given and {name} is made for {best.setup.size[0]}x{best.setup.size[1]} only: leave --size out"
            )
        return best.setup.size, 1, min(best.setup.size)

    def takes(size: Size) -> bool:
        return trials.takes(best, size)

    found = find_multiple(takes, multiple)
    smallest = find_smallest(takes, found) if found else None
    if found is None or smallest is None:
        width, height = best.setup.size
        raise InputError(
            f"{name} says that it takes any size and takes {width}x{height}, but no multiple was found that is enough: "
            f"export it for one size, e.g. --size {width}x{height}"
        )
    return None, found, smallest


def _declared_size(value: ValueInfoProto) -> bool:
    """Whether the shape leaves no side of the picture open."""
    dims = shape_of(value) or []
    return sum(side == 0 for side in dims[1:]) == 0
