"""The worst frames beside the JSON: written with the measurement, read again when a page is made of the stored result.

`R.json` has its frames in `R.frames/`; the document names each file relative to its own folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from edgeenh.errors import EdgeenhError
from edgeenh.files import make_folder, read_once, write_bytes

if TYPE_CHECKING:
    from edgeenh_bench.drift_pictures import DriftPicture

Json = Mapping[str, Any]

KEY = "worst_frames"
KINDS = {"triple": ".jpg", "heat": ".png", "original": ".jpg", "enhanced": ".jpg"}
"""What a frame is kept as, by the names of `DriftPicture`."""

_BEGINS = {".jpg": b"\xff\xd8\xff", ".png": b"\x89PNG\r\n\x1a\n"}
MOST_BYTES = 32 << 20
"""Of one file; ours have less than one megabyte."""


def save(pictures: Mapping[str, Sequence[DriftPicture]], result: Path) -> dict[str, list[dict[str, Any]]]:
    """Write the frames beside `result`, which need not be there yet.

    Args:
        pictures: Label of a row → its worst frames.
        result: The file of the JSON document.

    Returns:
        What the document says of them, for `KEY`.

    Raises:
        UsageError, OutputFailed: The folder cannot be written to.
    """
    if not any(pictures.values()):
        return {}
    folder = make_folder(result.with_suffix(".frames"))
    found: dict[str, list[dict[str, Any]]] = {}
    for row, (label, frames) in enumerate(pictures.items()):
        found[label] = []
        for number, frame in enumerate(frames):
            names = {kind: f"{folder.name}/{row}-{number}-{kind}{ending}" for kind, ending in KINDS.items()}
            for kind, name in names.items():
                write_bytes(result.parent / name, getattr(frame, kind))
            found[label].append({"frame": frame.frame, "psnr_db": frame.psnr_db, **names})
    return found


def load(document: Json, result: Path) -> tuple[dict[str, list[DriftPicture]], list[str]]:
    """Read the frames that `document`, read from `result`, names.

    Returns:
        Label of a row → its worst frames that are whole; and a sentence for each that is not.
    """
    found: dict[str, list[DriftPicture]] = {}
    missing: list[str] = []
    named = document.get(KEY) or {}
    if not isinstance(named, dict) or not all(isinstance(frames, list) for frames in named.values()):
        return {}, [f"the worst frames cannot be shown: {KEY!r} in {result.name} is not a list of frames per row"]
    for label, frames in named.items():
        for frame in frames:
            try:
                found.setdefault(label, []).append(_read(frame, result.parent))
            except (EdgeenhError, OSError, LookupError, TypeError, ValueError) as exc:
                missing.append(f"a worst frame of {label} cannot be shown: {_reason(exc)}")
    return {label: frames for label, frames in found.items() if frames}, missing


def _read(frame: Json, folder: Path) -> DriftPicture:
    from edgeenh_bench.drift_pictures import DriftPicture

    parts = {kind: _content(folder, frame[kind], ending) for kind, ending in KINDS.items()}
    return DriftPicture(str(frame["frame"]), float(frame["psnr_db"]), **parts)


def _content(folder: Path, name: str, ending: str) -> bytes:
    """One file; a result from elsewhere must not put other files of this machine on a page."""
    parts = PurePosixPath(name).parts
    if len(parts) != 2 or ".." in parts or not parts[0].endswith(".frames"):
        raise ValueError(f"{name!r} is not the name of a file in the result's .frames folder")
    data, _ = read_once(folder.joinpath(*parts), MOST_BYTES, follow=False)
    if not data.startswith(_BEGINS[ending]):
        raise ValueError(f"{name} is no {ending[1:].upper()} picture")
    return data


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return f"{error} is not in the result" if isinstance(error, LookupError) else str(error)
