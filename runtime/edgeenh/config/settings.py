"""What a setting of the station's file is: a field of a dataclass that knows its documentation, unit and range."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeenh.errors import UsageError

_KEY = "edgeenh.setting"

_WORDS = {str: "a text", Path: "a path in quotes", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a setting beyond its name, type and default.

    Attributes:
        doc: One line for the documentation.
        unit: What a number counts, e.g. `milliseconds`; empty for others.
        example: A value in TOML, shown where a wrong one was found.
        least, most: The range of a number, both included; None = no bound.
        above: A number must be greater than this; None = no bound.
        choices: The only texts that are taken; empty = any.
    """

    doc: str
    unit: str = ""
    example: str = ""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()


def setting(default: Any = dataclasses.MISSING, doc: str = "", **about: Any) -> Any:
    """A field of a table: its default (none = the file must say it), documentation, and what `About` knows."""
    return dataclasses.field(default=default, metadata={_KEY: About(doc, **about)})


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a table's class, ready to be asked.

    Attributes:
        name: The key in the file.
        kind: str, Path, int, float, bool, or `tuple` for a list of texts.
        default: None where there is none; see `required`.
        required: The file must say it.
        about: See `About`.
    """

    name: str
    kind: type
    default: Any
    required: bool
    about: About

    @property
    def words(self) -> str:
        """What is expected, in words: type, unit, range, example."""
        about = self.about
        if about.choices:
            return "one of " + ", ".join(f'"{choice}"' for choice in about.choices)
        words = "a list of texts" if self.kind is tuple else _WORDS[self.kind]
        words += f" of {about.unit}" if about.unit else ""
        bounds = (
            (f"above {about.above:g}" if about.above is not None else ""),
            (f"at least {about.least:g}" if about.least is not None else ""),
            (f"at most {about.most:g}" if about.most is not None else ""),
        )
        words += " " + " and ".join(bound for bound in bounds if bound) if any(bounds) else ""
        return words + (f", e.g. {about.example}" if about.example else "")

    def take(self, value: Any) -> Any:
        """`value` as TOML gave it, as the type of the field.

        Raises:
            UsageError: It is of another type or outside the range; the message has no place in it.
        """
        if self.kind is tuple:
            fits = isinstance(value, list) and all(isinstance(item, str) and item for item in value)
            taken: Any = tuple(value) if fits else None
        elif self.kind is float:
            fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            taken = float(value) if fits else None
        elif self.kind is int:
            fits, taken = isinstance(value, int) and not isinstance(value, bool), value
        elif self.kind is bool:
            fits, taken = isinstance(value, bool), value
        else:
            fits = isinstance(value, str) and bool(value) and "\0" not in value
            taken = self.kind(value) if fits else None
        if not fits or not self._within(taken):
            raise UsageError(f"is {_shown(value)}, expected {self.words}")
        return taken

    def _within(self, value: Any) -> bool:
        about = self.about
        if about.choices:
            return value in about.choices
        return (
            (about.least is None or value >= about.least)
            and (about.most is None or value <= about.most)
            and (about.above is None or value > about.above)
        )


def settings_of(table: type) -> dict[str, Setting]:
    """The settings of a table's class, in the order of its fields."""
    hints = typing.get_type_hints(table)
    found = {}
    for field in dataclasses.fields(table):
        required = field.default is dataclasses.MISSING
        about: About = field.metadata[_KEY]
        kind = _kind(hints[field.name])
        found[field.name] = Setting(field.name, kind, None if required else field.default, required, about)
    return found


def _kind(hint: Any) -> type:
    """The one type that a field has beside None."""
    if isinstance(hint, types.UnionType):
        [hint] = [kind for kind in typing.get_args(hint) if kind is not types.NoneType]
    kind = typing.get_origin(hint) or hint
    if kind not in (*_WORDS, tuple):
        raise TypeError(
            f"a setting cannot be {hint}: use one of {', '.join(t.__name__ for t in _WORDS)} or tuple[str, ...]"
        )
    return typing.cast("type", kind)


def _shown(value: Any) -> str:
    """A value that was found, as TOML writes it, short."""
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
