"""The peers' comparison for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeenh_bench.noise import noise_line
from edgeenh_bench.result import INTERRUPTED, doubts
from edgeenh_bench.table import grid

Json = Mapping[str, Any]


def render(document: Json) -> str:
    """A table of what ran, fastest first, and a list of what could not."""
    ran = sorted((row for row in document["rows"] if row["available"]), key=lambda row: row["latency_ms"]["p50"])
    parts = [grid([HEAD, *(cells(row) for row in ran)])] if ran else []
    lines = [f"{row['label']}: {row['what']}" for row in ran]
    lines += [f"not measured: {row['label']}: {row['reason']}" for row in document["rows"] if not row["available"]]
    if app := document["benchmark_app"]:
        lines.append(app_line(app))
    if noise := document.get("noise"):
        lines.append(noise_line(noise))
    lines += [*document["remarks"], *doubts(document)]
    if document["interrupted"]:
        lines.append(INTERRUPTED)
    return "\n\n".join([*parts, "\n".join(lines)])


HEAD = ("row", "p50 ms", "times ours", "95 % interval", "frames", "PSNR dB", "memory MB")


def cells(row: Json) -> tuple[str, ...]:
    """A row that ran as texts under `HEAD`."""
    times = row["times_ours"]
    interval = "n/a" if times is None or times["low"] is None else f"{times['low']:.3g} to {times['high']:.3g}"
    psnr = "identical" if row["identical"] else "n/a" if row["psnr_db"] is None else f"{row['psnr_db']:.1f}"
    memory = "n/a" if row["rss_mb"] is None else f"{row['rss_mb']:.0f}"
    return (
        row["label"], f"{row['latency_ms']['p50']:.4g}", "n/a" if times is None else f"{times['value']:.3g}", interval,
        str(row["latency_ms"]["n"]), psnr, memory,
    )  # fmt: skip


def app_line(app: Json) -> str:
    """What OpenVINO's own clock said, in a sentence; `ours_over_theirs` stands in results of the first schema."""
    if not app["available"]:
        return f"benchmark_app: not measured: {app['reason']}"
    agrees = {True: "agrees within 5 %", False: "DISAGREES by more than 5 %", None: "nothing to compare it with"}
    if "ratio" not in app:
        return f"benchmark_app: median {app['median_ms']:.4g} ms on random pictures; ours over theirs {app['ours_over_theirs']}: {agrees[app['agrees']]}"
    ratio = app["ratio"]
    interval = "no interval" if ratio["low"] is None else f"{ratio['low']:.3f} to {ratio['high']:.3f}"
    decided = (
        "" if app["decided"] else ", which is not decided: its interval reaches across the limit, or there is none"
    )
    return (
        f"benchmark_app in turn with {app['row']}, {ratio['blocks']} rounds, {app['threads']} threads: median {app['median_ms']:.4g} ms on random pictures; "
        f"ours over theirs {ratio['value']:.3f} ({interval}): {agrees[app['agrees']]}{decided}"
    )
