"""`edgeenh run --config station.toml`: the file's settings as options of the command, which go before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeenh.config import Config, read_config
from edgeenh.config.shown import resolved
from edgeenh.config.tables import Sink, Source
from edgeenh.errors import UsageError

OPTIONS = {
    "model": ("model", "bundle", "--model"),
    "backend": ("model", "backend", "--backend"),
    "precision": ("model", "precision", "--precision"),
    "device": ("model", "device", "--device"),
    "threads": ("model", "threads", "--threads"),
    "strength": ("model", "strength", "--strength"),
    "public_key": ("model", "public_key", "--public-key"),
    "floor": ("model", "floor", "--floor"),
    "in_process": ("model", "in_process", "--in-process"),
    "watch_model": ("model", "watch", "--watch-model"),
    "mode": ("stream", "mode", "--mode"),
    "max_age": ("stream", "max_age_ms", "--max-age"),
    "frames": ("stream", "frames", "--frames"),
    "drift_every": ("stream", "drift_every", "--drift-every"),
    "spool": ("stream", "spool", "--spool"),
    "http": ("monitoring", "http", "--http"),
    "events": ("monitoring", "events", "--events"),
}
"""Parameter of the command: table, key, and what the user writes. Sources and sinks are lists, and go their own way."""


class StationRun:
    """What a run goes by: the file, with what the command line says put in.

    Args:
        path: The file; None = none.
        parameters: Of the command, by name.
        given: Names of those that the user wrote, or the environment has.

    Raises:
        UsageError: As `read_config`; or there is no source.
    """

    def __init__(self, path: Path | None, parameters: Mapping[str, Any], given: set[str]) -> None:
        config = read_config(path) if path is not None else Config()
        tables = {name: config.one(name) for name in ("model", "stream", "monitoring")}
        self.overridden: dict[tuple[str, int | None, str], str] = {}
        for name, (table, key, option) in OPTIONS.items():
            if name in given:
                tables[table] = replace(tables[table], **{key: parameters[name]})
                self.overridden[table, None, key] = option
        sources, sinks = self._sources(config, parameters, given), self._sinks(config, parameters, given)
        everything = {**config.tables, **tables, "source": sources, "sink": sinks}
        self.config = Config(config.path, everything, config.lines, config.known)
        self._parameters = parameters

    def shown(self) -> str:
        """All that holds, as a station's file; a password in a URL is not shown."""
        from edgeenh.sources.network import without_password

        sources = [replace(source, spec=without_password(source.spec)) for source in self.config.many("source")]
        tables = {**self.config.tables, "source": tuple(sources)}
        return resolved(replace(self.config, tables=tables), self.overridden)

    def options(self) -> dict[str, Any]:
        """The parameters of the command that say all of it."""
        chosen = {**self._parameters, "config": None, "dry_run": False}
        for name, (table, key, _) in OPTIONS.items():
            chosen[name] = getattr(self.config.one(table), key)
        sources = self.config.many("source")
        chosen["sources"] = [source.spec for source in sources]
        chosen["bits"] = self._same("bits")
        chosen["raw"] = self._same("raw")
        chosen["out"] = [sink.spec for sink in self.config.many("sink")]
        return chosen

    def _sources(self, config: Config, parameters: Mapping[str, Any], given: set[str]) -> tuple[Source, ...]:
        found: tuple[Source, ...] = config.many("source")
        if parameters["sources"]:
            found = tuple(Source(spec) for spec in parameters["sources"])
        for index, _ in enumerate(found):
            if parameters["sources"]:
                self.overridden["source", index, "spec"] = "command line"
            for key in {"bits", "raw"} & given:
                self.overridden["source", index, key] = f"--{key}"
        more = {key: parameters[key] for key in ("bits", "raw") if key in given}
        if not found:
            where = f"{config.path} has no [[source]]" if config.path else "there is no SOURCE"
            raise UsageError(f"{where}: name one, e.g. camera:0 or synthetic:1280x720@30")
        return tuple(replace(source, **more) for source in found)

    def _sinks(self, config: Config, parameters: Mapping[str, Any], given: set[str]) -> tuple[Sink, ...]:
        if "out" not in given:
            return config.many("sink")
        self.overridden.update({("sink", index, "spec"): "--out" for index, _ in enumerate(parameters["out"])})
        return tuple(Sink(spec) for spec in parameters["out"])

    def _same(self, key: str) -> Any:
        """What all sources say; one run has one."""
        values = {getattr(source, key) for source in self.config.many("source")}
        if len(values) > 1:
            raise UsageError(f"sources differ in {key} ({', '.join(map(str, values))}): one run has one, start two")
        return values.pop()
