"""MIT-Adobe FiveK arranged for unpaired training: inputs of some pictures, expert C's versions of others, and a paired test.

V. Bychkovsky et al., "Learning photographic global tonal adjustment with a database of input/output image pairs", CVPR 2011. The
protocol is that of UEGAN (Z. Ni et al., IEEE TIP 29, 2020): 2,250 inputs, expert C of 2,250 other pictures, 500 test pairs. The
division itself was not published; here a seed or a list of test pictures decides it, and `split.json` records it. Pictures that
cannot be used are left out after the division and named; more than 5 % of them stop the command. The licence of the pictures is for
research only: weights trained on them may not ship.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeenh.errors import InputError, PictureError, UsageError
from edgeenh.files import make_folder, translate_write_error, write_bytes, write_text
from edgeenh_train.data.folder import refuse_many
from edgeenh_train.data.profiles import is_not_srgb
from edgeenh_train.data.reading import Picture, as_uint8, read_any
from edgeenh_train.dataset.degrade import encoded, resized, resized_to
from edgeenh_train.dataset.layouts import Layout, find_layout
from edgeenh_train.domains import refuse_strangers

SCHEMA = "edgeenh.dataset.fivek/1"
SPLIT = "split.json"
UEGAN_DOMAIN, UEGAN_TEST = 2250, 500
TEST_SHARE = 0.1
LEAST = 5
ASPECT_TOLERANCE = 0.01
"""Exporters round: the sides of one picture may differ by a pixel or two between its versions, not its form."""


@dataclass(frozen=True, slots=True)
class Division:
    """Names without suffix, each sorted; no name is in two of them."""

    low: list[str]
    high: list[str]
    test: list[str]
    unused: list[str]


def divide(names: list[str], protocol: str, seed: int, test: list[str] | None = None) -> Division:
    """Decide which picture serves for what.

    Args:
        names: Of all pairs.
        protocol: `uegan` (2,250 + 2,250 + 500 exactly) or `proportional` (45 + 45 + 10 %, at least one test pair).
        seed: Decides everything that the list does not.
        test: Names of the test pictures; None leaves them to the seed.

    Raises:
        UsageError: The protocol is unknown.
        InputError: Too few pairs, or the list names pictures that are not there, or twice, or of a number that does not fit.
    """
    if protocol not in ("uegan", "proportional"):
        raise UsageError(f"--protocol is {protocol!r}, expected uegan or proportional")
    exact = protocol == "uegan"
    least = 2 * UEGAN_DOMAIN + UEGAN_TEST if exact else LEAST
    if len(names) < least:
        other = ": use --protocol proportional" if exact and len(names) >= LEAST else ": add pairs"
        raise InputError(f"{len(names)} pairs were found, expected at least {least:,} for --protocol {protocol}{other}")
    order = [sorted(names)[i] for i in np.random.default_rng([seed]).permutation(len(names))]
    wanted = UEGAN_TEST if exact else max(1, round(TEST_SHARE * len(names)))
    chosen = order[:wanted] if test is None else _listed(test, order, wanted if exact else None)
    rest = [name for name in order if name not in set(chosen)]
    size = UEGAN_DOMAIN if exact else (len(rest) + 1) // 2
    parts = (rest[:size], rest[size : 2 * size], chosen, rest[2 * size :])
    return Division(*(sorted(part) for part in parts))


def _listed(test: list[str], names: list[str], wanted: int | None) -> list[str]:
    absent = sorted(set(test) - set(names))
    if absent:
        raise InputError(
            f"the test list names {', '.join(absent[:5])} ({len(absent)} in all) without a pair: correct the list"
        )
    if len(set(test)) != len(test) or not test:
        raise InputError(
            f"the test list has {len(test)} names, {len(set(test))} different: name at least one, each once"
        )
    if wanted is not None and len(test) != wanted:
        raise InputError(f"the test list has {len(test)} names, expected {wanted} for --protocol uegan")
    if len(names) - len(test) < LEAST - 1:
        raise InputError(
            f"the test list leaves {len(names) - len(test)} pairs to train on, expected at least {LEAST - 1}: shorten it"
        )
    return test


def read_test_list(path: Path) -> list[str]:
    """Names in a text file, one a line, with or without suffix; empty lines and those that begin with # are skipped.

    Raises:
        InputError: It cannot be read as text.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path} cannot be read as a list of names ({exc}): give a UTF-8 text file") from exc
    words = [line.strip() for line in lines]
    return [Path(word).stem for word in words if word and not word.startswith("#")]


