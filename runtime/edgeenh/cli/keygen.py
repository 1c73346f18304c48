"""`edgeenh keygen`: a key pair for signing bundles."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer

from edgeenh.cli import output


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("keygen")(keygen)


def keygen(
    key: Path = typer.Argument(..., metavar="KEY", help="Where the private key goes; the public one goes to KEY.pub."),
    json_target: output.JsonOption = None,
) -> None:
    """Make an Ed25519 key pair in PEM form: KEY (mode 0600, keep it off the stations) and KEY.pub (for the stations).

    A file that is there is never overwritten.

    Example: edgeenh keygen release.key
    """
    from edgeenh.bundle.keys import generate, public_of

    made = generate(key)
    public = public_of(key)
    document = {"schema": "edgeenh.keygen/1", "private": str(key), "public": str(public), "key_id": made.id}
    output.emit_json(json_target, document)
    output.say(f"private key {key}: signs bundles; keep a copy, and keep it off the stations")
    output.say(f"public key  {public}: goes to every station")
    output.say(f"key id      {made.id}")
    output.next_step(f"edgeenh sign F.edgeenh --key {shlex.quote(str(key))}")
