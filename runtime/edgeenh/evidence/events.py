"""The journal in a pack: its chain is checked when the pack is made, and once more when it is verified."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeenh.evidence.pack import Pack

VERIFICATION = "events/verification.json"


def verification(files: Mapping[str, bytes]) -> dict[str, Any]:
    """What `events/verification.json` holds.

    Args:
        files: The journal's files by the names of the members, oldest first.
    """
    from edgeenh.monitoring.chain import verify_chain

    verdict = verify_chain(files)
    return {
        "holds": verdict.holds, "lines": verdict.lines, "head": verdict.head, "anchored": verdict.anchored,
        "problem": verdict.problem, "files": list(files),
    }  # fmt: skip


def problem_of(pack: Pack) -> str:
    """Why the events in a pack are no unbroken history, or not what the pack says of them; empty when they are, or when it has none."""
    if VERIFICATION not in pack.members:
        return ""
    try:
        said = json.loads(pack.members[VERIFICATION])
        # Packs from before the files were named say what was found when they were made.
        found = verification({name: pack.members[name] for name in said["files"]}) if "files" in said else said
        return str(found["problem"]) or ("" if found == said else f"{VERIFICATION} says something else than its files")
    except (ValueError, RecursionError, KeyError, TypeError):
        return f"{VERIFICATION} cannot be read"
