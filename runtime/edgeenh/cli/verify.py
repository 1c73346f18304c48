"""`edgeenh verify`: whether a bundle is exactly what its manifest says, and what this station demands."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgeenh.cli import output
from edgeenh.cli.model import FloorOption, PublicKeyOption
from edgeenh.errors import IntegrityError, UsageError
from edgeenh.loading import open_bundle

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("verify")(verify)


def verify(
    bundle: Path | None = typer.Argument(None, help="The .edgeenh file; without it, the one that ships with edgeenh."),
    public_key: PublicKeyOption = None,
    floor: FloorOption = None,
    raise_floor: bool = typer.Option(
        False,
        "--raise-floor",
        help="Once it passed, write its version into the floor file: nothing older from then on.",
    ),
    json_target: output.JsonOption = None,
) -> None:
    """Check every byte of a bundle: its form, manifest, signature, members, graphs, and that its golden frames decode.

    Without --public-key this finds damage and does not prove who made the bundle. Exit 4 when something is wrong.

    Example: edgeenh verify dental-n.edgeenh --public-key release.key.pub --floor 2
    """
    floor_file = _floor_file(floor, public_key) if raise_floor else None
    demanded = None if floor_file is not None and not floor_file.exists() else floor
    try:
        opened = open_bundle(bundle, public_key, demanded)
        frames = len(opened.golden())
    except IntegrityError as exc:
        output.emit_json(json_target, {**_head(bundle), "intact": False, "violation": str(exc)})
        raise
    _tell(opened, frames)
    if floor_file is not None:
        _raise(floor_file, opened)
    output.emit_json(json_target, _document(opened, frames))
    output.next_step(f"edgeenh inspect {shlex.quote(str(opened.path))}")


def _floor_file(floor: str | None, public_key: Path | None) -> Path:
    """The file to raise: only what a trusted signature covers may bind a station for ever."""
    if floor is None or floor.isdigit():
        raise UsageError("--raise-floor writes into a floor file: give one with --floor FILE")
    if public_key is None:
        raise UsageError("--raise-floor believes the bundle's version only where it is signed: give --public-key")
    return Path(floor)


def _raise(floor_file: Path, bundle: Bundle) -> None:
    from edgeenh.bundle.trust import raise_floor

    model, version = bundle.manifest.id, bundle.manifest.version
    changed = raise_floor(floor_file, model, version)
    output.say(f"floor {floor_file}: {model} {'is now' if changed else 'stays'} at version {version} or newer")


def _tell(bundle: Bundle, golden_frames: int) -> None:
    from edgeenh.bundle import MANIFEST, SIGNATURE

    members = len([*bundle.members, MANIFEST, *([SIGNATURE] if bundle.signature else [])])
    output.say(
        f"{bundle.path} is intact: {members} members, {bundle.size:,} bytes, golden frames that decode: {golden_frames}"
    )
    output.say(f"sha256 {bundle.sha256}")
    output.say(describe_signature(bundle))


def describe_signature(bundle: Bundle) -> str:
    """Whether the bundle is signed, by whom, and whether that was proven, in one line."""
    if bundle.signature is None:
        return "unsigned: this shows damage, not who made it"
    by = f"signed by the key {bundle.signature.key_id}"
    return by if bundle.trusted else f"{by}, as it says itself: --public-key proves it"


def _head(bundle: Path | None) -> dict[str, Any]:
    return {"schema": "edgeenh.verify/1", "bundle": None if bundle is None else str(bundle)}


def _document(bundle: Bundle, golden_frames: int) -> dict[str, Any]:
    files = {name: {"bytes": file.bytes, "sha256": file.sha256} for name, file in bundle.manifest.files.items()}
    model = {"id": bundle.manifest.id, "version": bundle.manifest.version}
    return {
        **_head(bundle.path),
        "intact": True,
        "violation": None,
        "signed": bundle.signature is not None,
        "key_id": bundle.signature and bundle.signature.key_id,
        "trusted": bundle.trusted,
        "sha256": bundle.sha256,
        "bytes": bundle.size,
        "model": model,
        "golden_frames": golden_frames,
        "members": files,
    }
