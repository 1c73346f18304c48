"""The scaling measurement for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeenh_bench.result import INTERRUPTED, doubts
from edgeenh_bench.table import grid

Json = Mapping[str, Any]


def render(document: Json) -> str:
    """Sizes, frames in flight, cameras; then the exponents."""
    sizes = [SIZE_HEAD, *(size_cells(point) for point in document["sizes"])]
    flights = [FLIGHT_HEAD, *(flight_cells(point) for point in document["in_flight"])]
    cameras = [CAMERA_HEAD, *(camera_cells(one) for one in document["cameras"])]
    parts = [grid(sizes), *(grid(rows) for rows in (flights, cameras) if len(rows) > 1)]
    lines = [
        f"exponent of size with {threads} threads: {exponent_text(found)}"
        for threads, found in document["exponents"].items()
    ]
    lines += doubts(document)
    if document["interrupted"]:
        lines.append(INTERRUPTED)
    return "\n\n".join([*parts, "\n".join([f"{document['backend']}; batch: {document['batch']}", *lines])])


SIZE_HEAD = ("size", "threads", "p50 ms", "ms per megapixel")
FLIGHT_HEAD = ("in flight", "frames/s", "p50 ms")
CAMERA_HEAD = ("cameras", "captured", "enhanced", "dropped", "age p50 ms", "age max ms", "every frame accounted for")


def size_name(point: Json) -> str:
    """E.g. 1280×720."""
    return f"{point['size'][0]}×{point['size'][1]}"


def size_cells(point: Json) -> tuple[str, ...]:
    """A point of `sizes` as texts under `SIZE_HEAD`; one that did not run has its reason last."""
    if not point["available"]:
        return size_name(point), str(point["threads"]), "n/a", point["reason"]
    p50 = point["latency_ms"]["p50"]
    return size_name(point), str(point["threads"]), f"{p50:.3g}", f"{p50 / point['pixels'] * 1e6:.3g}"


def flight_cells(point: Json) -> tuple[str, ...]:
    """The same of `in_flight`, under `FLIGHT_HEAD`."""
    if not point["available"]:
        return str(point["in_flight"]), "n/a", point["reason"]
    return str(point["in_flight"]), f"{point['throughput_fps']:.1f}", f"{point['latency_ms']['p50']:.3g}"


def camera_cells(one: Json) -> tuple[str, ...]:
    """One of `cameras` as texts under `CAMERA_HEAD`; one that did not run has its reason last."""
    if not one.get("available", True):
        return (str(one["cameras"]), *["n/a"] * 5, one["reason"])
    counts = (str(one[name]) for name in ("cameras", "captured", "enhanced", "dropped"))
    age = one["age_ms"]
    ages = ("n/a", "n/a") if age is None else (f"{age['p50']:.3g}", f"{age['max']:.3g}")
    return (*counts, *ages, "yes" if one["holds"] else "NO")


def exponent_text(found: Json) -> str:
    """An exponent with its interval."""
    return (
        "n/a, it takes three sizes"
        if found["value"] is None
        else f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
    )
