"""What every result begins with, and what makes its figures doubtful."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from edgeenh.environment import fingerprint
from edgeenh.identity import bundle_json
from edgeenh_bench.clocks import throttling
from edgeenh_bench.source_tree import source_state

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle

BUSY = 0.10
"""Share of the machine's CPU time used by other programs above which figures carry a warning."""

INTERRUPTED = "interrupted: the figures are those of the frames measured until then; what is n/a was not come to"
"""What a result says that somebody ended."""


def head(schema: str, now: datetime, bundle: Bundle) -> dict[str, Any]:
    """Schema, date, commit, machine and model, as JSON values."""
    return {
        "schema": schema,
        "created": now.isoformat(timespec="seconds"),
        "source": source_state(),
        "environment": fingerprint(),
        "model": bundle_json(bundle),
    }


def doubts(document: Mapping[str, Any]) -> list[str]:
    """Why the figures of a result should be doubted, one line each: other programs, heat, and what it says of its own rows.

    The first results noted only some of these, or none.
    """
    share = document.get("cpu_share_of_other_programs", 0.0)
    busy = f"other programs used {share:.0%} of the CPU: run it again on an idle machine"
    clocks = document.get("clocks") or {}
    hot = throttling(clocks["before"], clocks["after"]) if clocks else []
    return [*([busy] if share > BUSY else []), *hot, *document.get("doubts", ())]
