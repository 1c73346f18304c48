"""The scaling measurement for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeenh_bench.table import grid

Json = Mapping[str, Any]


def render(document: Json) -> str:
    """Sizes, frames in flight, cameras; then the exponents."""
    sizes = [("size", "threads", "p50 ms", "ms per megapixel"), *(_size(point) for point in document["sizes"])]
    flights = [("in flight", "frames/s", "p50 ms"), *(_flight(point) for point in document["in_flight"])]
    cameras = [
        ("cameras", "captured", "enhanced", "dropped", "age p50 ms", "age max ms"),
        *(_camera(one) for one in document["cameras"]),
    ]
    parts = [grid(sizes), *(grid(rows) for rows in (flights, cameras) if len(rows) > 1)]
    lines = [
        f"exponent of size with {threads} threads: {_exponent(found)}"
        for threads, found in document["exponents"].items()
    ]
    if document["cpu_share_of_other_programs"] > 0.10:
        lines.append(
            f"other programs used {document['cpu_share_of_other_programs']:.0%} of the CPU: run it again on an idle machine"
        )
    return "\n\n".join([*parts, "\n".join([f"{document['backend']}; batch: {document['batch']}", *lines])])


def _size(point: Json) -> tuple[str, ...]:
    name = f"{point['size'][0]}×{point['size'][1]}"
    if not point["available"]:
        return name, str(point["threads"]), "n/a", point["reason"]
    p50 = point["latency_ms"]["p50"]
    return name, str(point["threads"]), f"{p50:.3g}", f"{p50 / point['pixels'] * 1e6:.3g}"


def _flight(point: Json) -> tuple[str, ...]:
    if not point["available"]:
        return str(point["in_flight"]), "n/a", point["reason"]
    return str(point["in_flight"]), f"{point['throughput_fps']:.1f}", f"{point['latency_ms']['p50']:.3g}"


def _camera(one: Json) -> tuple[str, ...]:
    age = one["age_ms"] or {"p50": float("nan"), "max": float("nan")}
    return (str(one["cameras"]), str(one["captured"]), str(one["enhanced"]), str(one["dropped"]), f"{age['p50']:.3g}", f"{age['max']:.3g}")  # fmt: skip


def _exponent(found: Json) -> str:
    return "n/a" if found["value"] is None else f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
