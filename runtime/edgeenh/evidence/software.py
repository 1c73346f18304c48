"""What software is installed: a bill of materials (CycloneDX 1.6, JSON) and the SOUP list (IEC 62304, 5.3.2 and 8.1.2).

Both are made from the metadata of the installed distributions alone: nothing is looked up, nothing is downloaded.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from typing import Any

PURPOSES = {
    "numpy": "arrays of pixels",
    "opencv-python-headless": "decoding and encoding pictures, cameras, resizing",
    "typer": "the command line",
    "onnxruntime": "backend: runs the generator",
    "onnxruntime-gpu": "backend: runs the generator on CUDA",
    "openvino": "backend: runs the generator on the CPU",
    "tensorrt": "backend: runs the generator on NVIDIA GPUs",
    "tensorrt-rtx": "backend: runs the generator on RTX GPUs",
    "cuda-core": "memory and streams of the GPU",
    "cuda-bindings": "memory and streams of the GPU",
    "pycuda": "memory and streams of the GPU",
    "cryptography": "signatures of bundles and evidence",
    "av": "decoding network streams, encoding video",
    "pydicom": "reading and writing DICOM",
    "pynetdicom": "DICOM over the network",
    "python-gdcm": "decoding compressed DICOM pixels",
    "pylibjpeg": "decoding compressed DICOM pixels",
    "pylibjpeg-openjpeg": "decoding JPEG 2000 in DICOM",
    "pygobject": "GigE Vision cameras through Aravis",
    "fastapi": "the station's HTTP service",
    "uvicorn": "the station's HTTP server",
    "prometheus-client": "metrics",
}
"""What edgeenh uses a direct dependency for."""

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r"extra\s*==")


@dataclass(frozen=True, slots=True)
class Component:
    """One installed distribution.

    Attributes:
        name: In the normal form of PyPI.
        version: As its metadata say.
        licence: SPDX expression or what the metadata say; `not stated` where they are silent.
        needs: Names of installed distributions that it requires.
        purpose: What edgeenh uses it for, or through what it came.
    """

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]
    purpose: str


def normal(name: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def components(installed: Iterable[Distribution] | None = None) -> list[Component]:
    """Everything that is installed in this environment, by name."""
    by_name: dict[str, Distribution] = {}
    for found in distributions() if installed is None else installed:
        name = found.metadata["Name"]
        if name:
            by_name.setdefault(normal(name), found)
    needs = {name: _needs(one, by_name) for name, one in by_name.items()}
    purposes = _purposes(needs)
    return [
        Component(name, one.version or "not stated", _licence(one), needs[name], purposes[name])
        for name, one in sorted(by_name.items())
    ]


def bill(found: list[Component], edgeenh_version: str, created: str) -> dict[str, Any]:
    """The bill of materials, CycloneDX 1.6."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": created,
            "component": {
                "type": "application", "bom-ref": "edgeenh", "name": "edgeenh", "version": edgeenh_version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": [_component(one) for one in found if one.name != "edgeenh"],
        "dependencies": [{"ref": _reference(one), "dependsOn": _references(one, found)} for one in found],
    }  # fmt: skip


def soup(found: list[Component]) -> str:
    """The list of software of unknown provenance that the runtime uses, as Markdown; tools that are only installed come after."""
    used = [one for one in found if one.purpose != NOT_USED and one.name != "edgeenh"]
    others = [one for one in found if one.purpose == NOT_USED]
    head = "| name | version | licence | purpose |\n|---|---|---|---|\n"
    lines = [f"| {one.name} | {one.version} | {_cell(one.licence)} | {_cell(one.purpose)} |" for one in used]
    more = ", ".join(f"{one.name} {one.version}" for one in others) or "nothing"
    return (
        "# Software that edgeenh uses and did not write (SOUP)\n\n"
        "From the metadata of the installed distributions. Known anomalies are not listed: see each project's own tracker.\n\n"
        f"{head}" + "\n".join(lines) + f"\n\nAlso installed in this environment, and not required by edgeenh: {more}.\n"
    )


NOT_USED = "installed, not required by edgeenh"


def _needs(one: Distribution, by_name: dict[str, Distribution]) -> tuple[str, ...]:
    """What it requires and is installed; of edgeenh itself also what its extras name, of others without theirs."""
    own = normal(one.metadata["Name"]) == "edgeenh"
    found = set()
    for line in one.requires or ():
        match = _REQUIREMENT.match(line)
        if match and (own or not _EXTRA.search(line)):
            found.add(normal(match[1]))
    return tuple(sorted(found & set(by_name)))


def _purposes(needs: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Direct dependencies by what they are for; others by the first that needs them."""
    purposes = dict.fromkeys(needs, NOT_USED)
    queue = deque(name for name in needs.get("edgeenh", ()) if name in PURPOSES)
    purposes.update({name: PURPOSES[name] for name in queue})
    while queue:
        parent = queue.popleft()
        for name in needs[parent]:
            if purposes[name] == NOT_USED:
                purposes[name] = f"needed by {parent}"
                queue.append(name)
    return purposes


def _licence(one: Distribution) -> str:
    metadata: Any = one.metadata
    stated = metadata.get("License-Expression") or ""
    trove = [
        line.rpartition("::")[2].strip()
        for line in metadata.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    text = (metadata.get("License") or "").strip().splitlines()
    short = text[0] if text and len(text[0]) <= 80 else ""
    return stated or " AND ".join(trove) or short or "not stated"


def _component(one: Component) -> dict[str, Any]:
    licence = [] if one.licence == "not stated" else [{"license": {"name": one.licence}}]
    return {
        "type": "library", "bom-ref": _reference(one), "name": one.name, "version": one.version,
        "purl": f"pkg:pypi/{one.name}@{one.version}", **({"licenses": licence} if licence else {}),
        "properties": [{"name": "edgeenh:purpose", "value": one.purpose}],
    }  # fmt: skip


def _reference(one: Component) -> str:
    return "edgeenh" if one.name == "edgeenh" else f"{one.name}@{one.version}"


def _references(one: Component, found: list[Component]) -> list[str]:
    return [_reference(other) for other in found if other.name in one.needs]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
