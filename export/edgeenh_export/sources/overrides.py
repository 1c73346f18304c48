"""What a user says of a model from elsewhere: where it is, and what need not be found out. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edgeenh.errors import UsageError

RANGES = {"unit": (0.0, 1.0), "signed": (-1.0, 1.0), "byte": (0.0, 255.0)}
"""Word → what black and full brightness are in the model."""
LAYOUTS = ("NCHW", "NHWC")
COLOURS = ("RGB", "BGR")
MAX_SCALE = 8


class Ends(NamedTuple):
    """A property of what goes into a model, and of what comes out."""

    given: str
    back: str

    def __str__(self) -> str:
        return self.given if self.given == self.back else f"{self.given}:{self.back}"


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the user stated; None = find out.

    Attributes:
        layout: Of the pictures in and out: `NCHW` or `NHWC`.
        range: Of their values: a key of `RANGES`.
        colour: Order of their channels: `RGB` or `BGR`.
        scale: How many times wider and higher the output is.
        cap: Largest change of a value at strength 1, where 1 is the full range.
    """

    layout: Ends | None = None
    range: Ends | None = None
    colour: Ends | None = None
    scale: int | None = None
    cap: float | None = None

    def named(self) -> list[str]:
        """The options that were given."""
        return [
            f"--{name}" for name in ("layout", "range", "colour", "scale", "cap") if getattr(self, name) is not None
        ]


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """A torch module that others wrote.

    Attributes:
        factory: `package.module:function`, called without arguments; or a class.
        weights: The .safetensors file of its state dictionary.
    """

    factory: str
    weights: Path


def parse_overrides(
    layout: str | None = None,
    value_range: str | None = None,
    colour: str | None = None,
    scale: int | None = None,
    cap: float | None = None,
) -> Overrides:
    """Read the options as they were typed; `layout`, `value_range` and `colour` are one word, or `IN:OUT`.

    Raises:
        UsageError: One is not known or out of its range.
    """
    if scale is not None and not 1 <= scale <= MAX_SCALE:
        raise UsageError(f"--scale {scale} is not possible, expected 1 to {MAX_SCALE}")
    if cap is not None and not 0 < cap <= 1:
        raise UsageError(f"--cap {cap:g} is not possible, expected more than 0 and at most 1, the full range")
    return Overrides(
        layout=_ends("--layout", layout and layout.upper(), LAYOUTS),
        range=_ends("--range", value_range and value_range.lower(), tuple(RANGES)),
        colour=_ends("--colour", colour and colour.upper(), COLOURS),
        scale=scale,
        cap=cap,
    )


def _ends(option: str, text: str | None, known: tuple[str, ...]) -> Ends | None:
    if text is None:
        return None
    parts = text.split(":")
    if len(parts) > 2 or any(part not in known for part in parts):
        raise UsageError(
            f"{option} {text!r} is not known, expected {', '.join(known[:-1])} or {known[-1]}; "
            f"IN:OUT where they differ, e.g. {known[0]}:{known[1]}"
        )
    return Ends(parts[0], parts[-1])
