"""A Markdown table of the targets' figures, of the newest results in a folder."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeenh_bench.result import BUSY
from edgeenh_bench.targets import TARGETS

_NAME = re.compile(r"(\d{4}-\d\d-\d\d)-([a-z0-9-]+?)-(?:amd|intel|arm|apple|nvidia)[a-z0-9-]*\.json")

Json = Mapping[str, Any]


def newest(folder: Path) -> dict[str, Path]:
    """What was asked for, such as `fp16-precision --model xray-n` → its newest result."""
    found: dict[str, Path] = {}
    for path in oldest_first(folder):
        if (match := _NAME.fullmatch(path.name)) and (asked := _asked(match[2])):
            found[asked] = path
    return dict(sorted(found.items()))


def oldest_first(folder: Path) -> list[Path]:
    """The JSON files of a folder by the day in their names; of one day, as they say that they were made, whatever the machine's name."""

    def when(path: Path) -> tuple[str, str, str]:
        document = json.loads(path.read_text(encoding="utf-8"))
        return path.name[:10], str(document.get("created", "")), path.name

    return sorted(folder.glob("*.json"), key=when)


def _asked(name: str) -> str | None:
    """The target's name, with the model that another name than the target's ends in; None where there is no such target."""
    if name in TARGETS:
        return name
    target = max((target for target in TARGETS if name.startswith(f"{target}-")), key=len, default=None)
    return target and f"{target} --model {name[len(target) + 1 :]}"


def nearest(figures: Sequence[Json]) -> list[tuple[Json, int]]:
    """Of one target's figures those that are missed, or else the one nearest its limit; with each how many more hold."""
    missed = [figure for figure in figures if not figure["passed"]]
    if missed:
        return [(figure, 0 if at else len(figures) - len(missed)) for at, figure in enumerate(missed)]
    return [(min(figures, key=_headroom), len(figures) - 1)] if figures else []


def _headroom(figure: Json) -> float:
    """How far a figure that holds is from its nearer limit, in parts of the limit.

    Farthest are limits of 0, and counts at their limit (none lost, 100 of 100): these could not be better, and tell least.
    """
    limits = [limit for limit in (figure["at_least"], figure["at_most"]) if limit not in (None, 0.0, figure["value"])]
    return min((abs(figure["value"] - limit) / abs(limit) for limit in limits), default=math.inf)


def table(folder: Path, choose: Callable[[Sequence[Json]], Sequence[tuple[Json, int]]]) -> str:
    """The figures that `choose` takes of each target's as Markdown; each row names the command, the machine and the day."""
    lines = [
        "| figure | measured | limit | | `python -m edgeenh_bench.targets …`, machine, day |",
        "|---|---|---|---|---|",
    ]
    for target, path in newest(folder).items():
        result = json.loads(path.read_text(encoding="utf-8"))
        figures = [figure for figure in result["figures"] if figure["passed"] is not None]
        lines += [_row(figure, more, where(target, result)) for figure, more in choose(figures)]
    return "\n".join(lines)


def _row(figure: Json, more: int, where: str) -> str:
    limits = [
        f"{word} {number(figure[key])}"
        for word, key in (("≥", "at_least"), ("≤", "at_most"))
        if figure[key] is not None
    ]
    unit = f" {figure['unit']}" if figure["unit"] else ""
    verdict = "holds" if figure["passed"] else "**missed**"
    verdict += f"; {more} more hold" if more else ""
    return f"| {figure['name']} | {number(figure['value'])}{unit} | {', '.join(limits)} | {verdict} | {where} |"


def where(command: str, result: Json) -> str:
    """What was run, on what and when, and how busy the machine was if it was."""
    cpu = result["environment"]["cpu"]
    simd = "AVX-512" if "avx512f" in cpu["flags"] else "AVX2" if "avx2" in cpu["flags"] else "no AVX2"
    busy = result.get("cpu_share_of_other_programs") or 0.0
    where = f"`{command}`, {cpu['model']} ({cpu['cores_allowed']} cores, {simd}), {result['created'][:10]}"
    return where + (f"; other programs used {busy:.0%}" if busy > BUSY else "")


def number(value: float | None) -> str:
    """Three digits of it, or all of a whole one."""
    if value is None or not math.isfinite(value):
        return "none"
    return f"{value:.0f}" if value == round(value) else f"{value:.3g}"
