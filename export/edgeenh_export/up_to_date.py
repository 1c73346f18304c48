"""Whether an export would give what is there already: nothing is done twice, and nothing old passes for new.

A finished export is remembered in the station's authenticated cache (`edgeenh.cache`), under everything that it depends on: the bytes
of the model, its card and the calibration pictures, every option, the code and data of this package, the versions of the
libraries, and the machine, since the gate and the times are of it. It is taken for done only while the bundle in its place
verifies byte for byte and is the remembered one. `edgeenh cache why` names what changed. A torch module of the user's
is never remembered: what its code imports cannot be known. Imports nothing heavy.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edgeenh.bundle import Bundle
from edgeenh.cache import Cache
from edgeenh.environment import fingerprint
from edgeenh.errors import EdgeenhError
from edgeenh_export.options import Size
from edgeenh_export.precision.calibration import picture_files
from edgeenh_export.sources.overrides import Overrides

KIND = "exports"

LIBRARIES = (
    *(
        "torch",
        "onnx",
        "onnxscript",
        "onnxruntime",
        "onnxruntime-gpu",
        "numpy",
        "safetensors",
        "opencv-python-headless",
    ),
    *("openvino", "tensorrt", "tensorrt-rtx", "tensorrt_rtx", "nvidia-modelopt"),
)
"""Distributions that an export may use."""
_PACKAGES = ("edgeenh", "edgeenh_train", "edgeenh_export")
_OURS = {".py", ".json", ".png"}
"""Files of ours that decide what an export gives; golden frames among them."""


class Exports:
    """The exports that this station remembers.

    Args:
        folder: The cache's folder; None = nothing is remembered.
        key: `inputs_of` the export that is asked for.
    """

    def __init__(self, folder: Path | None, key: Mapping[str, str]) -> None:
        self._cache, self._key = Cache(folder, KIND), dict(key)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should hear of the cache."""
        return tuple(self._cache.remarks)

    def recall(self, out: Path | None) -> Bundle | None:
        """The bundle that such an export gave, verified, where it still lies in its place; otherwise None.

        Args:
            out: Where it should lie; None = in the working folder, under the name that it was given.
        """
        remembered = self._cache.recall(self._key)
        if remembered is None:
            return None
        entry = json.loads(remembered)  # this station wrote it
        path = out or Path(entry["name"])
        try:
            bundle = Bundle.open(path)
        except EdgeenhError:
            return None  # gone, or damaged: it is made again
        return bundle if manifest_digest(bundle) == entry["manifest_sha256"] else None

    def remember(self, bundle: Bundle) -> None:
        """Keep what the export gave. A cache that cannot be written is a remark, never an error."""
        entry = {"name": bundle.path.name, "manifest_sha256": manifest_digest(bundle)}
        self._cache.remember(self._key, json.dumps(entry, sort_keys=True).encode())


def manifest_digest(bundle: Bundle) -> str:
    """SHA-256 of a bundle's manifest, which holds the digest of every other member; a signature added later changes nothing."""
    return hashlib.sha256(bundle.manifest.to_json()).hexdigest()


def inputs_of(
    model: Path,
    out: Path | None,
    *,
    precisions: Sequence[str],
    sizes: Sequence[Size],
    tensorrt: str,
    overrides: Overrides,
    thresholds: Mapping[str, float],
    calibration: Path | None,
) -> dict[str, str]:
    """Everything that an export depends on, by name.

    Args:
        model: The checkpoint or ONNX file.
        out: Where the bundle goes.
        precisions, sizes, tensorrt, overrides, calibration: As in `edgeenh_export.pipeline.export`.
        thresholds: Those that were stated.

    Raises:
        UsageError: The calibration folder cannot be used.
        OSError: A file cannot be read.
    """
    machine: dict[str, Any] = fingerprint()
    stated = {name: value for name, value in asdict(overrides).items() if value is not None} | dict(thresholds)
    card = model.with_suffix(".md")
    return {
        "model": model.name,
        "model_sha256": _digest([model]),
        "card_sha256": _digest([card]) if card.is_file() else "none",
        "calibration_sha256": "none" if calibration is None else _digest(picture_files(calibration)),
        "out": "" if out is None else str(out.absolute()),
        "precisions": " ".join(precisions),
        "sizes": " ".join(f"{width}x{height}" for width, height in sizes),
        "tensorrt": tensorrt,
        # one by one, so that `edgeenh cache why` names the one that changed
        **{f"stated.{name}": json.dumps(value) for name, value in stated.items()},
        "code_sha256": _digest(_own_files()),
        "libraries": " ".join(_versions()),
        **{name: json.dumps(machine[name], sort_keys=True) for name in ("cpu", "gpus")},
    }


def _digest(files: Iterable[Path]) -> str:
    """Of names and contents, in order."""
    whole = hashlib.sha256()
    for path in files:
        data = path.read_bytes()
        whole.update(f"{path.name}\0{len(data)}\0".encode())
        whole.update(data)
    return whole.hexdigest()


def _own_files() -> list[Path]:
    """Code and data of the packages that an export is made by."""
    folders = [Path(place) for name in _PACKAGES for place in (_spec(name) or ())]
    return sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in _OURS and path.is_file())


def _spec(name: str) -> Sequence[str] | None:
    found = find_spec(name)
    return None if found is None else found.submodule_search_locations


def _versions() -> list[str]:
    versions = [f"python {platform.python_version()}"]
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
