"""Every table that the station's file may have, and where its class is. See `edgeenh.config` for how to add one."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file.

    Attributes:
        name: Between the brackets.
        where: `module:Class`; the module imports nothing heavy.
        many: `[[name]]`, as often as wanted, instead of `[name]`, once.
    """

    name: str
    where: str
    many: bool = False

    @property
    def heading(self) -> str:
        """As the file writes it."""
        return f"[[{self.name}]]" if self.many else f"[{self.name}]"

    def load(self) -> type:
        """The class; imports its module."""
        module, _, name = self.where.partition(":")
        return cast("type", getattr(importlib.import_module(module), name))


TABLES: Sequence[Table] = (
    Table("model", "edgeenh.config.tables:Model"),
    Table("stream", "edgeenh.config.tables:Stream"),
    Table("source", "edgeenh.config.tables:Source", many=True),
    Table("sink", "edgeenh.config.tables:Sink", many=True),
    Table("monitoring", "edgeenh.config.tables:Monitoring"),
    Table("service", "edgeenh.station.config:Service"),
)
