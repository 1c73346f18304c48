"""`edgeenh sign`: a signature into a bundle."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer

from edgeenh.cli import output


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("sign")(sign)


def sign(
    bundle: Path = typer.Argument(..., metavar="BUNDLE", help="The .edgeenh file."),
    key: Path = typer.Option(..., "--key", metavar="KEY", help="The private key from `edgeenh keygen`."),
    json_target: output.JsonOption = None,
) -> None:
    """Check a bundle and sign it: the member manifest.sig is added or replaced, every other byte stays.

    The file is replaced in one step; on any error it is as it was. Exit 4 when the bundle is not intact.

    Example: edgeenh sign dental-n.edgeenh --key release.key
    """
    from edgeenh.bundle import sign_bundle
    from edgeenh.bundle.keys import load_private, public_of

    signed = sign_bundle(bundle, load_private(key))
    assert signed.signature is not None
    key_id = signed.signature.key_id
    document = {"schema": "edgeenh.sign/1", "bundle": str(bundle), "sha256": signed.sha256, "key_id": key_id}
    output.emit_json(json_target, document)
    output.say(f"{bundle} ({signed.manifest.id} version {signed.manifest.version}) is signed by the key {key_id[:16]}…")
    output.say(f"sha256 {signed.sha256}")
    words = ["edgeenh verify", shlex.quote(str(bundle)), "--public-key", shlex.quote(str(public_of(key)))]
    output.next_step(" ".join(words))
