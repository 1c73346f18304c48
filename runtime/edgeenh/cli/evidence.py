"""`edgeenh evidence`: what approval asks for, in one signed file; and its check."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edgeenh.cli import output
from edgeenh.cli.model import FloorOption, ModelOption, PublicKeyOption

HELP = """Collect evidence about this station in one ZIP: software (CycloneDX bill of materials, SOUP list), the bundle's manifest,
gate table and signature, results of runs (--results), configuration, the chained events and their check, an assurance case
and a threat model. What was not found is listed as missing. Nothing in it claims conformity with a regulation.

Exit: 0 done; 2 bad usage or input; 4 the bundle, or (verify) the pack, is not what it says.

Example: edgeenh evidence --out pack.zip --key station.key --results benchmarks/results

Example: edgeenh evidence verify pack.zip --public-key station.key.pub
"""


def register(app: typer.Typer) -> None:
    """Add the command and its subcommand."""
    group = typer.Typer(help=HELP, invoke_without_command=True, rich_markup_mode=None)
    group.callback(invoke_without_command=True, help=HELP)(evidence)
    group.command("verify")(verify)
    app.add_typer(group, name="evidence")


def evidence(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", metavar="F.zip", help="The pack.")] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="KEY", help="Sign with this private key.")] = None,
    model: ModelOption = None,
    public_key: PublicKeyOption = None,
    floor: FloorOption = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="F.toml", help="The station's file.")] = None,
    events: Annotated[Path | None, typer.Option("--events", metavar="FILE", help="The journal of events.")] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option("--results", metavar="DIR|FILE", help="Results of runs; more than once if wanted."),
    ] = None,
    json_target: output.JsonOption = None,
) -> None:
    """See `HELP`."""
    if context.invoked_subcommand is not None:
        return
    from edgeenh import __version__
    from edgeenh.bundle.keys import load_private, public_of
    from edgeenh.errors import UsageError
    from edgeenh.evidence.collect import Collection
    from edgeenh.evidence.pack import write_pack
    from edgeenh.loading import open_bundle

    if out is None:
        raise UsageError("evidence needs --out F.zip: where the pack is written")
    signer = None if key is None else load_private(key)
    created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    found = Collection(created)
    found.software()
    found.bundle(open_bundle(model, public_key, floor), key_checked=public_key is not None)
    found.results(results or [])
    found.configuration(config)
    found.events(events)
    found.texts()
    about = {"created": created, "edgeenh": __version__, "missing": found.missing, "wrong": found.wrong}
    digest = write_pack(out, found.members, about, signer)
    document = {"schema": "edgeenh.evidence/1", "pack": str(out), "index_sha256": digest, "missing": found.missing}
    document["wrong"] = found.wrong
    output.emit_json(json_target, {**document, "members": sorted(found.members), "signed": signer is not None})
    for name, why in found.missing.items():
        output.remark(f"not in the pack: {name}: {why}")
    for name, why in found.wrong.items():
        output.remark(f"in the pack, and wrong: {name}: {why}")
    if signer is None:
        output.remark("the pack is not signed: give --key, or nobody can tell it from a forged one")
    output.say(f"{out}: {len(found.members)} members, index {digest}")
    checked = f" --public-key {shlex.quote(str(public_of(key)))}" if key else ""
    output.next_step(f"edgeenh evidence verify {shlex.quote(str(out))}{checked}")


def verify(
    pack: Annotated[Path, typer.Argument(metavar="F.zip", help="The pack.", show_default=False)],
    public_key: Annotated[
        Path | None, typer.Option("--public-key", metavar="F.pub", help="Refuse a pack that this key did not sign.")
    ] = None,
    json_target: output.JsonOption = None,
) -> None:
    """Check a pack: every member as its index says, none missing or extra, the events in it an unbroken chain, and with --public-key whose it is.

    Exit: 0 it is; 2 bad usage; 4 it is not.

    Example: edgeenh evidence verify pack.zip --public-key station.key.pub
    """
    from edgeenh.bundle.keys import load_public
    from edgeenh.errors import IntegrityError
    from edgeenh.evidence.events import problem_of
    from edgeenh.evidence.pack import read_pack

    found = read_pack(pack, None if public_key is None else load_public(public_key))
    document = {
        "schema": "edgeenh.evidence-verify/1", "pack": str(pack), "members": len(found.members), "signed_by": found.key_id,
        "signature_checked": found.checked, "created": found.index.get("created"), "missing": found.missing,
        "events_problem": (broken := problem_of(found)),
    }  # fmt: skip
    output.emit_json(json_target, document)
    output.say(f"{pack}: {len(found.members)} members, each as the index says")
    if found.checked and found.key_id is not None:
        output.say(f"signed by the key {found.key_id[:16]}…")
    else:
        signed = "its signature was not checked: give --public-key" if found.key_id else "it is not signed"
        output.remark(f"{signed}; digests alone find damage, not forgery")
    for name, why in found.missing.items():
        output.remark(f"the pack says that it does not have: {name}: {why}")
    if broken:
        raise IntegrityError(
            f"{pack}: its events are no unbroken history: {broken}; ask whoever made it for the journal"
        )
    output.next_step(f"unzip -l {shlex.quote(str(pack))}")