def arrange(
    folder: Path, out: Path, *, protocol: str, seed: int, test_list: Path | None = None, short_side: int = 512,
    link: bool = False, progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write `out/low`, `out/high`, `out/test/input`, `out/test/truth` and `out/split.json`.

    Args:
        folder: Holds the two folders of pictures.
        out: Folder to fill.
        protocol, seed: As for `divide`.
        test_list: File with the names of the test pictures.
        short_side: Copies are 8-bit PNG of at most this short side, pixels; smaller pictures keep their size.
        link: Make symbolic links to the pictures as they are instead.
        progress: Called with pictures done and pictures in all.

    Returns:
        The document of `split.json`; `unreadable` has a line for every picture, or pair for the test, left out.

    Raises:
        UsageError: The protocol is unknown, or `out` holds other files.
        InputError: See `find_layout` and `divide`; or a picture is not RGB, or of another form than its partner; or more than 5 %
            cannot be used.
        OutputFailed: The disk is full.
    """
    layout = find_layout(folder)
    division = divide(list(layout.pairs), protocol, seed, read_test_list(test_list) if test_list else None)
    _prepare(out, layout, division, link=link)
    jobs = [(part, name) for part in _PARTS for name in getattr(division, part)]
    left_out: dict[str, str] = {}
    for done, (part, name) in enumerate(jobs, start=1):
        targets = dict(zip(_folders(out, part), _PARTS[part], strict=True))
        try:
            _write(layout.pairs[name], name, targets, None if link else short_side)
        except PictureError as exc:
            left_out[name] = str(exc)
            refuse_many(folder, list(left_out.values()), len(jobs))
            for target in targets:  # what an earlier run made of it
                (target / f"{name}.png").unlink(missing_ok=True)
        if progress is not None:
            progress(done, len(jobs))
    division = _without(division, left_out)
    document = {
        "schema": SCHEMA,
        "layout": {"input": layout.input.name, "expert": layout.expert.name, "found": str(layout)},
        "protocol": protocol,
        "seed": seed,
        "test_list": test_list.name if test_list else None,
        "short_side": None if link else short_side,
        "counts": {part: len(names) for part, names in asdict(division).items()},
        **asdict(division),
        "unreadable": list(left_out.values()),
    }
    write_text(out / SPLIT, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return document


_PARTS = {"low": (0,), "high": (1,), "test": (0, 1)}
"""What becomes of a pair's sides: 0 is the input, 1 expert C."""


def _folders(out: Path, part: str) -> list[Path]:
    """Where the sides go, in the order of `_PARTS`."""
    return [out / part / "input", out / part / "truth"] if part == "test" else [out / part]


def _prepare(out: Path, layout: Layout, division: Division, *, link: bool) -> None:
    """Make every folder, once none of them is found to hold other files."""
    for part, sides in _PARTS.items():
        for target, side in zip(_folders(out, part), sides, strict=True):
            names = getattr(division, part)
            refuse_strangers(target, {layout.pairs[n][side].name if link else f"{n}.png" for n in names})
    for part in _PARTS:
        for target in _folders(out, part):
            make_folder(target)


def _write(pair: tuple[Path, Path], name: str, targets: dict[Path, int], short_side: int | None) -> None:
    """A side of the pair into each folder, all or none: as links, or as copies of a short side."""
    if short_side is None:
        for folder, side in targets.items():
            _link(pair[side], folder)
        return
    copies = {folder: encoded(_rendered(pair, side, short_side)) for folder, side in targets.items()}
    for folder, copy in copies.items():
        write_bytes(folder / f"{name}.png", copy)


def _without(division: Division, left_out: Collection[str]) -> Division:
    kept = {part: [name for name in getattr(division, part) if name not in left_out] for part in _PARTS}
    return replace(division, **kept)


def _rendered(pair: tuple[Path, Path], side: int, short_side: int) -> Picture:
    """One side of a pair at 8 bit; expert C takes the size of its input, so that a test pair fits pixel by pixel."""
    image = _colour(pair[side])
    if side == 0:
        return as_uint8(resized(image, width=None, short_side=short_side, enlarge=False))
    height, width = _colour(pair[0]).shape[:2]
    if abs(width / height / (image.shape[1] / image.shape[0]) - 1.0) > ASPECT_TOLERANCE:
        raise InputError(
            f"{pair[0]} is {width}×{height} and {pair[1]} {image.shape[1]}×{image.shape[0]}: expected the same form; "
            "export both without cropping"
        )
    scale = min(1.0, short_side / min(height, width))
    size = (round(width * scale), round(height * scale))
    return as_uint8(image if size == (image.shape[1], image.shape[0]) else resized_to(image, *size))


def _colour(path: Path) -> Picture:
    image = read_any(path)
    if is_not_srgb(path.read_bytes()):
        raise PictureError(f"{path} has a colour profile other than sRGB, which is not applied: export it in sRGB")
    if image.shape[2] != 3:
        raise InputError(f"{path} is a grey picture, expected RGB: export it again in colour")
    return image


def _link(source: Path, folder: Path) -> None:
    target = folder / source.name
    try:
        if target.is_symlink() or target.exists():
            target.unlink()
        target.symlink_to(source.resolve())
    except OSError as exc:
        raise translate_write_error(target, exc) from exc
