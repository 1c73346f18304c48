"""The options that choose a model and a backend, and what the commands say about them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeenh.errors import UsageError
from edgeenh.pixels import RGB

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.containment.enhancer import ContainedEnhancer
    from edgeenh.enhancer import Enhancer

    AnyEnhancer = Enhancer | ContainedEnhancer

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


def cache_folder() -> Path:
    """Where commands keep what can be made again: `$XDG_CACHE_HOME/edgeenh`, else `~/.cache/edgeenh`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "edgeenh"


def parse_floor(floor: str | None) -> int | Path | None:
    """What `--floor` means: a whole number is a version, anything else a file."""
    if floor is None:
        return None
    return int(floor) if floor.isascii() and floor.isdigit() and len(floor) <= 10 else Path(floor)


def open_bundle(model: Path | None, public_key: Path | None, floor: str | None) -> Bundle:
    """Open the bundle that a command was given, or the one in this package, as the station's options demand.

    Raises:
        InputError, IntegrityError, MissingExtra: As `Bundle.open`.
    """
    from edgeenh.bundle import Bundle

    lowest = parse_floor(floor)
    if model is None:
        return Bundle.shipped(public_key=public_key, floor=lowest)
    return Bundle.open(model, public_key=public_key, floor=lowest)


def load_enhancer(
    model: Path | None,
    backend: str,
    precision: str | None,
    strength: float | None,
    threads: int | None,
    device: str,
    public_key: Path | None = None,
    floor: str | None = None,
) -> Enhancer:
    """Load a bundle for a command, with this user's cache.

    Raises:
        InputError, IntegrityError: As `edgeenh.load`.
    """
    from edgeenh.enhancer import load

    return load(
        model,
        backend=backend,
        precision=precision,
        strength=1.0 if strength is None else strength,
        threads=threads,
        device=device,
        cache_dir=cache_folder(),
        public_key=public_key,
        floor=parse_floor(floor),
    )


def load_contained(
    model: Path | None,
    backend: str,
    precision: str | None,
    strength: float | None,
    threads: int | None,
    device: str,
    public_key: Path | None = None,
    floor: str | None = None,
) -> ContainedEnhancer:
    """As `load_enhancer`, with the backend in a worker process."""
    from edgeenh.containment.enhancer import ContainedEnhancer

    return ContainedEnhancer(
        open_bundle(model, public_key, floor),
        backend=backend,
        precision=precision,
        strength=1.0 if strength is None else strength,
        threads=threads,
        device=device,
        cache_dir=cache_folder(),
        public_key=public_key,
        floor=parse_floor(floor),
    )


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


def model_json(enhancer: AnyEnhancer) -> dict[str, Any]:
    """The bundle, as every JSON report names it."""
    manifest = enhancer.bundle.manifest
    return {"id": manifest.id, "version": manifest.version, "digest": enhancer.bundle.sha256}


def backend_json(enhancer: AnyEnhancer) -> dict[str, Any] | None:
    """What really ran, as every JSON report names it; None when nothing was opened."""
    info = enhancer.info
    if info is None:
        return None
    return {
        "name": info.backend,
        "provider": info.provider,
        "precision": info.precision,
        "device": info.device,
        "version": info.version,
        "engine_digest": info.engine_sha256,
    }


def describe(enhancer: AnyEnhancer) -> str:
    """Model and backend in one line for people."""
    manifest, info = enhancer.bundle.manifest, enhancer.info
    name = f"{manifest.id} {manifest.version}"
    return (
        f"{name}, not opened"
        if info is None
        else f"{name} on {info.backend} {info.version} ({info.provider}, {info.device}, {info.precision})"
    )


def next_step(source: str, model: Path | None, enhancer: AnyEnhancer) -> str:
    """The most useful command after frames were enhanced: the comparison of all backends, which are compared in colour."""
    if enhancer.pixels != RGB:
        return f"edgeenh inspect {shlex.quote(str(enhancer.bundle.path))}"
    chosen = f" --model {shlex.quote(str(model))}" if model else ""
    return f"edgeenh bench{chosen} --source {shlex.quote(source)}"
