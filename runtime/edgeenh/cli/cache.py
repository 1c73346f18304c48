"""`edgeenh cache`: what this station keeps so as not to make it again, why it was made, and away with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeenh.cli import output
from edgeenh.errors import UsageError
from edgeenh.loading import cache_folder

if TYPE_CHECKING:
    from edgeenh.cache import Entry, Reason

SCHEMA = "edgeenh.cache/1"

_ACTIONS = ("list", "why", "clear")
_TELLING = (
    "model",
    "precisions",
    "sizes",
    "library",
    "precision",
    "profile",
    "engine.backend",
    "engine.precision",
    "size",
    "bundle_sha256",
    "onnx_sha256",
)
_SHOWN = 40


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("cache")(cache)


def cache(
    action: Annotated[str, typer.Argument(metavar="[list|why|clear]", help="What to do; default: list.")] = "list",
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="The cache; default: this user's, in ~/.cache/edgeenh."),
    ] = None,
    json_target: output.JsonOption = None,
) -> None:
    """List what the station's cache holds, say why each entry was made (which field changed), or remove all entries.

    Entries are authenticated with the station's key; a file that this station did not write is named and never used.
    Exit 4 when others can read the station's key.

    Example: edgeenh cache why
    """
    place = folder or cache_folder()
    if action not in _ACTIONS:
        raise UsageError(f"there is no `edgeenh cache {action}`: choose {', '.join(_ACTIONS)}")
    if action == "clear":
        _clear(place, json_target)
        return
    good, foreign = _entries(place)
    shown = _list(place, good) if action == "list" else _why(good)
    document = {"schema": SCHEMA, "folder": str(place), "entries": shown, "refused": [str(path) for path in foreign]}
    output.emit_json(json_target, document)
    for path in foreign:
        output.remark(f"{path} was not written by this station and is never used: `edgeenh cache clear` removes it")
    output.next_step("edgeenh cache why" if action == "list" else "edgeenh cache clear")


def _entries(folder: Path) -> tuple[list[Entry], list[Path]]:
    from edgeenh.cache.store import Cache, kinds

    good: list[Entry] = []
    foreign: list[Path] = []
    for kind in kinds(folder):
        ours, others = Cache(folder, kind).entries()
        good, foreign = good + ours, foreign + others
    return good, foreign


def _list(folder: Path, entries: list[Entry]) -> list[dict[str, Any]]:
    total = sum(entry.size for entry in entries)
    output.say(f"{folder}: entries {len(entries)}, {total:,} bytes")
    for entry in entries:
        output.say(f"{entry.name}  {entry.kind:<9} {entry.size:>13,} bytes  {_label(entry)}")
    return [{"name": entry.name, "kind": entry.kind, "bytes": entry.size, "key": dict(entry.key)} for entry in entries]


def _why(entries: list[Entry]) -> list[dict[str, Any]]:
    from edgeenh.cache import reasons

    found = []
    for kind in dict.fromkeys(entry.kind for entry in entries):
        found += reasons([entry for entry in entries if entry.kind == kind])
    for reason in found:
        output.say(f"{reason.entry.name}  {reason.entry.kind:<9} {_because(reason)}")
    if not found:
        output.say("the cache holds nothing, so nothing was made again")
    return [_reason_json(reason) for reason in found]


def _because(reason: Reason) -> str:
    if reason.before is None:
        return "the first of its kind"
    return f"{'; '.join(change.text() for change in reason.changes)} (since {reason.before.name})"


def _reason_json(reason: Reason) -> dict[str, Any]:
    changed = [{"field": one.field, "before": one.before, "now": one.now} for one in reason.changes]
    before = reason.before and reason.before.name
    return {"name": reason.entry.name, "kind": reason.entry.kind, "before": before, "changes": changed}


def _clear(folder: Path, json_target: str | None) -> None:
    from edgeenh.cache.store import clear
    from edgeenh.files import translate_write_error

    try:
        files, size = clear(folder)
    except OSError as exc:
        raise translate_write_error(folder, exc) from exc
    output.emit_json(json_target, {"schema": SCHEMA, "folder": str(folder), "removed": files, "bytes": size})
    output.say(f"{folder}: removed {files} files, {size:,} bytes; the station's key stays")
    output.next_step("edgeenh run SOURCE --out OUT")


def _label(entry: Entry) -> str:
    """The few words of a key that tell entries apart for a person."""
    words = [f"{name} {entry.key[name]}" for name in _TELLING if entry.key.get(name)]
    return ", ".join(word if len(word) <= _SHOWN else word[: _SHOWN - 1] + "…" for word in words)
