"""The station's file shown: as it is understood (`--dry-run`), and as a reference (docs/station-config.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeenh.config.reader import Config
from edgeenh.config.registry import TABLES, Table
from edgeenh.config.settings import settings_of


def as_toml(value: Any) -> str:
    """A value as TOML writes it; a JSON text is a TOML text, but for DEL."""
    if isinstance(value, tuple):
        return f"[{', '.join(as_toml(item) for item in value)}]"
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else str(value)


def resolved(config: Config, overridden: Mapping[tuple[str, int | None, str], str] | None = None) -> str:
    """Everything a command goes by, as a file that says the same: where each value came from stands behind it.

    Args:
        config: What holds, with the command line's own values put in.
        overridden: The option that a value came from, by (table, index for `[[table]]`, key).
    """
    blocks = []
    for table in config.known:
        whole = enumerate(config.many(table.name)) if table.many else [(None, config.one(table.name))]
        blocks += [_block(config, table, index, made, overridden or {}) for index, made in whole]
    return "\n\n".join(blocks) + "\n"


def _block(
    config: Config, table: Table, index: int | None, made: Any, overridden: Mapping[tuple[str, int | None, str], str]
) -> str:
    lines = [table.heading]
    for key in settings_of(type(made)):
        value = getattr(made, key)
        place = (table.name, key) if index is None else (table.name, index, key)
        line = config.lines.get(place)
        origin = overridden.get((table.name, index, key)) or (f"{config.path}, line {line}" if line else "default")
        lines.append(f"# {key} is not set" if value is None else f"{key} = {as_toml(value)}  # {origin}")
    return "\n".join(lines)


def reference(tables: Sequence[Table] = TABLES) -> str:
    """All tables and their keys as Markdown, made from the classes."""
    blocks = []
    for table in tables:
        cls = table.load()
        often = "once or more" if table.many else "once"
        rows = ["| key | expected | default | what |", "|---|---|---|---|"]
        for name, setting in settings_of(cls).items():
            default = (
                "must be given" if setting.required else "–" if setting.default is None else as_toml(setting.default)
            )
            words = setting.words.replace("|", "\\|")
            rows.append(f"| `{name}` | {words} | {default} | {setting.about.doc} |")
        blocks.append(
            f"## `{table.heading}`\n\n{(cls.__doc__ or '').strip()} May stand there {often}.\n\n" + "\n".join(rows)
        )
    return "\n\n".join(blocks) + "\n"
