"""`benchmarks/results/README.md`: every figure that has a limit, and the newest of every comparison, as its command prints it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeenh_bench.figure_table import Json, oldest_first, table, where
from edgeenh_bench.peers.table import render as render_peers
from edgeenh_bench.roofline import render as render_roofline
from edgeenh_bench.scaling_table import render as render_scaling
from edgeenh_bench.streams.table import render as render_streams

_HEAD = """# What was measured

Made by `make results` of the newest results here. The raw values, the method and the conditions stand in the files.

## Every figure that has a limit
"""

_COMPARISONS: dict[str, Callable[[Any], str]] = {
    "peers": render_peers,
    "streams": render_streams,
    "scaling": render_scaling,
    "roofline": render_roofline,
}
"""The last word of the schema, which is also the command's → how the command prints it."""


def page_of(folder: Path) -> str:
    """The whole page."""
    figures = table(folder, lambda figures: [(figure, 0) for figure in figures])
    return "\n".join([_HEAD, figures, "", *comparisons(folder)])


def comparisons(folder: Path) -> list[str]:
    """The newest result of `edgeenh bench peers`, `streams`, `scaling` and `roofline` per name of its file, each a section."""
    found: dict[str, tuple[str, Json]] = {}
    for path in oldest_first(folder):
        document = json.loads(path.read_text(encoding="utf-8"))
        match = re.fullmatch(r"edgeenh\.bench-([a-z]+)/\d+", str(document.get("schema", "")))
        if match and match[1] in _COMPARISONS:
            found[_name(path, match[1])] = match[1], document
    return [_section(name, command, document) for name, (command, document) in sorted(found.items())]


def _name(path: Path, command: str) -> str:
    """Without day and machine: `peers-720p` of `2026-11-29-peers-720p-intel-xeon-2c.json`."""
    match = re.match(rf"\d{{4}}-\d\d-\d\d-({command}(?:-\d+p)?)-", path.name)
    return match[1] if match else path.stem


def _section(name: str, command: str, document: Json) -> str:
    title = f"## {name.replace('-', ', ')}\n\n{where(f'edgeenh bench {command}', document)}:\n\n"
    # Sentences stand one below the other; in Markdown they need two spaces to stay so.
    text = re.sub(r"(?m)^(?!\|)(.+)$", r"\1  ", _COMPARISONS[command](document))
    return f"{title}{text}\n"
