"""Tables of quality (`edgeenh evaluate --json`) as the page shows them: distance from the truth, beside speed and drift."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeenh.errors import InputError
from edgeenh_bench.stored_result import read_json

SCHEMA = "edgeenh.quality/1"
Json = Mapping[str, Any]


def read_quality(path: Path) -> dict[str, Any]:
    """Read what `edgeenh evaluate --json` wrote.

    Raises:
        InputError: It cannot be read, or is no such document.
    """
    document = read_json(path, "edgeenh evaluate --json")
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{path} is of schema {schema!r}, expected {SCHEMA}: give a file of `edgeenh evaluate --json`")
    return dict(document)


def tables(document: Json) -> list[dict[str, Any]]:
    """One table per set of pictures: its name, its head, and a row of texts per method; the best of each column is marked."""
    return [_table(one) for one in document["sets"]]


def _table(one: Json) -> dict[str, Any]:
    scorers = [scorer for scorer in one["scorers"] if not scorer["absent"]]
    best = {scorer["key"]: _best(one["rows"], scorer) for scorer in scorers}
    head = ["method", "parameters", "MACs per pixel", *(scorer["label"] for scorer in scorers)]
    rows = []
    for row in one["rows"]:
        cells = [(_text(row["summary"].get(scorer["key"])), row["name"] == best[scorer["key"]]) for scorer in scorers]
        facts = [(_count(row["facts"].get(key)), False) for key in ("parameters", "macs_per_pixel")]
        rows.append({"name": row["name"], "cells": [*facts, *cells]})
    return {"name": one["name"], "pictures": one["found"], "head": head, "rows": rows}


def _best(rows: list[Json], scorer: Json) -> str | None:
    """The method with the best mean; None where no direction is better, as for how much a picture was changed."""
    if scorer["higher_is_better"] is None:
        return None
    means = {row["name"]: (row["summary"].get(scorer["key"]) or {}).get("mean") for row in rows}
    found = {name: mean for name, mean in means.items() if mean is not None}
    pick = max if scorer["higher_is_better"] else min
    return pick(found, key=lambda name: found[name]) if found else None


def _text(figure: Json | None) -> str:
    if not figure or figure["mean"] is None:
        return "–"
    half = figure["half_width_95"]
    return f"{figure['mean']:.3g}" + ("" if half is None else f" ± {half:.2g}")


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}".replace(",", " ")
