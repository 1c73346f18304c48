"""What a program at the command line or a station opens: a bundle as its options demand, and an enhancer with this user's cache."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.containment.enhancer import ContainedEnhancer
    from edgeenh.enhancer import Enhancer

    AnyEnhancer = Enhancer | ContainedEnhancer


def cache_folder() -> Path:
    """Where commands keep what can be made again: `$XDG_CACHE_HOME/edgeenh`, else `~/.cache/edgeenh`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "edgeenh"


def parse_floor(floor: str | None) -> int | Path | None:
    """What `--floor` means: a whole number is a version, anything else a file.

    Raises:
        UsageError: It is a number below 0.
    """
    if floor is None:
        return None
    if re.fullmatch(r"-\d+", floor):
        from edgeenh.errors import UsageError

        raise UsageError(
            f"--floor {floor}: expected a version from 0, or the name of a floor file (./{floor} for such a name)"
        )
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
