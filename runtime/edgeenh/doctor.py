"""What is installed, what can be used, and the fix for the rest. Reads only; nothing is downloaded, written or run."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgeenh.backends import AUTO, get_backend
from edgeenh.environment import fingerprint
from edgeenh.errors import EdgeenhError, IntegrityError

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle

SCHEMA = "edgeenh.doctor/1"

_REQUIREMENT = re.compile(r"""^(?P<package>[\w.-]+).*;.*\bextra\s*==\s*["'](?P<extra>[\w.-]+)["']""")


def examine(open_bundle: Callable[[], Bundle] | None = None) -> dict[str, Any]:
    """Look at this installation and this machine.

    Args:
        open_bundle: Opens the bundle to look at; None = the one that ships with the package.

    Returns:
        JSON values: `environment` (see `edgeenh.environment`), `backends` with `usable`, `reason` and `fix`, `extras` with
        `installed` and the versions of their packages (None = missing), `bundle` with `intact` and `problem`, and
        `healthy`: at least one backend is usable and the bundle is intact.
    """
    backends = [_backend(name) for name in AUTO]
    bundle = _bundle(open_bundle)
    return {
        "schema": SCHEMA,
        "healthy": any(backend["usable"] for backend in backends) and bundle["intact"],
        "environment": fingerprint(),
        "backends": backends,
        "extras": extras(_requirements()),
        "bundle": bundle,
    }


def extras(requirements: Iterable[str]) -> list[dict[str, Any]]:
    """The extras in a distribution's requirements, in order of appearance.

    Args:
        requirements: Lines as in the metadata, e.g. `onnxruntime>=1.20; extra == "cpu"`; others are passed over.

    Returns:
        For each extra its `name`, `packages` (name → installed version or None) and `installed`: none is missing.
    """
    found: dict[str, dict[str, str | None]] = {}
    for line in requirements:
        if match := _REQUIREMENT.match(line):
            found.setdefault(match["extra"], {})[match["package"]] = _version(match["package"])
    return [
        {"name": name, "installed": None not in packages.values(), "packages": packages}
        for name, packages in found.items()
    ]


def _requirements() -> list[str]:
    """Those of the installed edgeenh; none when it runs from a source tree that is not installed."""
    try:
        return importlib.metadata.requires("edgeenh") or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _backend(name: str) -> dict[str, Any]:
    backend = get_backend(name)
    found = asdict(backend.availability())
    return {"name": name, **found, "devices": list(found["devices"]), "precisions": list(backend.PRECISIONS)}


def _bundle(open_bundle: Callable[[], Bundle] | None) -> dict[str, Any]:
    from edgeenh.bundle import Bundle

    try:
        bundle = (open_bundle or Bundle.shipped)()
        frames = len(bundle.golden())
    except EdgeenhError as exc:
        return {"intact": False, "damaged": isinstance(exc, IntegrityError), "problem": str(exc)}
    return {
        "intact": True,
        "damaged": False,
        "problem": "",
        "path": str(bundle.path),
        "sha256": bundle.sha256,
        "model": {"id": bundle.manifest.id, "version": bundle.manifest.version},
        "precisions": list(bundle.precisions),
        "golden_frames": frames,
    }
