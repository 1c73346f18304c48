"""Reading the station's file: every table by its class, or one line that says where it is wrong and what to write."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeenh.config.lines import Place, lines_of
from edgeenh.config.registry import TABLES, Table
from edgeenh.config.settings import Setting, settings_of
from edgeenh.errors import UsageError

MOST_BYTES = 1 << 20
"""A station's file is some lines; what is larger is another file."""


@dataclass(frozen=True, slots=True)
class Config:
    """A file that was read.

    Attributes:
        path: The file; None when there is none, and all is as by default.
        tables: What each table of the file says, by name: an object of its class, or a tuple of them for `[[name]]`.
        lines: Where each table and key stands, for messages.
        known: The tables that there are.
    """

    path: Path | None = None
    tables: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[Place, int] = field(default_factory=dict)
    known: Sequence[Table] = TABLES

    def one(self, name: str) -> Any:
        """The table `[name]`; one that the file does not have is as by default."""
        return self.tables[name] if name in self.tables else self._table(name).load()()

    def many(self, name: str) -> tuple[Any, ...]:
        """The tables `[[name]]`, in their order; none when the file has none."""
        return tuple(self.tables.get(name, ()))

    def line(self, *place: str | int) -> int | None:
        """On which line a key stands, e.g. `line("source", 0, "spec")`; None when the file does not say it."""
        return self.lines.get(place)

    def _table(self, name: str) -> Table:
        return next(table for table in self.known if table.name == name)


def read_config(path: Path, known: Sequence[Table] = TABLES) -> Config:
    """Read a station's file.

    Args:
        path: The file, TOML.
        known: The tables that it may have.

    Raises:
        UsageError: It cannot be read, is no TOML, or has a table, key or value that it may not have. One line that
            names the file's line, what was found, and what was expected.
    """
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise UsageError(f"{path} is no TOML: {exc}") from exc
    return _Reader(path, lines_of(text), {table.name: table for table in known}).read(document, known)


def _read(path: Path) -> str:
    from edgeenh.files import read_once

    try:
        content, state = read_once(path, MOST_BYTES)
    except OSError as exc:
        raise UsageError(
            f"{path} cannot be read ({exc.strerror}): give the station's file, see docs/station-config.md"
        ) from exc
    if state.st_size > MOST_BYTES:
        raise UsageError(f"{path} has {state.st_size:,} bytes, expected a station's file of at most {MOST_BYTES:,}")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path} is not UTF-8 (byte {exc.start}): save it as UTF-8") from exc


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    lines: Mapping[Place, int]
    known: Mapping[str, Table]

    def read(self, document: dict[str, Any], known: Sequence[Table]) -> Config:
        tables: dict[str, Any] = {}
        for name, content in document.items():
            table = self.known.get(name)
            if table is None:
                raise self._wrong(
                    (name,), f"[{name}] is not a table of a station's file" + self._nearest_table(name, content)
                )
            tables[name] = self._many(table, content) if table.many else self._one(table, content, (name,))
        return Config(self.path, tables, self.lines, known)

    def _nearest_table(self, name: str, content: Any) -> str:
        """What was meant: a table, or a key that stands outside of its table."""
        if not isinstance(content, dict | list):
            homes = [table.heading for table in self.known.values() if name in settings_of(table.load())]
            if homes:
                return f"; {name} belongs under {' or '.join(homes)}"
        return _nearest(name, {key: table.heading for key, table in self.known.items()})

    def _many(self, table: Table, content: Any) -> tuple[Any, ...]:
        if not isinstance(content, list):
            raise self._wrong((table.name,), f"[{table.name}] stands alone, expected {table.heading}, once or more")
        return tuple(self._one(table, item, (table.name, index)) for index, item in enumerate(content))

    def _one(self, table: Table, content: Any, place: Place) -> Any:
        if not isinstance(content, dict):
            raise self._wrong(place, f"{table.name} is no table, expected {table.heading} with a key on each line")
        cls = table.load()
        settings = settings_of(cls)
        values = {}
        for key, value in content.items():
            if key not in settings:
                known = {name: name for name in settings}
                raise self._wrong((*place, key), f"{key} is not a key of {table.heading}" + _nearest(key, known))
            values[key] = self._value(settings[key], value, (*place, key), table)
        for key, setting in settings.items():
            if setting.required and key not in values:
                raise self._wrong(
                    place, f"{table.heading} has no {key}, expected {key} = {setting.about.example or setting.words}"
                )
        made = cls(**values)
        self._check(made, place)
        return made

    def _value(self, setting: Setting, value: Any, place: Place, table: Table) -> Any:
        try:
            return setting.take(value)
        except UsageError as exc:
            raise self._wrong(place, f"{setting.name} of {table.heading} {exc}") from exc

    def _check(self, made: Any, place: Place) -> None:
        try:
            getattr(made, "check", lambda: None)()
        except UsageError as exc:
            raise self._wrong(place, str(exc)) from exc

    def _wrong(self, place: Place, problem: str) -> UsageError:
        line = next((self.lines[near] for near in (place, place[:-1], (*place, 0)) if near in self.lines), None)
        return UsageError(f"{self.path}{f', line {line}' if line else ''}: {problem}")


def _nearest(name: str, known: Mapping[str, str]) -> str:
    """`; did you mean X?` where a known name is near, otherwise all of them."""
    near = [key for key in known if key.startswith(f"{name}_")] or difflib.get_close_matches(name, known, 1, 0.6)
    return f"; did you mean {known[near[0]]}?" if near else f", expected {', '.join(known.values())}"
