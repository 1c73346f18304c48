"""A paired set made of good pictures by a camera model: what the camera would have seen, and the truth.

    OUT/input/NAME__k.png      degraded, copy k of picture NAME
    OUT/truth/NAME__k.png      the picture itself, at the size asked for
    OUT/draws.json             camera, seed, and every draw, by the file name of its picture

A draw depends on the seed, the picture's name and the copy alone: another picture in the folder changes nothing, and the same
command writes the same bytes. Pictures that cannot be used are left out and named; more than 5 % of them stop the command.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgeenh.errors import InputError, JobFailed, PictureError, UsageError
from edgeenh.files import make_folder, write_bytes, write_text
from edgeenh_train.camera import Camera, Draw, camera_named, draw_of
from edgeenh_train.camera.base import Float
from edgeenh_train.data.folder import picture_files, refuse_many
from edgeenh_train.data.reading import FULL_16, Picture, as_float, as_uint8, at_full_scale, read_any
from edgeenh_train.domains import refuse_strangers

SCHEMA = "edgeenh.dataset.degrade/1"
DRAWS = "draws.json"
LEAST_SIDE = 16


@dataclass(frozen=True, slots=True)
class Request:
    """What to make.

    Attributes:
        pictures: Folder of good pictures, with subfolders.
        out: Folder to fill.
        camera: Name of the camera model.
        seed: Seed of all draws.
        copies: Degraded copies of each picture.
        width, short_side: Size of the results in pixels; at most one is given, neither keeps each picture's size.
        inputs_only: Write the degraded pictures alone, directly into `out`: an unpaired low domain.
        bits: That the values of 16-bit grey files have; 0 = all of them. What is written has all of 16.
    """

    pictures: Path
    out: Path
    camera: str
    seed: int
    copies: int = 1
    width: int | None = None
    short_side: int | None = None
    inputs_only: bool = False
    bits: int = 0


def degrade(request: Request, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Make the set; returns the document of `draws.json`, whose `unreadable` has a line for every picture left out.

    Raises:
        UsageError: Two options exclude each other, the camera is unknown, or `out` lies in `pictures` or holds other files.
        InputError: No picture, two of one name, one of the wrong number of channels, or more than 5 % that cannot be used.
        OutputFailed: The disk is full.
    """
    camera = camera_named(request.camera)
    sources = _sources(request)
    names = {f"{name}__{copy}.png" for name in sources for copy in range(request.copies)}
    folders = [request.out] if request.inputs_only else [request.out / "input", request.out / "truth"]
    for folder in folders:
        refuse_strangers(folder, names | ({DRAWS} if request.inputs_only else set()))
    for folder in folders:
        make_folder(folder)
    records: list[dict[str, Any]] = []
    left_out: list[str] = []
    for done, (name, file) in enumerate(sources.items()):
        try:
            records.extend(_write_copies(request, camera, name, file, folders))
        except PictureError as exc:
            left_out.append(str(exc))
            refuse_many(request.pictures, left_out, len(sources))
            _remove_older(request, name, folders)
        if progress is not None:
            progress(done + 1, len(sources))
    document = _document(request, records, left_out)
    write_text(request.out / DRAWS, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return document


def _sources(request: Request) -> dict[str, Path]:
    """Every picture by the name of its results: its path in the folder, without suffix, with `-` between parts."""
    if request.width is not None and request.short_side is not None:
        raise UsageError("--width and --short-side both set the size; give one of them")
    inside, outside = request.out.resolve(), request.pictures.resolve()
    if inside == outside or outside in inside.parents or inside in outside.parents:
        raise UsageError(f"--out {request.out} and {request.pictures} lie in one another: choose a folder beside it")
    sources: dict[str, Path] = {}
    for file in picture_files(request.pictures):
        name = "-".join(file.relative_to(request.pictures).with_suffix("").parts)
        if name in sources:
            raise InputError(f"{sources[name]} and {file} would both become {name}__0.png: rename one of them")
        sources[name] = file
    return sources


def _write_copies(
    request: Request, camera: Camera, name: str, file: Path, folders: Sequence[Path]
) -> list[dict[str, Any]]:
    source = at_full_scale(read_any(file), request.bits, str(file))
    if source.shape[2] != camera.channels:
        kinds = {1: "grey", 3: "colour"}
        raise InputError(
            f"{file} is a {kinds[source.shape[2]]} picture, camera {camera.name} takes {kinds[camera.channels]} ones: "
            "choose another --camera, or convert it"
        )
    truth = resized(source, width=request.width, short_side=request.short_side)
    truth = as_uint8(truth) if camera.channels == 3 else truth
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    records = []
    for copy in range(request.copies):
        draw = draw_of(camera.name, request.seed, _number(name), copy)
        bits = 16 if truth.dtype == np.uint16 or getattr(draw, "bits", 8) > 8 else 8
        written = [_levels(camera.degrade(as_float(truth), draw), bits), _levels(as_float(truth), bits)]
        for folder, image in zip(folders, written, strict=False):
            write_bytes(folder / f"{name}__{copy}.png", encoded(image))
        records.append(_record(request, f"{name}__{copy}.png", file, digest, written[0], draw))
    return records


def _remove_older(request: Request, name: str, folders: Sequence[Path]) -> None:
    """What an earlier run made of a picture that cannot be used any more is in no list: it must not pass for a part of the set."""
    for folder in folders:
        for copy in range(request.copies):
            (folder / f"{name}__{copy}.png").unlink(missing_ok=True)


def _record(request: Request, name: str, file: Path, digest: str, image: Picture, draw: Draw) -> dict[str, Any]:
    return {
        "name": name,
        "source": file.relative_to(request.pictures).as_posix(),
        "source_sha256": digest,
        "size": [image.shape[1], image.shape[0]],
        "bits": 8 * image.dtype.itemsize,
        "draw": draw.to_json(),
    }


def _document(request: Request, records: list[dict[str, Any]], left_out: list[str]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "camera": request.camera,
        "seed": request.seed,
        "copies": request.copies,
        "width": request.width,
        "short_side": request.short_side,
        "source_bits": request.bits or None,
        "unreadable": left_out,
        "pictures": records,
    }


def resized(image: Picture, *, width: int | None, short_side: int | None, enlarge: bool = True) -> Picture:
    """The picture scaled, by area averages downwards and cubically upwards, in its own depth.

    Args:
        image: uint8 or uint16 [H,W,C].
        width: Wanted width, or None.
        short_side: Wanted short side, or None; with both None the picture stays.
        enlarge: Whether a smaller picture is enlarged; otherwise it stays.

    Raises:
        InputError: A side would be shorter than 16 pixels.
    """
    scale = width / image.shape[1] if width else short_side / min(image.shape[:2]) if short_side else 1.0
    if scale == 1.0 or (scale > 1.0 and not enlarge):
        return image
    return resized_to(image, round(image.shape[1] * scale), round(image.shape[0] * scale))


def resized_to(image: Picture, width: int, height: int) -> Picture:
    """Like `resized`, to a size in pixels."""
    if min(width, height) < LEAST_SIDE:
        raise InputError(
            f"a picture would become {width}×{height}, expected at least {LEAST_SIDE} a side: ask for a larger size"
        )
    method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    scaled = np.asarray(cv2.resize(image, (width, height), interpolation=method)).reshape(height, width, image.shape[2])
    return scaled.astype(np.uint8, copy=False) if image.dtype == np.uint8 else scaled.astype(np.uint16, copy=False)


def _levels(image: Float, bits: int) -> Picture:
    if bits == 8:
        return np.asarray(np.rint(image * np.float32(255.0)), dtype=np.uint8)
    return np.asarray(np.rint(image.astype(np.float64) * FULL_16), dtype=np.uint16)


def encoded(image: Picture) -> bytes:
    """8- or 16-bit, RGB or grey; `edgeenh.pictures` writes colour of 8 bit only."""
    written, data = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))  # OpenCV wants BGR
    if not written:
        raise JobFailed(
            f"a picture of {image.shape[1]}×{image.shape[0]} could not be encoded as PNG: ask for a smaller size"
        )
    return data.tobytes()


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
