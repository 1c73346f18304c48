"""The options that choose a model and a backend, and what commands make of them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeenh.errors import UsageError
from edgeenh.pixels import RGB

if TYPE_CHECKING:
    from edgeenh.loading import AnyEnhancer

ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="F.edgeenh",
        help="The bundle, or the name of one in this package: dental-n (colour, the default) or xray-n (grey).",
    ),
]
BackendOption = Annotated[
    str, typer.Option("--backend", metavar="NAME", help="auto = the fastest here that passes the golden frames.")
]
PrecisionOption = Annotated[
    str | None,
    typer.Option("--precision", metavar="P", help="fp32, fp16, bf16 or int8; default: as --backend chooses."),
]
StrengthOption = Annotated[
    float | None, typer.Option("--strength", metavar="S", help="0 (the original) to 1 (full effect); default 1.")
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", metavar="N", help="CPU threads per frame; default: all cores.")
]
BitsOption = Annotated[
    int | None,
    typer.Option(
        "--bits", metavar="N", help="Grey pictures: bits per value, 8 to 16; default: all that the file holds."
    ),
]
PublicKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--public-key",
        metavar="F.pub",
        envvar="EDGEENH_PUBLIC_KEY",
        help="Refuse a bundle that the owner of this key did not sign.",
    ),
]
FloorOption = Annotated[
    str | None,
    typer.Option(
        "--floor",
        metavar="N|FILE",
        envvar="EDGEENH_FLOOR",
        help="Refuse a bundle of a lower version; N, or a floor file.",
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", metavar="D", help="auto, cpu or cuda.")]


def check_bits(bits: int | None, enhancer: AnyEnhancer) -> None:
    """Refuse `--bits` that the bundle's pictures cannot have.

    Raises:
        UsageError: It is for colour, or they are not 8 to 16.
    """
    least, most = enhancer.pixels.bits
    if bits is None or least <= bits <= most:
        return
    name = enhancer.bundle.manifest.id
    takes = f"{least} to {most} bits" if most > least else "8 bits in colour, as every picture for it has"
    raise UsageError(f"--bits is {bits} and {name} takes {takes}: leave it out, or give another --model")


def next_step(source: str, model: Path | None, enhancer: AnyEnhancer) -> str:
    """The most useful command after frames were enhanced: the comparison of all backends, which are compared in colour."""
    if enhancer.pixels != RGB:
        return f"edgeenh inspect {shlex.quote(str(enhancer.bundle.path))}"
    chosen = f" --model {shlex.quote(str(model))}" if model else ""
    there = "" if source == "-" else f" --source {shlex.quote(source)}"  # a pipe was read, and cannot be read again
    return f"edgeenh bench{chosen}{there}"
