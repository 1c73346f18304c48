"""`edgeenh dataset split | degrade | fivek`: their options, and what they print. Imports nothing heavy."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeenh.cli import output
from edgeenh.cli.output import JsonOption

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to fill.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all that chance decides.")]


def register(app: typer.Typer) -> None:
    """Add the command group `dataset`."""
    group = typer.Typer(
        no_args_is_help=True, help="Make data sets: split by subject, degrade by a camera model, FiveK."
    )
    group.command("split")(_split)
    group.command("degrade")(_degrade)
    group.command("fivek")(_fivek)
    app.add_typer(group, name="dataset")


def _split(
    pictures: Annotated[Path, typer.Argument(metavar="PICTURES", help="Folder of pictures, with subfolders.")],
    out: Out,
    subject: Annotated[
        str,
        typer.Option(metavar="REGEX", help="Its first group finds in a file's path within PICTURES whom it shows."),
    ],
    hold_out: Annotated[str, typer.Option(metavar="A,B", help="Subjects to hold back for tests.")] = "",
    by: Annotated[
        str, typer.Option(metavar="quality|half", help="Low and high by score, or two halves of the good pictures.")
    ] = "quality",
    seed: Seed = 0,
    json_target: JsonOption = None,
) -> None:
    r"""Split a folder into a low and a high domain, and hold subjects back: one person is never on both sides of a test.

    quality: by brightness and yellowness, the lower half is low, the upper third high. half: of each subject's good
    pictures a random half is low, the other high: other scenes of one quality, for `edgeenh dataset degrade`.

    Example: edgeenh dataset split photos --out data --subject 'patient(\d+)' --hold-out 7,10 --by half
    """
    from edgeenh_train.dataset.splitting import split

    held = frozenset(filter(None, (name.strip() for name in hold_out.split(","))))
    with output.progress("split", None, "pictures") as bar:
        document = split(
            pictures, out, subject=subject, hold_out=held, by=by, seed=seed,
            progress=lambda done, total: bar.update(done, f"of {total}"),
        )  # fmt: skip
    _say_left_out(document["unreadable"])
    output.emit_json(json_target, document)
    output.say(", ".join(f"{out / name}: {len(members)}" for name, members in document["parts"].items()))
    low, high = shlex.quote(str(out / "low")), shlex.quote(str(out / "high"))
    if by == "half":
        output.next_step(
            f"edgeenh dataset degrade {low} --out {shlex.quote(str(out / 'low-dental'))} --camera dental --inputs-only"
        )
    else:
        output.next_step(f"edgeenh train --low {low} --high {high} --out runs/mine")


def _say_left_out(reasons: list[str]) -> None:
    for line in reasons:
        output.remark(f"left out: {line}")


def _degrade(
    pictures: Annotated[Path, typer.Argument(metavar="PICTURES", help="Folder of good pictures.")],
    out: Out,
    camera: Annotated[
        str, typer.Option(metavar="NAME", help="Camera model: dental, dental-b, dental-noise, xray.")
    ] = "dental",
    seed: Seed = 1,
    copies: Annotated[int, typer.Option(min=1, help="Degraded copies of each picture.")] = 1,
    width: Annotated[int | None, typer.Option(min=16, help="Width of the results in pixels.")] = None,
    short_side: Annotated[int | None, typer.Option(min=16, help="Or their short side.")] = None,
    bits: Annotated[
        int | None, typer.Option(min=9, max=16, help="Bits that the values of 16-bit grey files have, e.g. 12.")
    ] = None,
    inputs_only: Annotated[
        bool, typer.Option("--inputs-only", help="No truth: a low domain, straight in --out.")
    ] = False,
    json_target: JsonOption = None,
) -> None:
    """Degrade good pictures by a camera model into pairs of input and truth; every draw is recorded in draws.json.

    Example: edgeenh dataset degrade data/held-out --out data/test --camera dental --seed 1 --width 640
    """
    from edgeenh_train.dataset.degrade import Request, degrade

    request = Request(pictures, out, camera, seed, copies, width, short_side, inputs_only, bits or 0)
    with output.progress("degrade", None, "pictures") as bar:
        document = degrade(request, lambda done, total: bar.update(done, f"of {total}"))
    _say_left_out(document["unreadable"])
    output.emit_json(json_target, document)
    output.say(
        f"{out}: {len(document['pictures'])} {'pictures' if inputs_only else 'pairs'} by camera {camera}, seed {seed}"
    )
    quoted = shlex.quote(str(out))
    output.next_step(
        f"edgeenh train --low {quoted} --high GOOD --out runs/mine"
        if inputs_only
        else f"edgeenh train --pairs {quoted} --out runs/mine"
    )


def _fivek(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Holds input/ and expertC/ (or other usual names).")],
    out: Out,
    protocol: Annotated[
        str, typer.Option(metavar="uegan|proportional", help="2,250 + 2,250 + 500, or 45 + 45 + 10 %.")
    ] = "uegan",
    seed: Seed = 0,
    test_list: Annotated[
        Path | None,
        typer.Option(metavar="F.txt", help="Names of the test pictures, one a line; else the seed decides."),
    ] = None,
    short_side: Annotated[int, typer.Option(min=16, help="Largest short side of the 8-bit copies, pixels.")] = 512,
    link: Annotated[
        bool, typer.Option("--link", help="Symbolic links to the pictures as they are, no copies.")
    ] = False,
    json_target: JsonOption = None,
) -> None:
    """Arrange MIT-Adobe FiveK for unpaired training: inputs, expert C of other pictures, and paired test pictures.

    Example: edgeenh dataset fivek FiveK --out data/fivek --protocol uegan --short-side 512
    """
    from edgeenh_train.dataset.fivek import arrange

    with output.progress("fivek", None, "pictures") as bar:
        document: dict[str, Any] = arrange(
            folder, out, protocol=protocol, seed=seed, test_list=test_list, short_side=short_side, link=link,
            progress=lambda done, total: bar.update(done, f"of {total}"),
        )  # fmt: skip
    _say_left_out(document["unreadable"])
    output.emit_json(json_target, document)
    counts = document["counts"]
    output.say(f"found {document['layout']['found']}")
    output.say(", ".join(f"{out / name}: {counts[name]}" for name in ("low", "high", "test")))
    if counts["unused"]:
        output.remark(
            f"{counts['unused']} pairs are not used by --protocol {protocol}; {out / 'split.json'} names them"
        )
    output.remark("the licence of FiveK is for research only: weights trained on it may not ship")
    low, high = shlex.quote(str(out / "low")), shlex.quote(str(out / "high"))
    output.next_step(f"edgeenh train --low {low} --high {high} --out runs/fivek")
