"""The station's file, `edgeenh run --config station.toml`: typed tables, read whole or refused with the line that is wrong.

    from edgeenh.config import read_config
    config = read_config(Path("station.toml"))
    config.one("stream").max_age_ms, config.many("source")[0].spec, config.line("stream", "max_age_ms")

One file serves every command of a station, so every command accepts every table and uses those that concern it.

**A new table** is a frozen dataclass whose fields are made by `setting` (default, one line of documentation, unit, range),
and one line in `edgeenh.config.registry.TABLES` that says where the class is (`"module:Class"`, imported only when the
file has the table, or a command asks for it). Reading, refusing, `--dry-run`, and docs/station-config.md follow
from the class; `check(self)` of the class, where there is one, looks at settings together and raises `UsageError`.
Example: `[service]` of `edgeenh station` is `Service` in `edgeenh/station/config.py` and `Table("service",
"edgeenh.station.config:Service")`.
"""

from __future__ import annotations

from edgeenh.config.reader import Config, read_config
from edgeenh.config.settings import setting

__all__ = ["Config", "read_config", "setting"]
