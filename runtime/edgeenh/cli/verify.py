"""`edgeenh verify`: whether a bundle is exactly what its manifest says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgeenh.cli import output
from edgeenh.errors import IntegrityError

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("verify")(verify)


def verify(
    bundle: Path | None = typer.Argument(None, help="The .edgeenh file; without it, the one that ships with edgeenh."),
    json_target: output.JsonOption = None,
) -> None:
    """Check every byte of a bundle: its form, its manifest, each member's digest, and that its golden frames decode.

    This finds damage. It does not prove who made the bundle: it carries no signature. Exit 4 when something is wrong.

    Example: edgeenh verify dental-n.edgeenh
    """
    from edgeenh.bundle import Bundle

    try:
        opened = Bundle.shipped() if bundle is None else Bundle.open(bundle)
        frames = len(opened.golden())
    except IntegrityError as exc:
        output.emit_json(json_target, {**_head(bundle), "intact": False, "violation": str(exc)})
        raise
    output.emit_json(json_target, _document(opened, frames))
    members = len(opened.members) + 1
    output.say(
        f"{opened.path} is intact: {members} members, {opened.size:,} bytes, golden frames that decode: {frames}"
    )
    output.say(f"sha256 {opened.sha256} (unsigned: shows damage, not who made it)")
    output.next_step(f"edgeenh inspect {opened.path}")


def _head(bundle: Path | None) -> dict[str, Any]:
    return {"schema": "edgeenh.verify/1", "bundle": None if bundle is None else str(bundle)}


def _document(bundle: Bundle, golden_frames: int) -> dict[str, Any]:
    files = {name: {"bytes": file.bytes, "sha256": file.sha256} for name, file in bundle.manifest.files.items()}
    model = {"id": bundle.manifest.id, "version": bundle.manifest.version}
    return {
        **_head(bundle.path),
        "intact": True,
        "violation": None,
        "signed": False,
        "sha256": bundle.sha256,
        "bytes": bundle.size,
        "model": model,
        "golden_frames": golden_frames,
        "members": files,
    }
