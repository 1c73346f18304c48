"""The streams' comparison for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgeenh_bench.result import INTERRUPTED, doubts
from edgeenh_bench.streams.catalogue import PACED, SLOW, UNPACED
from edgeenh_bench.table import grid, tail

Json = Mapping[str, Any]

UNPACED_HEAD = (
    "row",
    "frames",
    "lost in silence",
    "frames/s",
    "times ours",
    "95 % interval",
    "first frame ms",
    "CPU ms a frame",
    "PSS MB",
    "RSS MB",
)
PACED_HEAD = ("row", "frames", "enhanced", "original, told", "dropped, told", "waiting, not told", "lost in silence", "age p50 ms", "p99", "max", "age grows ms/s", "95 % interval", "CPU ms a frame")  # fmt: skip


def render(document: Json) -> str:
    """A table per pace, what each shows in sentences, and a list of what could not run."""
    parts = []
    for title, name, rows in tables(document):
        parts += [title, grid([name, *rows])]
    lines = [*sentences(document), *(f"{row['label']}: {row['what']}" for row in document["rows"] if row["available"])]
    lines += refusals(document) + list(document["clip"]["remarks"]) + doubts(document)
    if document["interrupted"]:
        lines.append(INTERRUPTED)
    return "\n\n".join([*parts, "\n".join(lines)])


def tables(document: Json) -> list[tuple[str, Sequence[str], list[tuple[str, ...]]]]:
    """Title, head and cells of the table of each pace that was measured."""
    clip = document["clip"]
    sink_ms = {pace["name"]: pace["sink_ms"] for pace in document["method"]["paces"]}
    titles = {
        UNPACED: f"{clip['source']}, {clip['size'][0]}×{clip['size'][1]}, {clip['frames']} frames, as fast as it goes",
        PACED: f"At {clip['fps']:g} frames a second",
        SLOW: f"At {clip['fps']:g} frames a second, into a sink that needs {sink_ms[SLOW]:g} ms a frame",
    }
    found: list[tuple[str, Sequence[str], list[tuple[str, ...]]]] = []
    for name, title in titles.items():
        rows = [row for row in document["rows"] if name in row["paces"]]
        cells = unpaced_cells if name == UNPACED else paced_cells
        if rows:
            found.append((title, UNPACED_HEAD if name == UNPACED else PACED_HEAD, [cells(row, name) for row in rows]))
    return found


def unpaced_cells(row: Json, name: str) -> tuple[str, ...]:
    """A row's texts under `UNPACED_HEAD`."""
    seen, times = row["paces"][name], row["times_ours"]
    interval = "n/a" if times is None or times["low"] is None else f"{times['low']:.3g} to {times['high']:.3g}"
    counts = (str(seen["frames"]), str(seen["lost_in_silence"]), _number(seen["frames_per_second"]))
    ratio = "n/a" if times is None else f"{times['value']:.3g}"
    rest = (seen["first_frame_ms"], seen["cpu_ms_per_frame"], row["pss_mb"], row["rss_mb"])
    return (row["label"], *counts, ratio, interval, *map(_number, rest))


def paced_cells(row: Json, name: str) -> tuple[str, ...]:
    """A row's texts under `PACED_HEAD`."""
    seen = row["paces"][name]
    age, growth = seen["age_ms"] or {}, seen["age_growth_ms_per_s"]
    told = (sum(seen[kind].values()) for kind in ("passthrough", "dropped"))
    counts = (seen["frames"], seen["out"], *told, seen["waiting"], seen["lost_in_silence"])
    ages = (_number(age.get("p50")), tail(age, "p99") if age else "n/a", _number(age.get("max")))
    grows = (
        ("n/a", "n/a") if growth is None else (f"{growth['value']:.3g}", f"{growth['low']:.3g} to {growth['high']:.3g}")
    )
    return (row["label"], *map(str, counts), *ages, *grows, _number(seen["cpu_ms_per_frame"]))


def sentences(document: Json) -> list[str]:
    """What the slow sink showed: who says what became of frames, and who lets them grow old."""
    return [_sentence(row, row["paces"][SLOW]) for row in document["rows"] if SLOW in row["paces"]]


def _sentence(row: Json, seen: Json) -> str:
    oldest = f"the last frame was {seen['last_age_ms']:.0f} ms old"
    growth = seen["age_growth_ms_per_s"]
    grows = growth is not None and growth["low"] > 0 and growth["value"] >= 1
    ageing = f", and {growth['value']:.0f} ms older for every second" if grows else ""
    told = sum(seen["dropped"].values())
    said = f"it dropped {told} of {seen['frames']} and said so" if told else "it said nothing"
    behind = f"; {seen['waiting']} frames were still waiting" if seen["waiting"] else ""
    return f"{row['label']}, slow sink: {oldest}{ageing}{behind}; {said}"


def refusals(document: Json) -> list[str]:
    """What could not run, or failed in the middle, each with the reason."""
    return [
        f"not measured: {row['label']}: {row['reason']}" + (f" → {row['fix']}" if row["fix"] else "")
        for row in document["rows"]
        if not row["available"]
    ]


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"
